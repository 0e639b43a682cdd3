"""The words of CLOVA Studio's own chat (version 3). Source: https://api.ncloud-docs.com/docs/clovastudio-chatcompletionsv3
and its list of errors; no traffic was at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import FinishReason
from modelmux.wire import _refusal
from modelmux.wire._classify import Told
from modelmux.wire._finish import Finishes
from modelmux.wire._kept import Keeper, word
from modelmux.wire._losses import Loss

WIRE = "clova.chat_v3"
MINE = Keeper(WIRE)
OK = "20000"
CACHED: Loss = ("cache", "dropped", "there are no cache marks here")

FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}

_MEANINGS = {
    "40003": "context_length_exceeded",
    "40005": "content_filter",
    "40009": "unsupported_parameter",
    "40080": "model_not_found",
    "40082": "model_decommissioned",
}
"""Codes of the vendor's -> the word that says the same elsewhere."""


finish_of = Finishes(FINISH, {}).read


def word_of(reason: FinishReason, raw: str | None) -> str:
    return raw if raw in FINISH and FINISH[raw] in (reason, "stop") else reason if reason in FINISH else "stop"


def failed(body: Mapping[str, Any]) -> bool:
    """Whether a body with a good HTTP status tells of a failure: its own status stands inside."""
    status = body.get("status")
    return isinstance(status, dict) and str(status.get("code") or OK) != OK


def told(value: Any) -> Told:
    status = value.get("status") if isinstance(value, dict) else None
    if not isinstance(status, dict):
        return _refusal.usual(value)
    code = str(status.get("code") or "") or None
    return Told(word(status.get("message")) or "", code=code, kind=_MEANINGS.get(code or ""), body=value)


def in_band(value: Any, provider: str) -> ProviderError:
    """An error that came with a good status; the first three digits of its code are the one it has elsewhere."""
    facts = told(value)
    code = facts.code or ""
    status = int(code[:3]) if len(code) == 5 and code.isascii() and code.isdigit() and code >= "40000" else None
    return _refusal.inside(facts, provider, status)


def decode_error(status: int, headers: Mapping[str, str], body: bytes, provider: str) -> ProviderError:
    """An error answer, classified. Never raises."""
    return _refusal.decode_error(status, headers, body, provider, told)
