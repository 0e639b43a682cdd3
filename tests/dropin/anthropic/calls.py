"""Calls that the drop-in and the vendor's SDK must make alike: data, so that both can be made to. Synthetic answers."""

from __future__ import annotations

import json
from typing import Any

USAGE = {"input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": 0}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "hi", "citations": None, "new": 1},
        {"type": "tool_use", "id": "tu_1", "name": "f", "input": {"a": [1]}},
        {"type": "something_new", "deep": {"x": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": USAGE,
    "unknown_field": {"deep": [1, 2]},
}
TURNS = [{"role": "user", "content": "Grüße, 세계"}]
ASK = {"model": "claude-haiku-4-5", "max_tokens": 64, "messages": TURNS}
ERROR = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such thing"}, "request_id": "req_1"}
CAUSE = {
    "type": "error",
    "error": {"type": "x", "message": "m", "details": {"error_code": "organization_on_hold", "reason": "r"}},
}
SOON = {"retry-after-ms": "1"}


def events(*rows: dict[str, Any]) -> str:
    return "".join(f"event: {row['type']}\ndata: {json.dumps(row)}\n\n" for row in rows)


def delta(index: int, **values: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": values}


START = {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}}
TEXT = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
TOOL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
STREAM = events(
    START,
    {"type": "ping"},
    TEXT,
    delta(0, type="text_delta", text="he"),
    delta(0, type="text_delta", text="llo"),
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": TOOL},
    delta(1, type="input_json_delta", partial_json='{"a": "b'),
    delta(1, type="input_json_delta", partial_json='c"}'),
    {"type": "content_block_stop", "index": 1},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 9},
    },
    {"type": "message_stop"},
)
BROKEN = events(START, TEXT, delta(0, type="text_delta", text="he"), {"type": "error", "error": {"type": "overloaded"}})
CUT = events(START, TEXT, delta(0, type="text_delta", text="he"))
BATCH = {
    "id": "b_1",
    "type": "message_batch",
    "processing_status": "ended",
    "results_url": "/v1/messages/batches/b_1/results",
}
LINES = "\n".join(json.dumps({"custom_id": str(n), "result": {"type": "canceled"}}) for n in range(3)).encode()
PAGES = [
    {
        "data": [{"id": f"m{n}", "type": "model", "display_name": "M"}],
        "has_more": n == 1,
        "first_id": "f",
        "last_id": f"m{n}",
    }
    for n in (1, 2)
]
FILES = [{"data": [{"id": "f1", "type": "file"}], "next_page": "p2"}, {"data": [{"id": "f2"}], "next_page": None}]
FILE = {"id": "f", "type": "file", "filename": "a.txt", "size_bytes": 1}
WITH = {"extra_headers": {"X-Extra": "1"}, "extra_query": {"q": ["a b", "c"], "d": {"e": True}}, "extra_body": {"z": 1}}
CREATE, BETA = "messages.create", "beta.messages.create"


def case(title: str, call: str, /, *answers: Any, how: str = "plain", args: Any = (), **kwargs: Any) -> dict[str, Any]:
    """``answers``: bodies, or ``(status, body, headers)``."""
    full = [
        answer if isinstance(answer, tuple) else (200, answer, {"request-id": "req_9"}) for answer in answers or ({},)
    ]
    return {"name": title, "call": call, "answers": full, "how": how, "args": list(args), "kwargs": kwargs}


