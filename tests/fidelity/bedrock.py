"""Bedrock's Converse and the model families behind InvokeModel, by path look-ups; event streams unpacked by hand."""

from __future__ import annotations

import base64
import json
import re
import struct
from typing import Any

from fidelity import anthropic, refusals
from fidelity.expected import Answer, Call, Failure, Whole, at, count, merged, positive, rows, words

FINISH = {
    **dict.fromkeys(("end_turn", "stop_sequence", "stop", "COMPLETE", "STOP_SEQUENCE", "FINISH", "endoftext"), "stop"),
    **dict.fromkeys(("max_tokens", "length", "MAX_TOKENS", "LENGTH", "model_context_window_exceeded"), "length"),
    **dict.fromkeys(("tool_use", "TOOL_CALL", "tool_calls"), "tool_calls"),
    **dict.fromkeys(
        ("guardrail_intervened", "content_filtered", "refusal", "ERROR_TOXIC", "CONTENT_FILTERED"), "filtered"
    ),
    **dict.fromkeys(("ERROR", "malformed_model_output", "malformed_tool_use"), "error"),
}

METRICS = "amazon-bedrock-invocationMetrics"
ACTION = "amazon-bedrock-guardrailAction"

ENDS = re.compile(
    r'"(stop_reason|finish_reason|completionReason)": "|message_stop|"is_finished": true|invocationMetrics'
)

CUT = Failure(("StreamTruncated",), "same")
APIS = ("bedrock.converse", "bedrock.converse-stream", "bedrock.invoke", "bedrock.invoke-stream")


def expect(status: int, headers: dict[str, str], body: bytes, *, stream: bool) -> Whole | Failure:
    if status < 400:
        whole = read(documents(body), stream=stream)
        if isinstance(whole, Whole):
            whole.units = {**_counted_beside(headers, whole.units), **whole.units}
        return whole
    text = body.decode().lower()
    name = headers.get("x-amzn-errortype", "").partition(":")[0]
    if name in ("UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"):
        return Failure(("AuthError",))
    if name == "ThrottlingException" or "getting throttled" in text:
        return Failure(("RateLimited",))
    if "input tokens exceeded" in text or "input is too long" in text:
        return Failure(("ContextTooLong",))
    if "model identifier is invalid" in text:
        return Failure(("ModelNotFound",))
    if "doesn't support the" in text:
        return Failure(("UnsupportedParameter", "RequestRejected"))
    return refusals.refusal(status, text)


def _counted_beside(headers: dict[str, str], units: dict[str, int]) -> dict[str, int]:
    """What InvokeModel's headers count of the side (prompt or output) of which the body counts nothing."""
    beside = {
        unit: int(headers.get(f"x-amzn-bedrock-{name}-token-count", 0))
        for unit, name in (
            ("input", "input"),
            ("cache_read", "cache-read-input"),
            ("cache_write_5m", "cache-write-input"),
            ("output", "output"),
        )
    }
    prompt = any("output" not in unit for unit in units)
    return positive({u: n for u, n in beside.items() if not ("output" in units if u == "output" else prompt)})


def ending(body: bytes) -> int:
    """Where the message ends in which the answer's end is first spoken of."""
    place = 0
    for number, document in enumerate(documents(body)):
        place = _ends(body)[number]
        if "messageStop" in document or ENDS.search(json.dumps(document)):
            break
    return place


def _ends(body: bytes) -> list[int]:
    """Where each message (or line) of a body ends."""
    if body[:1] != b"\x00":
        return [place for place, byte in enumerate(body + b"\n") if byte == 10]
    ends = [0]
    while ends[-1] < len(body):
        ends.append(ends[-1] + int.from_bytes(body[ends[-1] : ends[-1] + 4], "big"))
    return ends[1:]


def documents(body: bytes) -> list[dict[str, Any]]:
    """The objects of a body: ``{event type: payload}`` for each message of an event stream, what a ``chunk`` holds for
    those of InvokeModel, and plain JSON as it is.
    """
    if body[:1] != b"\x00":
        text = body.decode()
        try:
            found = [json.loads(text)]
        except ValueError:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        return [item for item in found if isinstance(item, dict)]
    found, place = [], 0
    while place < len(body):
        total, head = struct.unpack(">II", body[place : place + 8])
        headers = body[place + 12 : place + 12 + head]
        payload = json.loads(body[place + 12 + head : place + total - 4])
        if "bytes" in payload:
            found.append(json.loads(base64.b64decode(payload["bytes"])))
        else:
            _, _, after = headers.partition(b":event-type")
            size = int.from_bytes(after[1:3], "big")
            found.append({after[3 : 3 + size].decode(): payload})
        place += total
    return found


