"""cost.price over the shapes that answers come in. Bodies here are synthetic."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux.cost import price

AT = "2026-11-20T12:00:00Z"
USED = {"usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}}
PLAIN = Decimal("0.00065")


def bill(response: dict[str, Any], model: str = "gpt-5-mini", **more: Any) -> Any:
    return price("openai", "chat.completions", model, response, at=AT, **more)


def test_the_served_model_stands_in_for_a_name_that_is_not_known() -> None:
    assert bill(USED, "my-deployment").status == "unpriced"
    assert bill({**USED, "model": "gpt-5-mini-2025-08-07"}, "my-deployment").total == PLAIN


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("gpt-5-mini", True),
        ("openai/gpt-5-mini", True),
        ("gpt-5-mini-2025-08-07", True),
        ("gpt-5-mini-2031-01-01", True),
        ("gpt-5-mini-2031-13-01", False),
        ("gpt-5-min", False),
        ("gpt-5-mini-turbo", False),
        ("GPT", False),
        ("", False),
    ],
)
def test_a_price_belongs_to_a_name_not_to_its_neighbours(name: str, known: bool) -> None:
    cost = bill(USED, name)
    assert cost.total == (PLAIN if known else None)
    assert cost.status == ("priced" if known else "unpriced")


def test_the_rows_of_a_batch_add_up_at_batch_prices() -> None:
    rows = [
        {"custom_id": "a", "response": {"status_code": 200, "body": USED}, "error": None},
        {"custom_id": "b", "response": {"status_code": 200, "body": USED}, "error": None},
        {"custom_id": "c", "response": {"status_code": 400, "body": {"error": {}}}, "error": None},
        {"custom_id": "d", "response": None, "error": {"code": "batch_expired"}},
    ]
    assert bill({"batch_results": rows}).total == PLAIN


def test_rows_that_failed_are_not_billed() -> None:
    rows = [
        {
            "custom_id": "a",
            "result": {"type": "succeeded", "message": {"usage": {"input_tokens": 1000, "output_tokens": 100}}},
        },
        {"custom_id": "b", "result": {"type": "errored", "error": {"type": "invalid_request"}}},
        {"custom_id": "c", "result": {"type": "expired"}},
    ]
    cost = price("anthropic", "messages", "claude-sonnet-4-6", {"batch_results": rows}, at=AT)
    assert cost.total == Decimal("0.00225")


def test_sub_calls_are_billed_at_the_price_of_their_own_model() -> None:
    parts = [
        {"type": "message", "input_tokens": 1000, "output_tokens": 100},
        {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 2000, "output_tokens": 10},
    ]
    body = {"usage": {"input_tokens": 1000, "output_tokens": 100, "iterations": parts}}
    cost = price("anthropic", "messages", "claude-sonnet-4-6", body, at=AT)
    # 1000 x 3 + 100 x 15 at the model's price, 2000 x 5 + 10 x 25 at the advisor's, all per million.
    assert (cost.status, cost.total) == ("priced", Decimal("0.01475"))
    assert sum(line.amount or 0 for line in cost.lines) == cost.total
    parts[1]["model"] = "claude-unheard-of"
    assert price("anthropic", "messages", "claude-sonnet-4-6", body, at=AT).status == "unpriced"


def test_a_streamed_answer_given_as_a_json_array() -> None:
    chunks = [
        {"usageMetadata": {"promptTokenCount": 15, "totalTokenCount": 15}},
        {"usageMetadata": {"promptTokenCount": 15, "candidatesTokenCount": 20, "totalTokenCount": 35}},
    ]
    whole = price("gemini", "generateContent", "gemini-2.5-flash", {"stream_events": chunks}, at=AT)
    assert whole.total == Decimal("0.0000545")


def test_attempts_of_one_call_add_up() -> None:
    rows = [
        {"vendor": "openai", "model": "gpt-5-mini", "outcome": "http_503"},
        {"vendor": "google", "model": "gemini-2.5-flash", "outcome": "connect_error"},
        {
            "vendor": "openai",
            "model": "gpt-5-mini",
            "outcome": "ok",
            "usage": {"prompt_tokens": 1000, "completion_tokens": 200},
        },
    ]
    cost = price("modelmux", "attempts", "*", {"attempts": rows}, at=AT)
    assert (cost.status, cost.total) == ("priced", PLAIN)


def test_one_unknown_attempt_makes_the_sum_unknown() -> None:
    rows = [
        {
            "vendor": "openai",
            "model": "gpt-5-mini",
            "outcome": "ok",
            "usage": {"prompt_tokens": 1000, "completion_tokens": 200},
        },
        {
            "vendor": "openai",
            "model": "gpt-9-imaginary",
            "outcome": "ok",
            "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        },
    ]
    cost = price("modelmux", "attempts", "*", {"attempts": rows}, at=AT)
    assert (cost.status, cost.total) == ("unpriced", None)


def test_a_price_of_the_callers_own_beats_the_list() -> None:
    assert bill(USED, price={"input": 1, "output": 1}).total == Decimal("0.0012")
    assert bill(USED, "unheard-of", price={"input": 1, "output": 1}).total == Decimal("0.0012")


def test_an_uplifted_region() -> None:
    plain = bill(USED, "gpt-5.6-sol")
    uplifted = bill(USED, "gpt-5.6-sol", request={"base_url_region": "eu"})
    assert uplifted.total == plain.total * Decimal("1.1")


def test_no_reader_for_the_call() -> None:
    assert price("openai", "divination", "gpt-5-mini", USED, at=AT).status == "usage_missing"


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3) | st.floats(),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["usage", "batch_results", "attempts", "stream_events", "result", "response", "model",
                             "service_tier", "prompt_tokens", "vendor", "status_code", "body", "outcome"]),
            inner, max_size=4),
        max_leaves=15,
    ).map(lambda body: body if isinstance(body, dict) else {"usage": body})
)  # fmt: skip
def test_no_response_breaks_it(response: dict[str, Any]) -> None:
    cost = bill(response)
    assert cost.total is None or cost.total >= 0
    assert (cost.total is None) == (cost.status in ("unpriced", "usage_missing"))
