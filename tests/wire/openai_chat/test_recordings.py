"""Every recorded chat completion, against plain look-ups in its JSON.

The look-ups below are this test's own: nothing of ``modelmux.wire`` takes part in saying what is right.
``python -m pytest tests/wire/openai_chat/test_recordings.py -s`` prints the counts.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

import corpus
from modelmux import errors, wire
from modelmux._fold import fold
from modelmux.types import Response

APIS = sorted(
    {
        row["api"]
        for row in corpus.recordings()
        if row["api"].endswith(".chat") and row["api"] not in ("ollama.chat", "cohere.chat")
    }
)

NOT_AN_ANSWER = {
    "cc6d9c403eef-000": "a mock of another SDK's, {status, headers, body}, saved as if it were an answer",
    "18a1bf6cae79-000": "a transcription's body, saved by a client that had asked the chat endpoint for it",
}


# --- look-ups ------------------------------------------------------------------------------------------------


def chunks_of(text: str) -> list[Any]:
    """The JSON objects of a stream, in order."""
    data = (line[5:] for line in text.replace("\r\n", "\n").split("\n") if line.startswith("data:"))
    return [json.loads(item) for item in data if item.strip() not in ("", "[DONE]")]


def text_in(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(block["text"] for block in content if block.get("type") == "text")
    return ""


def thinking_in(content: Any) -> str:
    if not isinstance(content, list):
        return ""
    return "".join(piece["text"] for block in content for piece in block.get("thinking") or ())


def reasoning_in(message: dict[str, Any]) -> str:
    said = message.get("reasoning_content") or message.get("reasoning")
    if said:
        return said
    details = message.get("reasoning_details") or []
    return thinking_in(message.get("content")) or "".join(d.get("text") or d.get("summary") or "" for d in details)


def arguments_in(text: Any) -> Any:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def calls_in(message: dict[str, Any]) -> list[tuple[str, str, Any]]:
    calls = [
        (call.get("id") or None, call["function"]["name"], arguments_in(call["function"].get("arguments")))
        for call in message.get("tool_calls") or ()
    ]
    legacy = message.get("function_call")
    if not calls and legacy and legacy.get("name"):
        calls.append((None, legacy["name"], arguments_in(legacy.get("arguments"))))
    return calls


FINISH = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filtered",
    None: "stop",
}


def finish_in(word: str | None, *, calls: bool, refusal: bool) -> str:
    finish = FINISH[word or None]
    if finish == "stop" and calls:
        return "tool_calls"
    return "filtered" if finish == "stop" and refusal else finish


def whole(body: dict[str, Any]) -> dict[str, Any]:
    """What a whole body says, choice 0."""
    choice = body["choices"][0]
    message = choice.get("message") or {}  # absent where all of it was filtered
    calls = calls_in(message)
    return {
        "text": text_in(message.get("content")),
        "reasoning": reasoning_in(message),
        "calls": calls,
        "finish": finish_in(choice.get("finish_reason"), calls=bool(calls), refusal=bool(message.get("refusal"))),
        "refusal": message.get("refusal") or None,
        "total": (body.get("usage") or {}).get("total_tokens"),
        "model": body.get("model"),
        "id": body.get("id") or None,
        "choices": len(body["choices"]),
    }


def streamed(chunks: list[Any]) -> dict[str, Any]:
    """What a stream's chunks say, choice 0."""
    text, reasoning, refusal, finish, total, model, stream_id = "", "", "", None, None, None, None
    calls: dict[Any, list[Any]] = {}
    seen = set()
    for chunk in chunks:
        model = model or chunk.get("model")
        stream_id = stream_id or chunk.get("id")
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        if usage and usage.get("total_tokens") is not None:
            total = usage["total_tokens"]
        for choice in chunk.get("choices") or ():
            seen.add(choice.get("index", 0))
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            text += text_in(delta.get("content"))
            reasoning += reasoning_in(delta)
            refusal += delta.get("refusal") or ""
            finish = choice.get("finish_reason") or finish
            for call in delta.get("tool_calls") or ():
                known = calls.setdefault(call.get("index", call.get("id")), [None, "", ""])
                function = call.get("function") or {}
                known[0] = known[0] or call.get("id")
                known[1] = known[1] or function.get("name") or ""
                known[2] += function.get("arguments") or ""
            legacy = delta.get("function_call")
            if legacy:
                known = calls.setdefault("legacy", [None, "", ""])
                known[1] = known[1] or legacy.get("name") or ""
                known[2] += legacy.get("arguments") or ""
    found = [(known[0], known[1], arguments_in(known[2])) for known in calls.values()]
    return {
        "text": text,
        "reasoning": reasoning,
        "calls": found,
        "finish": finish_in(finish, calls=bool(found), refusal=bool(refusal)),
        "refusal": refusal or None,
        "total": total,
        "model": model,
        "id": stream_id or None,
        "choices": len(seen),
    }


