"""The words of Ollama's chat. Source: https://docs.ollama.com/api/chat, and the recorded traffic."""

from __future__ import annotations

import zlib
from typing import Any

from modelmux.types import FinishReason, ToolCall
from modelmux.wire._finish import Finishes
from modelmux.wire._kept import Keeper, word
from modelmux.wire._losses import Loss
from modelmux.wire._turns import call_of, said_object

WIRE = "ollama.chat"
MINE = Keeper(WIRE)
CACHED: Loss = ("cache", "dropped", "there are no cache marks here; the server caches by itself")

FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "load": "stop", "unload": "stop"}
WORDS: dict[FinishReason, str] = {"length": "length"}


finish_of = Finishes(FINISH, WORDS).read
"""There is no word of its own for an answer that calls tools: ``stop`` says that too."""


def word_of(reason: FinishReason, raw: str | None) -> str:
    return raw if raw in FINISH and (FINISH[raw] == "length") == (reason == "length") else WORDS.get(reason, "stop")


def answered_call(item: Any, number: int, when: Any) -> ToolCall | None:
    """One of an answer's calls. Older servers give no ids: one is made of the answer's time and the call's number, so
    that the same bytes always give the same id and two turns never the same one. It never goes back to the vendor.
    """
    call = decode_call(item, f"call_{zlib.crc32(str(when).encode()):08x}_{number}")
    if call is None:
        return None
    kept = dict(MINE.of(call.extra))
    function = {key: value for key, value in kept.pop("function", {}).items() if key != "index" and value is not None}
    kept = {key: value for key, value in kept.items() if key == "$id" or (value is not None and key[0] != "$")}
    if function:
        kept["function"] = function
    kept.pop("type", None)
    return ToolCall(call.id, call.name, call.arguments, call.raw, extra=MINE.keep(kept))


def decode_call(item: Any, made_up: str) -> ToolCall | None:
    """One item of ``tool_calls``, None when it is nothing of the kind. ``made_up`` is its id where it has none."""
    found = call_of(item, dict)
    if found is None:
        return None
    name, arguments, raw, rest = found
    call_id = word(rest.get("id"))
    if call_id is None:
        rest["$id"] = True
    else:
        del rest["id"]
    return ToolCall(call_id or made_up, name, arguments, raw, extra=MINE.keep(rest))


def encode_call(call: ToolCall) -> dict[str, Any]:
    own = MINE.of(call.extra)
    fields = MINE.fields(call.extra)
    arguments = said_object(call, own)
    item: dict[str, Any] = {} if "$id" in own else {"id": call.id}
    return {**item, **fields, "function": {**fields.get("function", {}), "name": call.name, "arguments": arguments}}
