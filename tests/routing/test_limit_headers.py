"""What answers say about limits: every form of the recordings, and what makes no sense."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import recordings, vendor
from modelmux import providers
from modelmux.errors import ConfigError, UnknownName
from modelmux.providers import LimitHeader, parse_row
from modelmux.routing.claims import Blocked, Outcome
from modelmux.routing.limit_headers import COMMON, LONGEST, read
from modelmux.routing.limits import Limits, Taken
from routing.fleets import target

NOW = 1_760_000_000.0  # 2025-10-09T08:53:20Z
ALL = float("inf")
ORDINARY = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "0"}


def said(headers: dict[str, str], provider: str = "", requests: float = ALL, tokens: float = ALL) -> dict[str, tuple]:
    names = (providers.get(provider).limits.headers if provider else ()) or COMMON
    return {left.of: (left.left, round(left.seconds, 3)) for left in read(headers, names, requests, tokens, NOW)}


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("12ms", 0.012),
        ("1s", 1),
        ("6m0s", 360),
        ("1m26.4s", 86.4),
        ("7", 7),
        ("15.864930868148804", 15.865),
        ("24m28.456s", LONGEST),
        ("2025-10-09T08:53:50Z", 30),
        ("Thu, 09 Oct 2025 08:54:20 GMT", 60),
        (str(int(NOW) + 20), 20),
        (str((int(NOW) + 20) * 1000), 20),
        ("X-RATELIMIT-RESET-REQUESTS-XXX", 6),
        ("", 6),
    ],
)
def test_a_reset_is_read_in_every_form(reset, seconds):
    headers = {**ORDINARY, "x-ratelimit-reset-requests": reset}
    assert said(headers) == {"requests": (0, seconds)}


def test_a_moment_is_meant_by_the_vendors_clock():
    """Hours of difference between the clocks change nothing: the answer carries its date."""
    headers = {
        "date": "Thu, 09 Oct 2025 05:00:00 GMT",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2025-10-09T05:00:40Z",
    }
    assert said(headers, "anthropic") == {"tokens": (0, 40)}


@pytest.mark.parametrize("remaining", ["-1", "", "many", "nan", "inf", "9223372036854767616"])
def test_a_count_that_is_none_says_nothing(remaining):
    assert said({"x-ratelimit-remaining-tokens": remaining, "x-ratelimit-reset-tokens": "0"}) == {}


def test_a_reset_in_the_past_says_nothing():
    assert said({**ORDINARY, "x-ratelimit-reset-requests": "0"}) == {}


def test_what_is_not_low_is_said_without_its_reset():
    headers = {"x-ratelimit-remaining-tokens": "5000", "x-ratelimit-reset-tokens": "10s"}
    assert [left.low for left in read(headers, COMMON, 10, 1_000, NOW)] == [False]
    assert [left.low for left in read(headers, COMMON, 10, 10_000, NOW)] == [True]


def test_the_lower_of_two_windows_counts():
    headers = {"x-ratelimit-remaining-req-minute": "97", "x-ratelimit-remaining-req-10-second": "0"}
    assert said(headers, "mistral", requests=10) == {"requests": (0, 1)}


# --- the recordings


RECORDED = {
    "openai": {"requests", "tokens"},
    "azure": {"requests", "tokens"},
    "anthropic": {"requests", "tokens", "input_tokens", "output_tokens"},
    "groq": {"requests", "tokens"},
    "cerebras": {"requests", "tokens"},
    "mistral": {"requests", "tokens"},
    "xai": {"requests", "tokens"},
    "together": {"requests", "tokens"},
    "huggingface": {"requests"},
    "openrouter": {"requests"},
}
"""Vendor -> the dimensions that its recorded answers tell, by hand."""


@pytest.mark.parametrize("name", RECORDED)
def test_the_limits_of_recorded_answers_are_read(name):
    limits = providers.get(name).limits
    found = {
        left.of
        for row in vendor(name)
        for left in read(row["response"]["headers"], limits.headers or COMMON, 0, 0, NOW)
    }
    assert found == RECORDED[name]


def test_no_recorded_answer_is_misread():
    """Nobody recorded an answer that used a limit up, but OpenRouter's: nothing else may be taken for one."""
    used_up: Counter[str] = Counter()
    for row in recordings():
        headers = row["response"].get("headers") or {}
        name = row["vendor"] if row["vendor"] in providers.names() else "openai"
        names = providers.get(name).limits.headers or COMMON
        for left in read(headers, names, 1, 1, NOW):
            assert 0 <= left.seconds <= LONGEST
            used_up[row["vendor"]] += left.low
    assert {name for name, count in used_up.items() if count} <= {"openrouter"}


@given(
    st.dictionaries(st.sampled_from([n for h in COMMON for n in (h.remaining, h.reset, h.limit)]), st.text(max_size=30))
)
def test_no_header_is_too_strange(headers):
    for left in read(headers, COMMON, ALL, ALL, NOW):
        assert left.left >= 0
        assert 0 < left.seconds <= LONGEST