CASES = [
    case(
        "a message",
        CREATE,
        MESSAGE,
        **ASK,
        system="be brief",
        stop_sequences=["x"],
        tools=[TOOL],
        thinking={"type": "disabled"},
    ),
    case("a message with extras", CREATE, MESSAGE, **ASK, **WITH, timeout=12.5),
    case("a message of a workspace", CREATE, MESSAGE, **ASK, workspace_id="w", metadata={"user_id": "u"}),
    case(
        "answers go back in",
        CREATE,
        MESSAGE,
        model="m",
        max_tokens=1,
        messages=[{"role": "assistant", "content": MESSAGE["content"]}],
    ),
    case("a stream", CREATE, STREAM, how="stream", **ASK, stream=True),
    case("a stream with an error in it", CREATE, BROKEN, how="stream", **ASK, stream=True),
    case("a stream that is cut", CREATE, CUT, how="stream", **ASK, stream=True),
    case("a message raw", CREATE, MESSAGE, how="raw", **ASK),
    case("a streaming response", CREATE, MESSAGE, how="streaming", **ASK),
    case("a beta message", BETA, MESSAGE, **ASK, betas=["a-1", "b-2"], mcp_servers=[]),
    case("a beta stream", BETA, STREAM, how="stream", **ASK, stream=True, betas=["a-1"]),
    case("the stream helper", "messages.stream", STREAM, how="helper", **ASK),
    case("the stream helper, broken", "messages.stream", BROKEN, how="helper", **ASK),
    case("the beta stream helper", "beta.messages.stream", STREAM, how="helper", **ASK, betas=["a-1"]),
    case("too long to wait for", CREATE, MESSAGE, model="m", max_tokens=100_000, messages=TURNS),
    case("long, with a limit", CREATE, MESSAGE, model="m", max_tokens=100_000, messages=TURNS, timeout=900),
    case("long, streamed", CREATE, STREAM, how="stream", model="m", max_tokens=100_000, messages=TURNS, stream=True),
    case("tokens", "messages.count_tokens", {"input_tokens": 7}, model="m", messages=TURNS, system="s", tools=[TOOL]),
    case("beta tokens", "beta.messages.count_tokens", {"input_tokens": 7}, model="m", messages=TURNS, betas=["a-1"]),
    *(
        case(f"error {status}", CREATE, (status, ERROR, {"request-id": "req_1", "x-should-retry": "false"}), **ASK)
        for status in (400, 401, 402, 403, 404, 408, 409, 412, 413, 418, 422, 429, 431, 499, 500, 501, 503, 504, 529)
    ),
    case("an error with a cause", CREATE, (400, CAUSE, {"anthropic-workspace-id": "w"}), **ASK),
    case("an error that is no JSON", CREATE, (502, "bad gateway", {"x-should-retry": "false"}), **ASK),
    case("an error without a body", CREATE, (404, "", {}), **ASK),
    case("retried", CREATE, (529, ERROR, SOON), (429, ERROR, SOON), MESSAGE, **ASK),
    case("retried in vain", CREATE, (500, ERROR, SOON), **ASK),
    case("told to retry", CREATE, (400, ERROR, {**SOON, "x-should-retry": "true"}), MESSAGE, **ASK),
    case("unknown keyword", CREATE, MESSAGE, **ASK, temprature=1),
    case("missing argument", CREATE, MESSAGE, model="m", messages=[]),
    case("a batch", "messages.batches.create", BATCH, requests=[{"custom_id": "1", "params": ASK}]),
    case("a batch again", "messages.batches.retrieve", BATCH, args=["b_1"]),
    case("batches", "messages.batches.list", *PAGES, how="page", limit=1),
    case("cancel a batch", "messages.batches.cancel", BATCH, args=["b/1"]),
    case("delete a batch", "messages.batches.delete", {"id": "b_1", "type": "message_batch_deleted"}, args=["b_1"]),
    case("results", "messages.batches.results", BATCH, LINES, how="page", args=["b_1"]),
    case("no results yet", "messages.batches.results", {**BATCH, "results_url": None}, args=["b_1"]),
    case("beta results", "beta.messages.batches.results", BATCH, LINES, how="page", args=["b_1"], betas=["a-1"]),
    case("an empty id", "messages.batches.retrieve", BATCH, args=[""]),
    case("models", "models.list", *PAGES, how="page", limit=1),
    case("models backwards", "models.list", *PAGES, how="page", before_id="x"),
    case("a model", "models.retrieve", PAGES[0]["data"][0], args=["claude:x"]),
    case("beta models", "beta.models.list", *PAGES, how="page"),
    case("files", "beta.files.list", *FILES, how="page", ids=["a", "b"]),
    case("upload a file", "beta.files.upload", FILE, file=("a.txt", b"x", "text/plain")),
    case("a file", "beta.files.retrieve_metadata", FILE, args=["f"]),
    case("a file's content", "beta.files.download", b"abc", how="bytes", args=["f"]),
    case("delete a file", "beta.files.delete", {"id": "f", "type": "file_deleted"}, args=["f"]),
]
