"""What each vendor refuses in a request body, as plain checks over the JSON. Knows nothing of modelmux.

``problems(wire, body)`` lists every rule broken. Rules come from the vendors' references (as summed up in the wires'
own docstrings) and from error messages seen in the recordings and in public issue threads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Body = dict[str, Any]
Check = Callable[[Body], Iterator[str]]


def problems(wire: str, body: Body) -> list[str]:
    try:
        json.dumps(body, allow_nan=False)
    except (TypeError, ValueError) as error:
        return [f"no JSON: {error}"]
    check = CHECKS.get(wire)
    found = list(check(body)) if check is not None else []
    return found + [f"a private hint leaves: {key}" for key in keys(body) if key.startswith("$") and key[1:2].islower()]


def keys(value: Any, inside: str = "") -> Iterator[str]:
    """All keys, but for those of JSON schemas and of tools' arguments, which are the caller's own."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in _CALLERS:
                yield from keys(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner, inside)


_CALLERS = {"parameters", "input_schema", "inputSchema", "schema", "parametersJsonSchema", "responseJsonSchema"} | {
    "args",
    "input_args",
    "format",
    "response",
    "json_schema",
}

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ANTHROPIC_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_GEMINI_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_ANY_NAME = re.compile(r".+", re.DOTALL)


def _names(names: list[Any], rule: re.Pattern[str] = _NAME) -> Iterator[str]:
    for name in names:
        if not isinstance(name, str) or not rule.fullmatch(name):
            yield f"not a tool name: {name!r}"
    if len(set(map(str, names))) != len(names):
        yield f"tools named twice: {names}"


def _paired(calls: list[Any], results: list[Any], where: str, valid: re.Pattern[str]) -> Iterator[str]:
    """Every call of a turn has exactly one result, in the turns that follow it at once."""
    for call_id in calls:
        if not isinstance(call_id, str) or not valid.fullmatch(call_id):
            yield f"{where}: not an id: {call_id!r}"
    if len(set(map(str, calls))) != len(calls):
        yield f"{where}: ids given twice: {calls}"
    if sorted(map(str, calls)) != sorted(map(str, results)):
        yield f"{where}: calls {calls} are answered by {results}"


def _objects(value: Any) -> list[Body]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# --- formats with one list of messages: OpenAI chat, Cohere, Ollama ------------------------------------------


def _listed(roles: set[str], valid: re.Pattern[str], *, ids: bool = True, names: re.Pattern[str] = _NAME) -> Check:
    def check(body: Body) -> Iterator[str]:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            yield "no messages"
            return
        if not body.get("model"):
            yield "no model"
        place = 0
        while place < len(messages):
            message = messages[place]
            place += 1
            if message.get("role") not in roles:
                yield f"messages[{place - 1}]: role {message.get('role')!r}"
            if message.get("role") == "tool":
                yield f"messages[{place - 1}]: a result without a call before it"
            calls = message.get("tool_calls") or []
            if message.get("role") == "user" and message.get("content") is None:
                yield f"messages[{place - 1}]: no content"
            if isinstance(message.get("content"), list) and not message["content"]:
                yield f"messages[{place - 1}]: an empty list as content"
            if message.get("role") == "assistant" and "content" not in message and not calls:
                yield f"messages[{place - 1}]: an assistant turn without content or calls"
            if not calls:
                continue
            results = []
            while place < len(messages) and messages[place].get("role") == "tool":
                results.append(messages[place].get("tool_call_id"))
                place += 1
            if ids:
                yield from _paired([call.get("id") for call in calls], results, f"messages[{place}]", valid)
            elif len(results) != len(calls):
                yield f"messages[{place}]: {len(calls)} calls and {len(results)} results"
        tools = [tool["function"]["name"] for tool in _objects(body.get("tools")) if "function" in tool]
        yield from _names(tools, names)
        called = [
            call["function"]["name"] for m in _objects(body.get("messages")) for call in m.get("tool_calls") or ()
        ]
        yield from _names(sorted(set(called)), names)
        if "tools" in body and not body["tools"]:
            yield "an empty list of tools"

    return check


def _openai_chat(body: Body) -> Iterator[str]:
    yield from _listed({"system", "developer", "user", "assistant", "tool"}, re.compile(r".{1,40}"))(body)
    for message in _objects(body.get("messages")):
        for call in message.get("tool_calls") or ():
            if not isinstance(call["function"]["arguments"], str):
                yield "arguments are not text"
        for part in _objects(message.get("content")):
            if part.get("type") == "text" and message["role"] == "tool" and not isinstance(part.get("text"), str):
                yield "a text without text"
            if message["role"] in ("system", "tool") and part.get("type") != "text":
                yield f"{part.get('type')} in a {message['role']} message"
    if "tools" not in body and ("tool_choice" in body or "parallel_tool_calls" in body):
        yield "a word on tools and no tools"


