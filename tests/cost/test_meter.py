"""Charges: exact, rounded once, unknown where it is not known, dearer for more use."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux import catalogue
from modelmux.catalogue import parse_model
from modelmux.cost.meter import charge
from modelmux.cost.units import PER, TOKENS
from modelmux.money import Money
from modelmux.types import NO_USAGE, Usage

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
MINI = catalogue.find("openai", "gpt-5-mini")
RATES = {"input": "0.25", "cache_read": "0.025", "output": "2"}


def test_the_models_of_these_tests_exist() -> None:
    assert MINI is not None


def test_a_plain_bill() -> None:
    made = charge(MINI, Usage({"input": 1000, "output": 200}), at=NOW)
    assert made.cost == Money(650_000, "USD")
    assert made.status == "priced"
    assert made.exact == Decimal("0.00065")
    assert [(line.unit, line.quantity, line.amount) for line in made.lines] == [
        ("input", 1000, Decimal("0.00025")),
        ("output", 200, Decimal("0.0004")),
    ]


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        (None, Usage({"input": 5})),
        (MINI, NO_USAGE),
        (MINI, Usage({"page": 3})),
        (parse_model("acme", "x", {}), Usage({"input": 5})),
    ],
)
def test_what_is_not_known_is_never_zero(model: catalogue.Model | None, usage: Usage) -> None:
    made = charge(model, usage, at=NOW)
    assert made.cost is None
    assert made.status == "unknown"
    assert made.reason
    assert made.exact is None


def test_an_explicit_zero_is_a_zero() -> None:
    made = charge(MINI, Usage({}, total=0), at=NOW)
    assert made.cost == Money(0)
    assert made.status == "priced"


def test_usage_counted_here_makes_an_estimate() -> None:
    made = charge(MINI, Usage({"input": 1000}, reported=False), at=NOW)
    assert made.status == "estimated"
    assert made.cost == Money(250_000)


def test_a_tier_without_a_price_makes_an_estimate() -> None:
    assert charge(MINI, Usage({"input": 1000}), at=NOW, tier="ludicrous").status == "estimated"


def test_what_served_the_call_wins_over_what_was_asked() -> None:
    usage = Usage({"input": 1_000_000}, served={"tier": "default"})
    assert charge(MINI, usage, at=NOW, tier="priority").cost == Money(250_000_000)
    usage = Usage({"input": 1_000_000}, served={"speed": "fast"})
    model = catalogue.find("anthropic", "claude-opus-5-5")
    assert charge(model, usage, at=NOW).cost == Money(8_000_000_000)


def test_the_region_that_served_the_call_is_the_one_that_is_billed() -> None:
    model = catalogue.find("anthropic", "claude-sonnet-4-6")
    plain = charge(model, Usage({"input": 1_000_000}), at=NOW)
    uplifted = charge(model, Usage({"input": 1_000_000}, served={"region": "us"}), at=NOW, region="global")
    assert plain.cost == Money(3_000_000_000)
    assert uplifted.cost == Money(3_300_000_000)


def test_what_the_vendor_says_wins_and_ours_stands_beside_it() -> None:
    made = charge(MINI, Usage({"input": 1000}, vendor_cost=("0.00031", "USD")), at=NOW)
    assert made.cost == Money(310_000)
    assert made.source == "vendor"
    assert made.exact == Decimal("0.00031")
    assert made.ours == Decimal("0.00025")
    assert sum(line.amount or 0 for line in made.lines) == Decimal("0.00031")


def test_the_vendors_price_needs_no_price_of_ours() -> None:
    made = charge(None, Usage({"input": 1000}, vendor_cost=("0", "USD")), at=NOW)
    assert made.cost == Money(0)
    assert made.status == "priced"
    assert made.ours is None


def test_a_users_price_is_in_its_own_currency() -> None:
    made = charge(MINI, Usage({"input": 2000, "output": 1000}), at=NOW, price={"input": "1250", "currency": "KRW",
                                                                               "output_per_1k": 5})  # fmt: skip
    assert made.cost == Money(7_500_000_000, "KRW")
    assert made.source == "user"


@pytest.mark.parametrize(
    ("tokens", "nano"),
    [(1, 0), (3, 2), (5, 2), (7, 4)],  # half a nano a token: 0.5, 1.5, 2.5, 3.5
)
def test_rounding_is_half_even_and_once(tokens: int, nano: int) -> None:
    made = charge(None, Usage({"input": tokens}), at=NOW, price={"input": "0.0005"})
    assert made.cost == Money(nano)
    assert made.exact == Decimal(tokens) * Decimal("0.0000000005")


def test_a_minimum_is_billed() -> None:
    model = catalogue.find("groq", "whisper-large-v3-turbo")
    short, exact = (charge(model, Usage({"audio_ms": ms}), at=NOW) for ms in (4000, 10_000))
    longer = charge(model, Usage({"audio_ms": 20_000}), at=NOW)
    assert short.cost == exact.cost
    assert short.cost is not None
    assert longer.cost is not None
    assert longer.cost > short.cost


def test_long_prompts_count_everything_that_was_read() -> None:
    model = catalogue.find("gemini", "gemini-2.5-pro")
    below = charge(model, Usage({"input": 1, "cache_read": 199_999}), at=NOW)
    above = charge(model, Usage({"input": 2, "cache_read": 199_999}), at=NOW)
    assert below.lines[0].rate is not None
    assert above.lines[0].rate is not None
    assert above.lines[0].rate.amount == 2 * below.lines[0].rate.amount


units = st.dictionaries(st.sampled_from(["input", "cache_read", "output", "reasoning", "tool_input"]),
                        st.integers(0, 10**7), max_size=5)  # fmt: skip


@given(units)
def test_a_bill_is_the_sum_of_quantities_times_rates(used: dict[str, int]) -> None:
    made = charge(None, Usage(used, total=sum(used.values())), at=NOW, price=RATES)
    billed_as = {"reasoning": "output", "tool_input": "input"}
    wanted = sum(
        (Fraction(RATES[billed_as.get(unit, unit)]) * count / PER[unit] for unit, count in used.items()), Fraction(0)
    )
    assert made.exact is not None
    assert Fraction(made.exact) == wanted
    assert made.cost is not None
    assert abs(Fraction(made.cost.nano, 10**9) - wanted) <= Fraction(1, 2 * 10**9)


MODELS = [
    model
    for provider, name in [
        ("openai", "gpt-5.6-sol"),
        ("anthropic", "claude-sonnet-4-5"),
        ("gemini", "gemini-2.5-pro"),
        ("xai", "grok-4.5"),
        ("deepseek", "deepseek-v4-pro"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ]
    if (model := catalogue.find(provider, name)) is not None
]


def test_the_models_of_the_law_exist() -> None:
    assert len(MODELS) == 6


@given(
    st.sampled_from(MODELS),
    st.dictionaries(st.sampled_from(sorted(TOKENS)), st.integers(0, 400_000), max_size=6),
    st.sampled_from(sorted(TOKENS)),
    st.integers(1, 100_000),
)
def test_more_use_never_costs_less(model: catalogue.Model, used: dict[str, int], unit: str, more: int) -> None:
    less = charge(model, Usage(used, total=0), at=NOW).cost
    grown = charge(model, Usage({**used, unit: used.get(unit, 0) + more}, total=0), at=NOW).cost
    assert less is not None
    assert grown is not None
    assert grown >= less