def read(found: list[dict[str, Any]], *, stream: bool) -> Whole | Failure:
    if not found:
        return refusals.NOT_AN_ANSWER
    first = found[0]
    if isinstance(at(first, "output", "message"), dict):
        return _converse(found[0])
    if any(key in document for document in found for key in ("contentBlockDelta", "contentBlockStart", "messageStart")):
        return _converse_stream(found)
    if first.get("type") in ("message", "message_start"):
        return _claude(found, stream=stream)
    return _family(found, stream=stream)


# --- Converse, and Nova, which answers InvokeModel in the same shape -----------------------------------------------


def _converse(body: dict[str, Any]) -> Whole:
    content = rows(body, "output", "message", "content")
    reason = words(body, "stopReason")
    return Whole([_answer(content, reason)], converse_units(at(body, "usage")), None)


def _answer(content: list[dict[str, Any]], reason: str) -> Answer:
    text = "".join(words(block, "text") + _cited(block) for block in content)
    thinking = "".join(words(block, "reasoningContent", "reasoningText", "text") for block in content)
    calls = [
        Call(
            words(block, "toolUse", "toolUseId") or None,
            words(block, "toolUse", "name"),
            words(block, "partial") or json.dumps(at(block, "toolUse", "input")),
        )
        for block in content
        if "toolUse" in block and words(block, "toolUse", "type") != "server_tool_use"
    ]
    return Answer(text, thinking, "", calls, FINISH.get(reason, "stop"))


def _cited(block: dict[str, Any]) -> str:
    return "".join(words(piece, "text") for piece in rows(block, "citationsContent", "content"))


def _converse_stream(found: list[dict[str, Any]]) -> Whole | Failure:
    blocks: dict[int, dict[str, Any]] = {}
    reason, usage = "", {}
    for document in found:
        merged(usage, at(document, "metadata", "usage"))
        if not usage:
            merged(usage, _metrics(document))
        reason = words(document, "messageStop", "stopReason") or reason
        for kind in ("contentBlockStart", "contentBlockDelta"):
            if kind not in document:
                continue
            block = blocks.setdefault(
                count(document, kind, "contentBlockIndex"), {"text": "", "thought": "", "partial": ""}
            )
            block.update(at(document, kind, "start") or {})
            delta = at(document, kind, "delta")
            block["text"] += words(delta, "text")
            block["thought"] += words(delta, "reasoningContent", "text")
            block["partial"] += words(delta, "toolUse", "input")
    if not reason:
        return CUT
    content = [
        {**block, "reasoningContent": {"reasoningText": {"text": block["thought"]}}}
        for _, block in sorted(blocks.items())
    ]
    return Whole([_answer(content, reason)], converse_units(usage), None)


def converse_units(usage: Any) -> dict[str, int]:
    """Cached tokens stand beside the input; of those written, the details name the ones kept for an hour."""
    hour = sum(count(detail, "inputTokens") for detail in rows(usage, "cacheDetails") if detail.get("ttl") == "1h")
    written = count(usage, "cacheWriteInputTokens") or count(usage, "cacheWriteInputTokenCount")
    return positive(
        {
            "input": count(usage, "inputTokens"),
            "cache_read": count(usage, "cacheReadInputTokens") or count(usage, "cacheReadInputTokenCount"),
            "cache_write_5m": written - hour,
            "cache_write_1h": hour,
            "output": count(usage, "outputTokens"),
        }
    )