# --- what is made of it


def learned(headers: dict[str, str], tokens: int = 10) -> tuple[Limits, object]:
    state, mine = Limits(Random(1), wall=lambda: NOW), target("p/m")
    state.add(mine)
    taken = state.take(mine.scopes, tokens, tokens, 0.0)
    state.settle(taken, Outcome(1.0, True, input_tokens=tokens, output_tokens=tokens, headers=headers))
    return state, mine.scopes


def test_a_limit_used_up_is_waited_for():
    state, scopes = learned({**ORDINARY, "x-ratelimit-reset-requests": "6m0s"})
    got = state.take(scopes, 1, 1, 2.0)
    assert isinstance(got, Blocked)
    assert (got.until, got.reason) == (361.0, "limit: the vendor says 0 requests are left")
    assert dict(state.blocked(2.0)) == {"p/m": got}
    assert isinstance(state.take(scopes, 1, 1, 361.0), Taken)
    assert dict(state.blocked(362.0)) == {}


def test_a_stream_s_headers_speak_of_its_beginning():
    state, mine = Limits(Random(1), wall=lambda: NOW), target("p/m")
    state.add(mine)
    taken = state.take(mine.scopes, 1, 1, 0.0)
    state.settle(taken, Outcome(50.0, True, ttft=1.0, headers={**ORDINARY, "x-ratelimit-reset-requests": "20s"}))
    assert state.ready(mine.scopes, 1, 1, 50.0) == 50.0


def test_what_is_left_is_used_and_no_more():
    headers = {"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "30s"}
    state, scopes = learned(headers)
    for _ in range(3):
        assert isinstance(state.take(scopes, 1, 1, 2.0), Taken)
    assert isinstance(state.take(scopes, 1, 1, 2.0), Blocked)


def test_plenty_left_slows_nothing_down():
    headers = {
        "x-ratelimit-remaining-requests": "5000",
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-reset-requests": "9s",
    }
    state, scopes = learned(headers)
    assert [state.take(scopes, 1, 1, 2.0).at for _ in range(500)] == [2.0] * 500


def test_tokens_come_back_steadily_until_the_reset():
    """900 of 1,000 tokens used and 90 s to the reset: 500 are there after 40 s."""
    headers = {
        "x-ratelimit-remaining-tokens": "100",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-reset-tokens": "90s",
    }
    state, scopes = learned(headers)
    assert state.ready(scopes, 50, 50, 1.0) == 1.0
    assert state.ready(scopes, 250, 250, 1.0) == pytest.approx(41.0)


def test_a_later_answer_with_more_left_lifts_it_and_an_earlier_one_does_not():
    state, mine = Limits(Random(1), wall=lambda: NOW), target("p/m")
    state.add(mine)
    early, used_up = (state.take(mine.scopes, 1, 1, 0.0) for _ in range(2))
    plenty = {"x-ratelimit-remaining-requests": "400"}
    state.settle(used_up, Outcome(1.0, True, headers={**ORDINARY, "x-ratelimit-reset-requests": "60s"}))
    state.settle(early, Outcome(2.0, True, headers=plenty))
    assert state.ready(mine.scopes, 1, 1, 2.0) == 61.0
    probe = state.take(mine.scopes, 1, 1, 2.0, patience=100)
    state.settle(probe, Outcome(62.0, True, headers=plenty))
    assert state.ready(mine.scopes, 1, 1, 62.0) == 62.0


def test_learned_limits_never_loosen_configured_ones():
    state, mine = Limits(Random(1), wall=lambda: NOW), target("p/m", rpm=60)
    state.add(mine)
    plenty = {"x-ratelimit-remaining-requests": "9999", "x-ratelimit-limit-requests": "10000"}
    starts = []
    for _ in range(10):
        taken = state.take(mine.scopes, 1, 1, 0.0, 100)
        starts.append(taken.at)
        state.settle(taken, Outcome(0.0, True, headers=plenty))
    assert starts[-1] > 5


# --- rows


def row(**limits: object) -> providers.Row:
    return parse_row({"id": "p", "name": "P", "limits": limits}, origin="p.toml")


def test_a_row_names_the_headers_of_its_limits():
    spec = {"of": "tokens", "remaining": "left", "window": 3600}
    assert row(per="key", headers=[spec]).limits.headers == (LimitHeader("tokens", "left", window=3600),)


@pytest.mark.parametrize(
    "limits",
    [
        {"per": "planet"},
        {"headers": [{"of": "words", "remaining": "left"}]},
        {"headers": [{"of": "tokens", "left": "x"}]},
    ],
)
def test_a_row_that_makes_no_sense_is_refused(limits):
    with pytest.raises((ConfigError, UnknownName), match=r"p\.toml: limits"):
        row(**limits)
