"""Calls that the drop-in and the vendor's SDK must make alike: data, so that both can be made to. Synthetic answers."""

from __future__ import annotations

from typing import Any

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi", "new": 1}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "unknown_field": {"deep": [1, 2]},
}
MESSAGES = [{"role": "user", "content": "Grüße, 세계"}]
ASK = {"model": "gpt-5-mini", "messages": MESSAGES}


def chunk(text: str | None, finish: str | None = None) -> str:
    import json

    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"


STREAM = chunk("he") + chunk("llo") + chunk(None, "stop") + "data: [DONE]\n\n"
BROKEN = chunk("he") + 'data: {"error": {"message": "overloaded", "code": 1, "type": "server"}}\n\n'
ERROR = {"error": {"message": "no such thing", "type": "invalid_request_error", "param": "model", "code": "nope"}}
SOON = {"retry-after-ms": "1"}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1.5,
    "model": "gpt-5-mini",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "hi", "annotations": []}],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "id": "fc_1", "status": "completed"},
        {"type": "reasoning", "id": "rs_1", "summary": []},
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
EVENTS = "".join(
    f"event: {kind}\ndata: {data}\n\n"
    for kind, data in (
        ("response.created", '{"type":"response.created","sequence_number":0,"response":{"id":"r","output":[]}}'),
        (
            "response.output_text.delta",
            (
                '{"type":"response.output_text.delta","sequence_number":1,"delta":"hi","item_id":"m","output_index":0,'
                '"content_index":0,"logprobs":[]}'
            ),
        ),
        ("response.completed", '{"type":"response.completed","sequence_number":2,"response":{"id":"r","output":[]}}'),
    )
)


def case(title: str, call: str, /, *answers: Any, how: str = "plain", args: Any = (), **kwargs: Any) -> dict[str, Any]:
    """``answers``: bodies, or ``(status, body, headers)``."""
    full = [answer if isinstance(answer, tuple) else (200, answer, {}) for answer in answers or ({},)]
    return {"name": title, "call": call, "answers": full, "how": how, "args": list(args), "kwargs": kwargs}


CREATE = "chat.completions.create"
LIST = {"object": "list", "data": [{"id": "a", "object": "model", "created": 1, "owned_by": "x"}]}
FILES = [{"object": "list", "data": [{"id": f"f{n}", "object": "file"}], "has_more": n == 1} for n in (1, 2)]
SEARCH = {"object": "list", "data": [{"file_id": "f", "filename": "n", "score": 1, "attributes": {}, "content": []}]}
IMAGES = {"created": 1, "data": [{"url": "u"}]}
VECTOR = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}]}
WITH = {"extra_headers": {"X-Extra": "1"}, "extra_query": {"q": ["a", "b"], "d": {"e": True}}, "extra_body": {"z": 1}}