def _metrics(document: dict[str, Any]) -> dict[str, int]:
    """The runtime's own counters, under Converse's names."""
    metrics = at(document, METRICS)
    names = ("inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
    return positive({name.replace("putTokenCount", "putTokens"): count(metrics, name) for name in names})


# --- the other families --------------------------------------------------------------------------------------------


def _claude(found: list[dict[str, Any]], *, stream: bool) -> Whole | Failure:
    ended = any(words(document, "delta", "stop_reason") or document.get("type") == "message_stop" for document in found)
    if stream and not ended:
        return CUT
    whole = anthropic.read(found)
    assert whole is not None
    return whole


def _family(found: list[dict[str, Any]], *, stream: bool) -> Whole | Failure:
    answers: dict[int, Answer] = {}
    reasons: dict[int, str] = {}
    usage: dict[str, int] = {}
    model, known, ended = None, False, False
    for document in found:
        model = model or (words(document, "model") or None)
        merged(usage, counters(document))
        ended = ended or METRICS in document or ACTION in document
        for number, text, reason, calls in _pieces(document):
            known = True
            answer = answers.setdefault(number, Answer())
            answer.text += text
            answer.calls += calls
            reasons[number] = reason or reasons.get(number, "")
            ended = ended or bool(reason)
        if document.get("is_finished") is True and "index" not in document:
            known = ended = True
            for number in answers or {0: None}:
                answers.setdefault(number, Answer())
                reasons[number] = reasons.get(number) or words(document, "finish_reason")
    if not known:
        return refusals.NOT_AN_ANSWER
    if stream and not ended:
        return CUT
    for number, answer in answers.items():
        blocked = not reasons[number] and any(document.get(ACTION) == "INTERVENED" for document in found)
        answer.finish = "filtered" if blocked else FINISH.get(reasons[number], "stop")
    return Whole([answers[number] for number in sorted(answers)], positive(usage), model)


def _pieces(document: dict[str, Any]) -> list[tuple[int, str, str, list[Call]]]:
    """Number of the choice, more of its text, why it ended, its tool calls."""
    if "generation" in document:
        return [(0, words(document, "generation"), words(document, "stop_reason"), [])]
    if "completion" in document:
        return [(0, words(document, "completion"), words(document, "stop_reason"), [])]
    if "outputText" in document:
        return [(count(document, "index"), words(document, "outputText"), words(document, "completionReason"), [])]
    if rows(document, "choices"):
        return [_choice(place, choice) for place, choice in enumerate(rows(document, "choices"))]
    named = (
        ("outputs", ("text",), ("stop_reason",)),
        ("results", ("outputText",), ("completionReason",)),
        ("generations", ("text",), ("finish_reason",)),
        ("completions", ("data", "text"), ("finishReason", "reason")),
    )
    for key, text, reason in named:
        found = [item for item in rows(document, key) if isinstance(at(item, *text), str)]
        if found:
            return [(place, words(item, *text), words(item, *reason), []) for place, item in enumerate(found)]
    if isinstance(document.get("text"), str) and ("is_finished" in document or "generation_id" in document):
        calls = [
            Call(None, words(call, "name"), json.dumps(call.get("parameters"))) for call in rows(document, "tool_calls")
        ]
        return [(count(document, "index"), words(document, "text"), words(document, "finish_reason"), calls)]
    return []


def _choice(place: int, choice: dict[str, Any]) -> tuple[int, str, str, list[Call]]:
    """OpenAI's shape, whose words some families change."""
    message = at(choice, "message") or at(choice, "delta")
    calls = [
        Call(words(call, "id") or None, words(call, "function", "name"), words(call, "function", "arguments"))
        for call in rows(message, "tool_calls")
        if words(call, "function", "name")
    ]
    text = words(choice, "text") + words(message, "content")
    return place, text, words(choice, "finish_reason") or words(choice, "stop_reason"), calls


def counters(document: dict[str, Any]) -> dict[str, int]:
    """The family's own counters where it has any, else the runtime's."""
    usage = at(document, "usage")
    metrics = _metrics(document)
    found = {
        "input": count(usage, "input_tokens")
        or count(usage, "prompt_tokens")
        or count(document, "inputTextTokenCount")
        or count(document, "prompt_token_count")
        or count(metrics, "inputTokens"),
        "output": count(usage, "output_tokens")
        or count(usage, "completion_tokens")
        or sum(count(result, "tokenCount") for result in rows(document, "results"))
        or count(document, "generation_token_count")
        or count(metrics, "outputTokens")
        or count(document, "totalOutputTextTokenCount"),
    }
    return positive(found)
