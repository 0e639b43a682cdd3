"""Sizes, times, callers that leave, answers that break."""

from __future__ import annotations

import asyncio
import time

import pytest

from front.upstream import Reply, Upstream
from gateway.asgi import Caller, events
from gateway.test_formats import HI, chat, generate, messages
from modelmux import Mux, gateway
from modelmux.errors import ConnectionLost
from modelmux.gateway._watch import Watch
from modelmux.testing import Fault

CHAT = "/v1/chat/completions"


def wait_for(condition, seconds=2.0):
    """Seconds until it held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it never came to pass"
        time.sleep(0.005)
    return time.monotonic() - began


# --- bodies --------------------------------------------------------------------------------------------------

KIND = {chat: ("type", "invalid_request_error"), messages: ("type", "request_too_large"), generate: ("code", 413)}


@pytest.mark.parametrize("front", KIND)
@pytest.mark.parametrize("how", ["said", "sent", "sent in pieces"])
def test_a_body_that_is_too_large_is_413(serving, vendors, front, how):
    url, _, headers = front("gpt-5-mini", False)
    body = b'{"a":"' + b"x" * 2000 + b'"}'
    ask = serving(max_body=1000)
    if how == "said":
        got = ask("POST", url, b"", {**headers, "content-length": "1001"})
    else:
        pieces = [body] if how == "sent" else [body[at : at + 400] for at in range(0, len(body), 400)]
        got = ask("POST", url, headers=headers, pieces=pieces)
    assert (got.status, got.headers["connection"]) == (413, "close")
    name, word = KIND[front]
    assert got.json["error"][name] == word


def test_a_body_of_just_the_right_size_is_taken(serving):
    body = b'{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}'
    assert serving(max_body=len(body))("POST", CHAT, body).status == 200
    assert serving(max_body=len(body) - 1)("POST", CHAT, body).status == 413
    assert serving(max_body=len(body))("POST", CHAT, pieces=[body[:9], body[9:]]).status == 200
    assert serving(max_body=len(body) - 1)("POST", CHAT, pieces=[body[:9], body[9:]]).status == 413


def test_a_body_may_come_in_pieces(serving):
    body = b'{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}'
    assert serving()("POST", CHAT, pieces=[body[:10], b"", body[10:30], body[30:]]).status == 200


def test_a_body_that_does_not_come_is_408(serving):
    got = serving(body_seconds=0.05)("POST", CHAT, pieces=[b"{", b"}"], pause=0.2)
    assert (got.status, got.headers["connection"]) == (408, "close")


def test_a_caller_that_leaves_while_sending_gets_nothing(serving, vendors):
    ask = serving()

    async def run():
        scope = {"type": "http", "method": "POST", "path": CHAT, "query_string": b"", "headers": []}

        async def receive():
            return {"type": "http.disconnect"}

        async def send(message):
            raise AssertionError("nobody is there")

        await ask.app(scope, receive, send)

    asyncio.run(run())
    assert 'status="499"} 1' in ask.app.metrics.text(draining=False, blocked=[], busy=[])


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_compressed_body_is_415(serving, coding):
    got = serving()("POST", CHAT, b"\x1f\x8b", {"content-encoding": coding})
    assert got.status == 415


# --- how many ------------------------------------------------------------------------------------------------


async def _together(ask, count, headers=None):
    body = {"model": "gpt-5-mini", "messages": HI}
    return await asyncio.gather(*(ask.ask("POST", CHAT, body, headers) for _ in range(count)))


def test_more_than_so_many_at_once_are_503(serving, vendors):
    vendors["openai"].latency = 0.05
    found = asyncio.run(_together(serving(max_in_flight=3), 5))
    assert sorted(got.status for got in found) == [200, 200, 200, 503, 503]
    assert all(got.headers["retry-after"] == "1" for got in found if got.status == 503)


def test_a_key_may_have_a_limit_of_its_own(serving, vendors):
    vendors["openai"].latency = 0.05
    key = gateway.new_key()
    ask = serving(keys=[gateway.Key.of("a", key, concurrency=2)])
    headers = {"authorization": f"Bearer {key}"}
    found = asyncio.run(_together(ask, 3, headers))
    assert sorted(got.status for got in found) == [200, 200, 429]
    limited = next(got for got in found if got.status == 429)
    assert limited.json["error"]["type"] == "rate_limit_error"
    assert sorted(got.status for got in asyncio.run(_together(ask, 2, headers))) == [200, 200]


# --- time ----------------------------------------------------------------------------------------------------


def test_a_call_ends_at_the_deadline_in_its_own_format(serving, vendors):
    vendors["openai"].latency = 30
    url, body, headers = messages("gpt-5-mini", False)
    began = time.monotonic()
    got = serving(deadline=0.1)("POST", url, body, headers)
    assert (got.status, got.json["error"]["type"]) == (504, "timeout_error")
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(("theirs", "seconds"), [("0.1", 0.1), ("30", 0.3)])
def test_a_request_may_set_a_nearer_deadline_but_no_later_one(serving, vendors, theirs, seconds):
    vendors["openai"].latency = 30
    began = time.monotonic()
    got = serving(deadline=0.3)("POST", *chat("gpt-5-mini", False)[:2], {"x-modelmux-deadline": theirs})
    assert got.status == 504
    assert seconds <= time.monotonic() - began < seconds + 1


def test_the_deadline_of_the_mux_holds_where_it_is_nearer(serving, vendors):
    vendors["openai"].latency = 30
    began = time.monotonic()
    assert serving(mux={"deadline": 0.1})("POST", *chat("gpt-5-mini", False)[:2]).status == 504
    assert time.monotonic() - began < 1


def test_what_no_deadline_reaches_is_dropped_in_the_end(monkeypatch):
    """A request that is passed on has none of its own: the vendor's silence would last."""
    monkeypatch.setattr("modelmux.gateway._app._GRACE", 0.05)

    class Silent:
        async def send(self, request, **_):
            await asyncio.sleep(30)

        async def aclose(self): ...

    mux = Mux(["openai/text-embedding-3-small"], providers={"openai": {"api_key": "our-key"}})
    mux._aengine_ = Silent()
    ask = Caller(gateway.app(mux, deadline=0.1))
    got = ask("POST", "/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": "Hi"})
    assert got.status == 504
    (row,) = mux.ledger.query()
    assert row.state == "cancelled"