CASES = [
    case("chat", CREATE, CHAT, **ASK, temperature=0.5, stop=["a"], tools=[{"type": "function", "function": {}}]),
    case("chat with extras", CREATE, CHAT, **ASK, **WITH, timeout=12.5),
    case("chat stream", CREATE, STREAM, how="stream", **ASK, stream=True),
    case("chat stream with an error in it", CREATE, BROKEN, how="stream", **ASK, stream=True),
    case("chat raw", CREATE, CHAT, how="raw", **ASK),
    case("chat streaming response", CREATE, CHAT, how="streaming", **ASK),
    *(
        case(f"error {status}", CREATE, (status, ERROR, {"x-request-id": "req_1", "x-should-retry": "false"}), **ASK)
        for status in (400, 401, 403, 404, 409, 413, 418, 422, 429, 500, 503)
    ),
    case("an error that is no JSON", CREATE, (502, "bad gateway", {"x-should-retry": "false"}), **ASK),
    case("an error without a body", CREATE, (404, "", {}), **ASK),
    case("retried", CREATE, (503, ERROR, SOON), (429, ERROR, SOON), CHAT, **ASK),
    case("retried in vain", CREATE, (500, ERROR, SOON), **ASK),
    case("told to retry", CREATE, (400, ERROR, {**SOON, "x-should-retry": "true"}), CHAT, **ASK),
    case("asked to wait too long", CREATE, (429, ERROR, {"retry-after": "121"}), CHAT, **ASK),
    case("unknown keyword", CREATE, CHAT, **ASK, temprature=1),
    case("missing argument", CREATE, CHAT, model="m"),
    case("stored completions", "chat.completions.list", *FILES, how="page", limit=1, metadata={"a": "b"}),
    case("a stored completion", "chat.completions.retrieve", CHAT, args=["id/with slash"]),
    case("an empty id", "chat.completions.retrieve", CHAT, args=[""]),
    case("change a stored completion", "chat.completions.update", CHAT, args=["x"], metadata={"a": "b"}),
    case("delete a stored completion", "chat.completions.delete", {"id": "x", "deleted": True}, args=["x"]),
    case(
        "messages of a completion",
        "chat.completions.messages.list",
        {"data": [], "has_more": False},
        how="page",
        args=["x"],
    ),
    case("responses", "responses.create", RESPONSE, model="m", input="hi", reasoning={"effort": "low"}),
    case("responses stream", "responses.create", EVENTS, how="stream", model="m", input="hi", stream=True),
    case("a response", "responses.retrieve", RESPONSE, args=["resp_1"], include=["a", "b"]),
    case("cancel a response", "responses.cancel", RESPONSE, args=["resp_1"]),
    case("delete a response", "responses.delete", {}, args=["resp_1"]),
    case("input items", "responses.input_items.list", {"data": [], "has_more": False}, how="page", args=["resp_1"]),
    case(
        "completions",
        "completions.create",
        {"id": "x", "choices": [], "object": "text_completion"},
        model="m",
        prompt="p",
    ),
    case("embeddings", "embeddings.create", VECTOR, model="m", input=["a"]),
    case("embeddings as floats", "embeddings.create", VECTOR, model="m", input=["a"], encoding_format="float"),
    case("models", "models.list", LIST, how="page"),
    case("a model", "models.retrieve", LIST["data"][0], args=["ft:gpt:org::1"]),
    case("delete a model", "models.delete", {"id": "a", "deleted": True}, args=["a"]),
    case("images", "images.generate", IMAGES, prompt="p", n=1),
    case("edit an image", "images.edit", IMAGES, image=("a.png", b"png"), prompt="p", n=2),
    case("edit images", "images.edit", IMAGES, image=[("a.png", b"1"), ("b.png", b"2")], prompt="p"),
    case("speech", "audio.speech.create", b"\x00\x01", how="binary", input="hi", model="m", voice="alloy"),
    case("transcription", "audio.transcriptions.create", {"text": "t"}, file=("a.mp3", b"mp3"), model="m"),
    case(
        "transcription as text",
        "audio.transcriptions.create",
        "text",
        file=("a.mp3", b"m"),
        model="m",
        response_format="text",
    ),
    case("moderations", "moderations.create", {"id": "m", "model": "m", "results": []}, input=["a"]),
    case("upload a file", "files.create", FILES[0]["data"][0], file=("a.txt", b"x", "text/plain"), purpose="batch"),
    case("files", "files.list", *FILES, how="page", purpose="batch"),
    case("a file's content", "files.content", b"abc", how="binary", args=["f"]),
    case("delete a file", "files.delete", {"id": "f", "deleted": True}, args=["f"]),
    case("a batch", "batches.create", {"id": "b"}, completion_window="24h", endpoint="/v1/x", input_file_id="f"),
    case("batches", "batches.list", {"data": [], "has_more": False}, how="page", limit=2),
    case("a vector store", "vector_stores.create", {"id": "v"}, name="n", file_ids=["f"]),
    case("search a vector store", "vector_stores.search", SEARCH, how="page", args=["v"], query="q"),
    case("files of a vector store", "vector_stores.files.list", {"data": []}, how="page", args=["v"], filter="failed"),
    case("any path", "get", {"a": 1}, args=["/any"], cast_to=dict),
    case("post to any path", "post", {"a": 1}, args=["/any"], cast_to=dict, body={"b": None}),
]