def said(response: Response) -> dict[str, Any]:
    """The same facts, as decoded. A made-up id (``call_0``) stands where the vendor gave none."""
    return {
        "text": response.text,
        "reasoning": response.reasoning,
        "calls": [(call.id, call.name, call.arguments) for call in response.tool_calls],
        "finish": response.finish,
        "refusal": response.refusal,
        "total": response.usage.total,
        "model": response.model,
        "id": response.id,
        "choices": len(response.choices),
    }


def differences(expected: dict[str, Any], got: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    calls = [
        (got_id if want_id is None else want_id, name, arguments)
        for (want_id, name, arguments), (got_id, *_) in zip(expected["calls"], got["calls"], strict=False)
    ]
    expected = {**expected, "calls": calls if len(calls) == len(expected["calls"]) else expected["calls"]}
    return {name: (expected[name], got[name]) for name in expected if expected[name] != got[name]}


# --- answers -------------------------------------------------------------------------------------------------


@cache
def answers(api: str) -> tuple[tuple[dict[str, Any], bytes], ...]:
    rows = (row for row in corpus.recordings(api) if row["response"]["status"] < 400)
    return tuple((row, corpus.body_of(row["response"])) for row in rows)


def is_error(row: dict[str, Any], body: bytes) -> bool:
    text = body.lstrip()
    if text.startswith(b"{"):
        return bool(json.loads(text).get("error"))
    return any(chunk.get("error") for chunk in chunks_of(body.decode()))


@pytest.mark.parametrize("api", APIS)
def test_answers_say_what_their_json_says(api: str) -> None:
    codec = wire.get(api)
    wrong = {}
    for row, body in answers(api):
        if row["id"] in NOT_AN_ANSWER or is_error(row, body):
            continue
        if body.lstrip().startswith(b"{"):
            expected, got = whole(json.loads(body)), said(codec.decode_response(body))
        else:
            expected, got = streamed(chunks_of(body.decode())), said(fold(codec.decode_stream([body])))
        if isinstance(json_content(body), dict):
            assert json.loads(got["text"]) == json_content(body)
            got["text"] = expected["text"]
        found = differences(expected, got)
        if found:
            wrong[row["id"]] = found
    assert wrong == {}


def json_content(body: bytes) -> Any:
    """Content that is an object (Cloudflare's structured output), else None."""
    if not body.lstrip().startswith(b"{"):
        return None
    content = json.loads(body)["choices"][0].get("message", {}).get("content")
    return content if isinstance(content, dict) else None


def test_what_is_no_answer_is_an_error() -> None:
    seen = set()
    for api in APIS:
        for row, body in answers(api):
            if row["id"] in NOT_AN_ANSWER:
                with pytest.raises(errors.MalformedResponse):
                    wire.get(api).decode_response(body)
                seen.add(row["id"])
    assert seen == NOT_AN_ANSWER.keys()


IN_BAND = {
    "0523abc0d870-000": errors.ToolUseFailed,  # groq, event: error
    "86dbc8f35b92-000": errors.UnsupportedParameter,  # openai, an error body saved as a 200
    "4aa45bbf5047-000": errors.ServerError,  # openrouter, 502 inside a 200
}


def test_errors_inside_a_good_status_are_raised() -> None:
    seen = {}
    for api in APIS:
        for row, body in answers(api):
            if row["id"] in NOT_AN_ANSWER or not is_error(row, body):
                continue
            codec = wire.get(api)
            with pytest.raises(errors.ProviderError) as raised:
                list(codec.decode_stream([body]))  # which takes a whole body too
            seen[row["id"]] = type(raised.value)
            assert raised.value.provider == codec.provider
    assert seen == IN_BAND


def test_a_stream_asked_for_and_answered_whole_gives_the_same() -> None:
    for api in ("openai.chat", "mistral.chat", "openrouter.chat"):
        for row, body in answers(api)[:60]:
            if body.lstrip().startswith(b"{") and not is_error(row, body) and row["id"] not in NOT_AN_ANSWER:
                codec = wire.get(api)
                response = codec.decode_response(body)
                folded = fold(codec.decode_stream([body[:100], body[100:]], "application/json"))
                assert (folded.text, folded.tool_calls, folded.usage) == (
                    response.text,
                    response.tool_calls,
                    response.usage,
                )
                assert folded.finish == response.finish


# --- errors --------------------------------------------------------------------------------------------------

CLASSES: dict[str, tuple[type[Exception], ...]] = {
    "error.auth": (errors.AuthError,),
    "error.bad_request": (errors.RequestRejected, errors.ModelNotFound, errors.ToolUseFailed),
    "error.context_length": (errors.ContextTooLong,),
    "error.forbidden": (errors.PermissionDenied, errors.ContentBlocked),
    "error.not_found": (errors.ModelNotFound,),
    "error.rate_limit": (errors.RateLimited,),
    "error.server": (errors.ServerError,),
    "error.unprocessable": (errors.RequestRejected,),
    "error.overloaded": (errors.Overloaded,),
}

EXACT = {
    "model_decommissioned": errors.ModelNotFound,
    "invalid_model": errors.ModelNotFound,
    "Invalid model:": errors.ModelNotFound,
    "unsupported_parameter": errors.UnsupportedParameter,
    "unsupported_value": errors.UnsupportedParameter,
    "is not supported with this model": errors.UnsupportedParameter,
    "does not support parameter": errors.UnsupportedParameter,
    "Content violates usage guidelines": errors.ContentBlocked,
    "tool_use_failed": errors.ToolUseFailed,
}


@pytest.mark.parametrize("api", APIS)
def test_error_answers_are_in_the_right_class(api: str) -> None:
    wrong = []
    for row in corpus.recordings(api):
        if row["response"]["status"] < 400:
            continue
        body = corpus.body_of(row["response"])
        error = wire.get(api).decode_error(row["response"]["status"], row["response"]["headers"], body)
        kinds = [kind for kind in row["features"] if kind.startswith("error.")]
        allowed = tuple(cls for kind in kinds for cls in CLASSES[kind])
        exact = next((cls for words, cls in EXACT.items() if words in body.decode()), None)
        if not isinstance(error, allowed) or (exact is not None and type(error) is not exact) or not error.message:
            wrong.append((row["id"], type(error).__name__, body[:200]))
    assert wrong == []


def test_openrouter_says_when_its_limit_is_renewed() -> None:
    rows = [row for row in corpus.recordings("openrouter.chat") if row["response"]["status"] == 429]
    own = [row for row in rows if "X-RateLimit-Reset" in str(row["response"]["body"])]
    assert own
    for row in own:
        error = wire.get("openrouter.chat").decode_error(429, {}, corpus.body_of(row["response"]))
        assert error.retry_after is not None  # the recorded moment is past: nothing is left to wait for
        assert error.retry_after == 0


# --- requests ------------------------------------------------------------------------------------------------


def requests(api: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [
        (row, row["request"]["body"]) for row in corpus.recordings(api) if isinstance(row["request"].get("body"), dict)
    ]


@pytest.mark.parametrize("api", APIS)
def test_a_request_rebuilt_is_the_request(api: str) -> None:
    codec = wire.get(api)
    wrong = []
    for row, body in requests(api):
        before = json.dumps(body)
        request = replace(codec.decode_request(body), source=None)
        said_again, warnings = codec.encode_request(request, model=body.get("model", ""), stream=request.stream)
        if said_again != body or warnings or json.dumps(body) != before:
            wrong.append((row["id"], {k for k in body.keys() | said_again.keys() if body.get(k) != said_again.get(k)}))
    assert wrong == []


@pytest.mark.parametrize("api", APIS)
def test_with_its_source_only_what_changed_changes(api: str) -> None:
    codec = wire.get(api)
    for row, body in requests(api):
        request = codec.decode_request(body)
        sent, warnings = codec.encode_request(request, model="another-model", stream=True)
        assert warnings == []
        rest = {name: value for name, value in sent.items() if name not in ("model", "stream", "stream_options")}
        assert rest == {name: v for name, v in body.items() if name not in ("model", "stream", "stream_options")}
        assert (sent["model"], sent["stream"]) == ("another-model", True)
        assert sent.get("stream_options") == body.get("stream_options"), row["id"]
        for name, value in rest.items():
            assert value is body[name], "untouched fields are not even copied"


def test_counts() -> None:
    counts: Counter[str] = Counter()
    for api in APIS:
        counts["apis"] += 1
        counts["recordings"] += len(list(corpus.recordings(api)))
        counts["answers"] += len(answers(api))
        counts["requests"] += len(requests(api))
        counts["error answers"] += sum(row["response"]["status"] >= 400 for row in corpus.recordings(api))
    print("\nopenai.chat and its dialects:", dict(counts))
    assert counts["recordings"] == counts["answers"] + counts["error answers"]
    assert counts["recordings"] > 2000