_ROLES = {"system", "user", "assistant", "tool"}


def _ollama(body: Body) -> Iterator[str]:
    yield from _listed(_ROLES, re.compile(r".+"), ids=False, names=_ANY_NAME)(body)
    for message in _objects(body.get("messages")):
        if not isinstance(message.get("content", ""), str):
            yield "content is not text"
        for call in message.get("tool_calls") or ():
            if not isinstance(call["function"]["arguments"], dict):
                yield "arguments are not an object"
        if any(not isinstance(image, str) or ":" in image for image in message.get("images", ())):
            yield "an image that is not base64"


# --- Anthropic -----------------------------------------------------------------------------------------------

_ANTHROPIC_ID = re.compile(r"[a-zA-Z0-9_-]+")


def _anthropic(body: Body) -> Iterator[str]:
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        yield "no max_tokens"
    if not isinstance(body.get("model"), str):
        yield "no model"
    system = body.get("system")
    for block in _objects(system):
        if block.get("type") != "text":
            yield f"system holds {block.get('type')}"
    yield from _no_blank(block for block in _objects(system))
    if isinstance(system, str) and not system:
        yield "an empty system"
    turns = []
    for turn in body.get("messages") or ():
        content = turn["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        turns.append((turn["role"], blocks))
    yield from _anthropic_turns(turns)
    yield from _anthropic_options(body)


def _anthropic_turns(turns: list[tuple[str, list[Body]]]) -> Iterator[str]:
    if not turns or turns[0][0] != "user":
        yield "the user does not speak first"
    seen: set[str] = set()
    open_calls: list[Any] = []
    for number, (role, blocks) in enumerate(turns):
        where = f"messages[{number}]"
        if role not in ("user", "assistant"):
            yield f"{where}: role {role!r}"
        if number and turns[number - 1][0] == role:
            yield f"{where}: {role} twice"
        if not blocks:
            yield f"{where}: empty"
        yield from _no_blank(blocks)
        kinds = [block.get("type") for block in blocks]
        results = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
        if "tool_result" in kinds[len(results) :]:
            yield f"{where}: results after other blocks"
        for block in blocks:
            yield from _no_blank(_objects(block.get("content")))
        if role == "user":
            yield from _paired(open_calls, results, where, _ANTHROPIC_ID)
            open_calls = []
            bad = set(kinds) - {"text", "image", "document", "tool_result"}
        else:
            open_calls = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
            if seen.intersection(open_calls):
                yield f"{where}: ids of an earlier turn: {open_calls}"
            seen.update(open_calls)
            bad = set(kinds) - {"text", "thinking", "redacted_thinking", "tool_use"}
        if bad:
            yield f"{where}: {role} turn with {bad}"
        for block in blocks:
            if block.get("type") == "thinking" and not block.get("signature"):
                yield f"{where}: thinking without its signature"
            if block.get("type") == "tool_use" and not isinstance(block.get("input"), dict):
                yield f"{where}: input is not an object"
    if open_calls:
        yield f"calls without results at the end: {open_calls}"


def _no_blank(blocks: Any) -> Iterator[str]:
    for block in blocks:
        if block.get("type") == "text" and not block.get("text", "").strip():
            yield "a blank text block"


def _anthropic_options(body: Body) -> Iterator[str]:
    tools = _objects(body.get("tools"))
    yield from _names([tool.get("name") for tool in tools], _ANTHROPIC_NAME)
    for tool in tools:
        if "type" not in tool and tool.get("input_schema", {}).get("type") != "object":
            yield "a tool's schema is not of an object"
    if "tool_choice" in body and not tools:
        yield "tool_choice without tools"
    called = any(b.get("type") == "tool_use" for t in body["messages"] for b in _objects(t["content"]))
    if called and not tools:
        yield "calls and no tools"
    if not 0 <= body.get("temperature", 0) <= 1:
        yield "temperature above 1"
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        if not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
            yield "a thinking budget that does not fit"
        if body.get("temperature", 1) != 1 or "top_k" in body:
            yield "sampling beside thinking"
        if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
            yield "a forced tool beside thinking"
    marks = [1 for block in _blocks(body) if "cache_control" in block]
    if len(marks) > 4:
        yield f"{len(marks)} cache marks"
    if any(not word.strip() for word in body.get("stop_sequences", ())):
        yield "a blank stop sequence"


def _blocks(value: Any) -> Iterator[Body]:
    """Every object inside, outermost first."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _blocks(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _blocks(inner)


# --- Gemini --------------------------------------------------------------------------------------------------


def _gemini(body: Body) -> Iterator[str]:
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        yield "contents are empty"
        return
    open_calls: list[tuple[Any, Any]] = []
    for number, content in enumerate(contents):
        where = f"contents[{number}]"
        role, parts = content.get("role"), content.get("parts")
        if role not in ("user", "model"):
            yield f"{where}: role {role!r}"
        if number and contents[number - 1].get("role") == role:
            yield f"{where}: {role} twice"
        if not parts:
            yield f"{where}: no parts"
            continue
        for part in parts:
            data = [key for key in _GEMINI_DATA if key in part]
            if len(data) != 1:
                yield f"{where}: a part with {data or 'nothing'} to say"
            if part.get("text") == "" and "thoughtSignature" not in part:
                yield f"{where}: an empty text"
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        said = [(result.get("name"), result.get("id")) for result in results]
        if sorted(map(str, said)) != sorted(map(str, open_calls)):
            yield f"{where}: calls {open_calls} are answered by {said}"
        if any(not isinstance(result.get("response"), dict) for result in results):
            yield f"{where}: a response that is no object"
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        if (calls and role != "model") or (results and role != "user"):
            yield f"{where}: calls or results in a turn of {role}"
        open_calls = [(call.get("name"), call.get("id")) for call in calls]
        if len(set(open_calls)) != len(calls) and all(call_id for _, call_id in open_calls):
            yield f"{where}: ids given twice: {open_calls}"
    if contents[0].get("role") != "user":
        yield "the user does not speak first"
    if open_calls:
        yield f"calls without results at the end: {open_calls}"
    yield from _gemini_options(body)


_GEMINI_DATA = ("text", "inlineData", "fileData", "functionCall", "functionResponse")


def _gemini_options(body: Body) -> Iterator[str]:
    declared = [d.get("name") for tool in _objects(body.get("tools")) for d in tool.get("functionDeclarations", ())]
    yield from _names(declared, _GEMINI_NAME)
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = calling.get("allowedFunctionNames", [])
    if set(allowed) - set(declared):
        yield f"allowed names nobody declared: {allowed}"
    if allowed and calling.get("mode") not in ("ANY", "VALIDATED"):
        yield f"allowed names with mode {calling.get('mode')}"
    if calling and not declared:
        yield "functionCallingConfig without functions"
    config = body.get("generationConfig") or {}
    if len(config.get("stopSequences", ())) > 5:
        yield "more than 5 stop sequences"
    if {"thinkingBudget", "thinkingLevel"} <= config.get("thinkingConfig", {}).keys():
        yield "a thinking level and a budget"
    for part in _objects((body.get("systemInstruction") or {}).get("parts")):
        if part.keys() != {"text"}:
            yield f"instructions hold {sorted(part)}"
    if "systemInstruction" in body and not body["systemInstruction"].get("parts"):
        yield "empty instructions"


# --- Bedrock Converse ----------------------------------------------------------------------------------------

_BEDROCK_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def _converse(body: Body) -> Iterator[str]:
    turns = body.get("messages") or []
    if not turns or turns[0].get("role") != "user":
        yield "the user does not speak first"
    open_calls: list[Any] = []
    seen: set[str] = set()
    documents: list[str] = []
    for number, turn in enumerate(turns):
        where, role, blocks = f"messages[{number}]", turn.get("role"), turn.get("content")
        if number and turns[number - 1].get("role") == role:
            yield f"{where}: {role} twice"
        if not blocks:
            yield f"{where}: empty"
            continue
        for block in blocks:
            if "text" in block and not block["text"].strip():
                yield f"{where}: a blank text"
        if "cachePoint" in blocks[0]:
            yield f"{where}: begins with a cache point"
        results = [block["toolResult"] for block in blocks if "toolResult" in block]
        yield from _paired(open_calls, [result["toolUseId"] for result in results], where, _BEDROCK_ID)
        open_calls = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
        if seen.intersection(open_calls):
            yield f"{where}: ids of an earlier turn: {open_calls}"
        seen.update(open_calls)
        if open_calls and role != "assistant":
            yield f"{where}: calls in a turn of {role}"
        if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
            yield f"{where}: a document without text"
        documents += [block["document"].get("name") for block in blocks if "document" in block]
        for result in results:
            if any("text" in block and not block["text"].strip() for block in result["content"]):
                yield f"{where}: a blank text in a result"
    if open_calls:
        yield f"calls without results at the end: {open_calls}"
    if len(set(documents)) != len(documents):
        yield f"documents named twice: {documents}"
    for block in body.get("system", ()):
        if not block.keys() <= {"text", "cachePoint", "guardContent"}:
            yield f"system holds {sorted(block)}"
        if "text" in block and not block["text"].strip():
            yield "a blank text in system"
    tools = (body.get("toolConfig") or {}).get("tools", [])
    yield from _names([tool["toolSpec"]["name"] for tool in tools if "toolSpec" in tool])
    if "toolConfig" in body and not tools:
        yield "toolConfig without tools"
    if seen and not tools:
        yield "calls and no tools"
    if (body.get("inferenceConfig") or {}).get("temperature", 0) > 1:
        yield "temperature above 1"


# --- OpenAI Responses ----------------------------------------------------------------------------------------


def _responses(body: Body) -> Iterator[str]:
    items = body.get("input")
    if not items:
        if not body.get("instructions") or items is None:
            yield "no input"
        return
    if isinstance(items, str):
        return
    calls, results = [], []
    for number, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "message":
            yield from _responses_message(item, f"input[{number}]")
        elif kind == "function_call":
            calls.append(item.get("call_id"))
            if not isinstance(item.get("arguments"), str):
                yield "arguments are not text"
        elif kind == "function_call_output":
            if item.get("call_id") not in calls:
                yield f"input[{number}]: a result before its call"
            results.append(item.get("call_id"))
        elif kind == "reasoning":
            after = items[number + 1] if number + 1 < len(items) else {}
            if after.get("role") == "user" or after.get("type") == "function_call_output" or not after:
                yield f"input[{number}]: reasoning without the item it led to"
        else:
            yield f"input[{number}]: {kind}"
    yield from _paired(calls, results, "input", re.compile(r".{1,64}"))
    tools = _objects(body.get("tools"))
    yield from _names([tool.get("name") for tool in tools if tool.get("type") == "function"])
    if body.get("max_output_tokens", 16) < 16:
        yield "max_output_tokens below 16"


_RESPONSES_PARTS = {
    "user": {"input_text", "input_image", "input_file", "input_audio", "input_video"},
    "system": {"input_text", "input_image", "input_file"},
    "developer": {"input_text", "input_image", "input_file"},
    "assistant": {"output_text", "refusal"},
}


def _responses_message(item: Body, where: str) -> Iterator[str]:
    role, content = item.get("role"), item.get("content")
    if role not in _RESPONSES_PARTS:
        yield f"{where}: role {role!r}"
    elif isinstance(content, list):
        bad = {part.get("type") for part in content} - _RESPONSES_PARTS[role]
        if bad:
            yield f"{where}: a turn of {role} with {bad}"
        if not content:
            yield f"{where}: an empty list as content"
    elif not isinstance(content, str):
        yield f"{where}: no content"


# --- the others ----------------------------------------------------------------------------------------------


def _interactions(body: Body) -> Iterator[str]:
    if not body.get("input"):
        yield "no input"
    functions = [tool.get("name") for tool in _objects(body.get("tools")) if tool.get("type") == "function"]
    yield from _names(functions, _GEMINI_NAME)
    calls = [block.get("id") for block in _blocks(body.get("input")) if block.get("type") == "function_call"]
    results = [block.get("call_id") for block in _blocks(body.get("input")) if block.get("type") == "function_result"]
    yield from _paired(calls, results, "input", re.compile(r".+"))


def _completions(body: Body) -> Iterator[str]:
    # An empty one is as good as none: the model then begins a new document (OpenAI's reference).
    if not isinstance(body.get("prompt"), str | list) or body["prompt"] == []:
        yield "no prompt"


CHECKS: dict[str, Check] = {
    "openai.chat": _openai_chat,
    "openai.responses": _responses,
    "openai.completions": _completions,
    "anthropic.messages": _anthropic,
    "gemini.generateContent": _gemini,
    "gemini.interactions": _interactions,
    "bedrock.converse": _converse,
    "cohere.chat_v2": _listed(_ROLES, re.compile(r".+")),
    "ollama.chat": _ollama,
}
