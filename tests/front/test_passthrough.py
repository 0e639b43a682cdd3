"""Same format in and out: what a vendor gets is what the client sent, and what the client gets is what the vendor sent,
on recordings of real traffic (issue: same-wire passthrough). The oracle is the recording.
"""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import urlsplit

import pytest

from corpus import body_of
from front.recorded import HOP, headers_of, rows, written
from front.upstream import Reply, Upstream, cut
from modelmux import Endpoint, Mux
from modelmux._front import Front, FrontRequest
from modelmux.cost.memory import MemoryLedger
from modelmux.testing import FakeClock

_EVERY = 12


def fields(chosen: Any) -> list[Any]:
    return [pytest.param(row, id=f"{row['api']}-{row['id']}") for row in chosen]


ROWS = rows()
SAMPLE, REST = fields(ROWS[::_EVERY]), [row for place, row in enumerate(ROWS) if place % _EVERY]


def asked(row: dict[str, Any]) -> FrontRequest:
    return FrontRequest(method="POST", url=row["request"]["url"], headers=headers_of(row), body=written(row))


def answered(row: dict[str, Any]) -> Reply:
    body = body_of(row["response"])
    places = random.Random(row["id"]).sample(range(len(body) + 1), min(len(body), 6))
    headers = {**row["response"]["headers"], "connection": "keep-alive", "transfer-encoding": "chunked"}
    return Reply(row["response"]["status"], headers, cut(body, places))


def check(row: dict[str, Any], ask: Any) -> None:
    upstream = Upstream(answered(row))
    configured = Endpoint("openai_compatible/nobody-asks-for-it", base_url="http://127.0.0.1:9")
    with upstream.under(Mux([configured], usage="as_sent", clock=FakeClock())) as mux:
        request = asked(row)
        got = ask(Front(mux), request)
    assert upstream.requests, got
    sent = upstream.requests[0]
    assert sent.method == "POST"
    assert sent.url == row["request"]["url"]
    assert json.loads(sent.body) == row["request"]["body"]
    assert sent.body == request.body  # not even written anew
    kept = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
    assert {name: sent.headers.get(name) for name in kept if name != "accept-encoding"} == {
        name: value for name, value in kept.items() if name != "accept-encoding"
    }
    if len(upstream.requests) > 1:  # an error that was worth another try, or an answer that is none
        assert got.error is not None
    if got.error is None or row["response"]["status"] >= 400:
        assert got.status == row["response"]["status"]
        assert got.body == body_of(row["response"])
        for name, value in row["response"]["headers"].items():
            if name not in HOP and name != "x-should-retry":
                assert got.headers[name] == value
    assert "transfer-encoding" not in got.headers
    assert "connection" not in got.headers
    assert upstream.open == 0


@pytest.mark.parametrize("row", SAMPLE)
def test_a_recorded_exchange_passes_through_unchanged(row, ask):
    check(row, ask)


@pytest.mark.full
def test_every_recorded_exchange_passes_through_unchanged(ask):
    """Also: none that succeeded at the vendor is turned into an error."""
    failed = []
    for row in REST:
        try:
            check(row, ask)
        except Exception as error:
            failed.append(f"{row['api']} {row['id']}: {type(error).__name__} {error}"[:400])
    assert failed == []
    assert len(REST) > 2000


def test_the_sample_has_all_kinds():
    seen = {
        (row.values[0]["api"], row.values[0]["stream"], row.values[0]["response"]["status"] < 300) for row in SAMPLE
    }
    for api in ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generateContent"):
        assert {(api, True, True), (api, False, True)} <= seen
    assert any(not good for _, _, good in seen)
    assert all(urlsplit(row.values[0]["request"]["url"]).scheme in ("http", "https") for row in SAMPLE)


@pytest.mark.parametrize("content_type", ["text/event-stream", "text/plain", None])
def test_usage_that_only_modelmux_asked_for_is_swallowed_whatever_the_stream_is_called(content_type, ask):
    """Synthetic."""
    delta = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
    usage = b'data: {"id":"x","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}\n\n'
    done = b"data: [DONE]\n\n"
    headers = {} if content_type is None else {"content-type": content_type}
    asked = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    for places in ((), (len(delta),), range(0, len(delta + usage), 9)):
        upstream = Upstream(Reply(200, headers, cut(delta + usage + done, places)))
        with upstream.under(Mux(usage="exact", ledger=MemoryLedger(), clock=FakeClock())) as mux:
            url = "https://api.openai.com/v1/chat/completions"
            request = FrontRequest(
                method="POST", url=url, headers={"authorization": "Bearer a-test-key"}, body=json.dumps(asked).encode()
            )
            got = ask(Front(mux), request)
            assert got.body == delta + done
            assert mux.last_receipts[-1].attempts[-1].usage["input"] == 7
        assert json.loads(upstream.requests[0].body)["stream_options"] == {"include_usage": True}