# --- callers that leave --------------------------------------------------------------------------------------


def test_hanging_up_before_the_answer_ends_the_call_within_a_second(serving, vendors):
    openai = vendors["openai"]
    openai.latency = 30
    ask = serving()
    began = time.monotonic()
    got = ask("POST", *chat("gpt-5-mini", False)[:2], leave_in=0.2)
    assert time.monotonic() - began < 1.2
    assert (got.status, openai.in_flight, openai.hung_up) == (0, 0, 1)
    assert [row.state for row in ask.mux.ledger.query()] == ["cancelled"]


def test_hanging_up_at_once_ends_the_call_too(serving, vendors):
    vendors["openai"].latency = 30
    began = time.monotonic()
    serving()("POST", *chat("gpt-5-mini", False)[:2], leave_in=0)
    assert time.monotonic() - began < 1
    assert vendors["openai"].hung_up == 1


@pytest.mark.parametrize("front", [chat, generate])
def test_hanging_up_in_a_stream_ends_it_within_a_second_and_books_it(serving, vendors, front):
    openai = vendors["openai"]
    openai.reply(text=[f"word{n} " for n in range(1000)], pace=0.02)
    ask = serving()
    url, body, headers = front("gpt-5-mini", True)
    began = time.monotonic()
    got = ask("POST", url, body, headers, leave_after=20)
    assert time.monotonic() - began < 3
    assert got.status == 200
    assert not got.ended
    wait_for(lambda: openai.in_flight == 0, 1)
    (row,) = ask.mux.ledger.query()
    assert (row.state, row.cost_status) == ("cancelled", "estimated")
    text = ask.app.metrics.text(draining=False, blocked=[], busy=[])
    assert "modelmux_callers_left_total 1" in text
    assert 'modelmux_attempts_total{endpoint="openai/gpt-5-mini",state="cancelled"} 1' in text


def test_a_cancelled_task_passes_its_cancellation_on(serving, vendors):
    vendors["openai"].latency = 30
    ask = serving()

    async def run():
        task = asyncio.create_task(ask.ask("POST", *chat("gpt-5-mini", False)[:2]))
        await asyncio.sleep(0.15)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert vendors["openai"].in_flight == 0


def test_a_cancellation_that_comes_with_a_hang_up_passes_too():
    """Both at once: the server ends just as the caller leaves."""

    async def run():
        left = asyncio.Event()

        async def receive():
            await left.wait()
            task.cancel()
            return {"type": "http.disconnect"}

        async def work():
            async with Watch(receive, 60):
                await asyncio.sleep(30)

        task = asyncio.create_task(work())
        await asyncio.sleep(Watch.GRACE + 0.05)
        left.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


# --- answers that break --------------------------------------------------------------------------------------


def test_a_stream_that_breaks_says_so_and_is_no_success(serving, vendors):
    vendors["openai"].reply(text=["One", " two", " three"], fault=Fault(cut_after=2, unit="tokens"))
    url, body, headers = messages("openai/gpt-5-mini", True)
    got = serving()("POST", url, body, headers)
    last = events(got.body)[-1]
    assert (last["type"], got.status, got.ended) == ("error", 200, True)


def test_a_body_that_was_passed_on_and_breaks_is_not_ended():
    upstream = Upstream(Reply(pieces=[b'{"data":['], breaks=ConnectionLost("gone")))
    mux = upstream.under(
        Mux(["openai/gpt-5-mini", "openai/text-embedding-3-small"], providers={"openai": {"api_key": "our-key"}})
    )
    got = Caller(gateway.app(mux))("POST", "/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": "Hi"})
    assert (got.status, got.body, got.ended) == (200, b'{"data":[', False)


def test_failover_is_unseen(serving, vendors):
    vendors["openai"].fail(Fault(status=500), times=10)
    got = serving()("POST", *chat("auto", False)[:2])
    assert got.status == 200
    assert '"endpoint":"anthropic/claude-haiku-4-5"' in got.headers["x-modelmux-receipt"]


def test_a_fault_of_our_own_is_500_in_the_callers_format_without_detail(serving, monkeypatch, caplog):
    ask = serving()
    monkeypatch.setattr(ask.app._front, "asend", None)
    url, body, headers = messages("gpt-5-mini", False)
    got = ask("POST", url, body, headers)
    assert (got.status, got.json["error"]) == (500, {"type": "api_error", "message": "something went wrong here"})
    assert "NoneType" in caplog.text
