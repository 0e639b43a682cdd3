"""Every call through a front leaves one receipt, which agrees with the books: whole, left early, or passed on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from front.test_failures import DONE, JSON, MESSAGE, OPENAI, SSE, USAGE, chunk, streaming
from front.upstream import Reply, Upstream
from modelmux import Endpoint, Mux
from modelmux._front import Front, FrontRequest
from modelmux.cost.records import AttemptRow
from modelmux.errors import ConnectionFailed, ConnectionLost
from modelmux.money import Money
from modelmux.receipt import Attempt, Receipt
from modelmux.testing import FakeClock, FakeProvider

CLAUDE = Endpoint("anthropic/claude-haiku-4-5", api_key="key-b")
HEADERS = {"authorization": "Bearer client-key", "content-type": "application/json"}
EMBEDDED = {"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 7, "total_tokens": 7}}
WHOLE = json.dumps(EMBEDDED).encode()


def mux_of(answers: Any, *models: Endpoint, **options: Any) -> Mux:
    return Upstream(answers).under(Mux(list(models or (OPENAI,)), clock=FakeClock(), **options))


def passed(
    path: str = "/v1/embeddings", method: str = "POST", host: str = "api.openai.com", **body: Any
) -> FrontRequest:
    data = json.dumps({"model": "text-embedding-3-small", "input": "Hi", **body}).encode() if method == "POST" else b""
    return FrontRequest(method=method, url=f"https://{host}{path}", headers=HEADERS, body=data)


def agree(receipt: Receipt, rows: list[AttemptRow]) -> None:
    """What a receipt says is what the books say."""

    def seen(attempt: Attempt) -> tuple[Any, ...]:
        cost = (None, None) if attempt.cost is None else (attempt.cost.nano, attempt.cost.currency)
        said = (attempt.id, attempt.endpoint, attempt.provider, attempt.model, attempt.status, attempt.http_status)
        return (
            *said,
            attempt.started,
            attempt.ended,
            dict(attempt.usage),
            *cost,
            attempt.cost_status,
            attempt.request_id,
        )

    def booked(row: AttemptRow) -> tuple[Any, ...]:
        cost = (None, None) if row.cost_nano is None else (row.cost_nano, row.currency)
        said = (row.attempt_id, row.endpoint, row.provider, row.model_asked, row.state, row.http_status)
        rest = (dict(row.units), *cost, row.cost_status, row.request_id)
        return *said, row.started_at, row.ended_at, *rest

    assert [seen(attempt) for attempt in receipt.attempts] == [booked(row) for row in rows]
    assert {row.call_id for row in rows} == {receipt.call_id}


def only(mux: Mux) -> Receipt:
    [receipt] = mux.last_receipts
    agree(receipt, mux.ledger.query())
    return receipt


# --- routed --------------------------------------------------------------------------------------------------


def test_a_stream_read_to_its_end_leaves_one_receipt(ask):
    mux = mux_of(Reply(200, SSE, [chunk("Hel"), chunk(finish="stop"), USAGE, DONE]))
    got = ask(Front(mux), streaming(OPENAI.model))
    receipt = only(mux)
    assert json.loads(got.headers["x-modelmux-receipt"])["call"] == receipt.call_id
    assert [(a.status, a.cost_status) for a in receipt.attempts] == [("ok", "priced")]


@pytest.mark.parametrize("model", [OPENAI, CLAUDE], ids=["as it comes", "across formats"])
def test_a_stream_that_its_client_left_has_a_receipt_at_an_estimate(ask, model):
    pieces = [chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE] if model is OPENAI else MESSAGE
    mux = mux_of(Reply(200, SSE, pieces), model)
    assert ask.leave(Front(mux), streaming(model.model), 1)
    receipt = only(mux)
    [attempt] = receipt.attempts
    assert (attempt.status, attempt.cost_status, receipt.cost_status) == ("cancelled", "estimated", "estimated")
    assert attempt.cost is not None
    assert attempt.cost.nano > 0
    [row] = mux.ledger.query()
    assert row.bound_nano is not None
    assert attempt.cost.nano <= row.bound_nano


def test_text_that_was_only_handed_on_counts_in_an_estimate(ask):
    """A relay leaves plain text undecoded; without usage it is what the output is estimated from."""
    decoded = [chunk(f"word{n} ") for n in range(200)]
    plain = [
        json.dumps(json.loads(piece[6:]), separators=(",", ":")).join(("data: ", "\n\n")).encode() for piece in decoded
    ]
    units = []
    for reads in (decoded, plain, [b"".join(plain)]):
        mux = mux_of(Reply(200, SSE, [chunk("So: "), *reads, chunk(finish="stop"), DONE]))
        got = ask(Front(mux), streaming(OPENAI.model))
        assert b"".join(reads) in got.body
        [attempt] = only(mux).attempts
        assert (attempt.status, attempt.cost_status) == ("ok", "estimated")
        units.append(dict(attempt.usage))
    assert units[0] == units[1] == units[2]
    assert 200 <= units[0]["output"] <= 1000


def test_an_answer_without_a_word_and_without_usage_is_estimated_too(ask):
    mux = mux_of(Reply(200, SSE, [chunk(), chunk(finish="stop"), DONE]))
    ask(Front(mux), streaming(OPENAI.model))
    [attempt] = only(mux).attempts
    assert (attempt.status, attempt.cost_status) == ("ok", "estimated")
    assert attempt.usage["input"] > 0
    assert attempt.usage["output"] == 0


def test_a_stream_whose_client_stops_at_its_last_event_has_ended_well(ask):
    """As the SDKs do, which read no further than the word that says it is over."""
    pieces = [chunk("Hel"), chunk(finish="stop") + USAGE, DONE]
    mux = mux_of(Reply(200, SSE, pieces))
    got = ask.leave(Front(mux), streaming(OPENAI.model, stream_options={"include_usage": True}), 3)
    assert b"".join(got).endswith(b"data: [DONE]\n\n")
    assert [attempt.status for attempt in only(mux).attempts] == ["ok"]


def test_what_failed_before_the_client_left_is_in_the_receipt_too(ask):
    answers = [Reply(503, JSON, [b"{}"]), Reply(200, SSE, MESSAGE)]
    mux = mux_of(answers, OPENAI, CLAUDE, policy="priority")
    assert ask.leave(Front(mux), streaming("auto"), 1)
    assert [attempt.status for attempt in only(mux).attempts] == ["failed", "cancelled"]


def test_a_whole_call_that_was_cancelled_has_a_receipt_of_unknown_cost():
    vendor = FakeProvider("openai", latency=3600.0)
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hi"}]}
    request = FrontRequest(method="POST", url="/v1/chat/completions", json=body, direct=False)

    async def leave(mux: Mux) -> None:
        task = asyncio.create_task(Front(mux).asend(request))
        while not vendor.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Mux([vendor.endpoint("gpt-5-mini")]) as mux:
        asyncio.run(leave(mux))
        receipt = only(mux)
        [attempt] = receipt.attempts
        assert (attempt.status, attempt.cost, receipt.cost_status) == ("cancelled", None, "unknown")
        assert (mux.ledger.query()[0].bound_nano or 0) > 0


def test_a_whole_call_that_was_interrupted_has_a_receipt():
    def interrupt(request: Any) -> Reply:
        raise KeyboardInterrupt

    mux = mux_of(interrupt)
    body = {"model": OPENAI.model, "messages": [{"role": "user", "content": "Hi"}]}
    with pytest.raises(KeyboardInterrupt):
        Front(mux).send(FrontRequest(method="POST", url="/v1/chat/completions", json=body, direct=False))
    assert [attempt.status for attempt in only(mux).attempts] == ["cancelled"]


def test_a_call_that_never_sent_anything_leaves_no_receipt(ask):
    mux = mux_of(Reply())
    got = ask(Front(mux), FrontRequest(method="POST", url="/v1/chat/completions", body=b"{", direct=False))
    assert got.status == 400
    assert not mux.last_receipts


def test_a_native_call_leaves_its_receipt_with_its_reply_only():
    with Mux([FakeProvider("openai").endpoint()]) as mux:
        assert mux.chat("Hi").receipt is not None
        with mux.stream("Hi there") as stream:
            next(iter(stream))
        assert not mux.last_receipts


# --- passed on -----------------------------------------------------------------------------------------------


def test_what_is_passed_on_and_metered_has_a_receipt(ask):
    mux = mux_of(Reply(200, {**JSON, "x-request-id": "req_their"}, [WHOLE[:9], WHOLE[9:]]))
    got = ask(Front(mux), passed())
    assert got.body == WHOLE
    receipt = only(mux)
    [attempt] = receipt.attempts
    assert (attempt.status, attempt.endpoint, dict(attempt.usage)) == (
        "ok",
        "openai/text-embedding-3-small",
        {"input": 7},
    )
    assert (receipt.cost, receipt.cost_status) == (attempt.cost, "priced")
    assert attempt.cost is not None
    assert attempt.cost.nano == 7 * 20  # 0.02 dollars a million
    assert attempt.request_id == "req_their"
    told = {"call": receipt.call_id, "endpoint": "openai/text-embedding-3-small"}
    assert json.loads(got.headers["x-modelmux-receipt"]) == told


@pytest.mark.parametrize(
    "reply", [Reply(200, SSE, [chunk("Hel"), DONE]), Reply(200, JSON, [b"[1]"]), Reply(200, JSON, [])]
)
def test_a_passed_answer_that_tells_no_usage_costs_nobody_knows_what(ask, reply):
    mux = mux_of(reply)
    ask(Front(mux), passed())
    assert [(a.status, a.cost, a.cost_status) for a in only(mux).attempts] == [("ok", None, "unknown")]


@pytest.mark.parametrize(
    "request_",
    [
        passed("/v1/files", "GET"),
        passed("/v1/moderations"),
        passed("/v1/responses/resp_1", "GET"),
        passed("/v1/responses/resp_1/cancel"),
        passed("/anything", host="nobody.test"),
    ],
    ids=lambda request: request.url,
)
def test_what_nobody_can_meter_has_a_receipt_and_no_row(ask, request_):
    mux = mux_of(Reply(200, JSON, [b'{"usage": {"input_tokens": 9, "output_tokens": 1}}']))
    got = ask(Front(mux), request_)
    assert got.status == 200
    [receipt] = mux.last_receipts
    [attempt] = receipt.attempts
    assert (attempt.status, receipt.cost, receipt.cost_status) == ("ok", None, "unknown")
    assert json.loads(got.headers["x-modelmux-receipt"])["call"] == receipt.call_id
    assert mux.ledger.query() == []


def test_counting_is_free_and_not_in_the_books(ask):
    mux = mux_of(Reply(200, JSON, [b'{"input_tokens": 9}']))
    path, body = "/v1/messages/count_tokens", {"model": "claude-x", "messages": [{"role": "user", "content": "Hi"}]}
    assert ask(Front(mux), passed(path, host="api.anthropic.com", **body)).status == 200
    [receipt] = mux.last_receipts
    assert (str(receipt.attempts[0].cost), receipt.cost_status) == (str(Money(0)), "priced")
    assert mux.ledger.query() == []


def test_a_refusal_that_is_passed_on_costs_nothing(ask):
    mux = mux_of(Reply(401, JSON, [b'{"error": {"message": "no"}}']))
    assert ask(Front(mux), passed()).status == 401
    [attempt] = only(mux).attempts
    assert (attempt.status, attempt.http_status, attempt.cost_status) == ("failed", 401, "priced")
    assert attempt.cost is not None
    assert attempt.cost.nano == 0


def test_a_fault_of_the_vendors_that_is_passed_on_may_have_cost(ask):
    mux = mux_of(Reply(500, JSON, [b"{}"]))
    assert ask(Front(mux), passed()).status == 500
    assert [(a.status, a.cost) for a in only(mux).attempts] == [("failed", None)]


def test_a_vendor_that_cannot_be_reached_leaves_a_receipt_in_the_header_too(ask):
    mux = mux_of(ConnectionFailed("refused"))
    got = ask(Front(mux), passed())
    assert got.status == 502
    receipt = only(mux)
    [attempt] = receipt.attempts
    assert attempt.status == "failed"
    assert isinstance(attempt.error, ConnectionFailed)
    assert attempt.cost is not None
    assert attempt.cost.nano == 0  # nothing was sent
    told = json.loads(got.headers["x-modelmux-receipt"])
    assert (told["call"], told["cost"], told["attempts"]) == (receipt.call_id, "0", 1)


def test_a_passed_answer_that_breaks_off_is_cut_and_its_cost_unknown(ask):
    mux = mux_of(Reply(200, JSON, [WHOLE[:9]], ConnectionLost("gone")))
    with pytest.raises(ConnectionLost):
        ask(Front(mux), passed())
    [attempt] = only(mux).attempts
    assert (attempt.status, attempt.cost, attempt.http_status) == ("cut", None, 200)
    assert isinstance(attempt.error, ConnectionLost)


def test_a_passed_answer_that_its_client_left_has_a_receipt(ask):
    mux = mux_of(Reply(200, JSON, [WHOLE[:9], WHOLE[9:]]))
    assert ask.leave(Front(mux), passed(), 1)
    assert [(a.status, a.cost) for a in only(mux).attempts] == [("cancelled", None)]


def test_tags_reach_the_books_of_what_is_passed_on(ask):
    mux = mux_of(Reply(200, JSON, [WHOLE]))
    request = passed(modelmux={"tags": {"user": "42", "team": "a"}})
    ask(Front(mux), request)
    only(mux)
    [row] = mux.ledger.query()
    assert (row.tags, row.user) == ({"user": "42", "team": "a"}, "42")
