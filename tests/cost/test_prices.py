"""Which price holds: time, hours, tier, region, length of the prompt. Models here are made up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux import catalogue
from modelmux.catalogue import Model, parse_model
from modelmux.cost.prices import Sheet, sheet
from modelmux.cost.terms import user_sheet
from modelmux.cost.units import FALLBACK, PER, TOKENS
from modelmux.errors import ConfigError


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def rate(found: Sheet | None, unit: str = "input") -> Decimal:
    assert found is not None
    price = found.rate(unit)
    assert price is not None
    return price.amount


NOW = at("2026-06-01")

MODEL = parse_model(
    "acme",
    "m",
    {
        "prices": [
            {"rates": {"input": "5", "output": "30"}, "end": "2026-03-01", "source": "test"},
            {
                "rates": {"input": "4", "output": "20", "cache_read": "0.4"},
                "start": "2026-03-01",
                "tiers": [
                    {"above": 1000, "rates": {"input": "8", "output": "30"}},
                    {"above": 5000, "rates": {"input": "16"}},
                ],
                "uplift": {"us": "1.1", "regional": "1.2"},
                "source": "test",
            },
            {"rates": {"input": "2", "output": "10"}, "start": "2026-03-01", "when": {"processing": "batch"}},
            {"rates": {"input": "9", "output": "45"}, "start": "2026-03-01", "when": {"tier": "priority"}},
            {"rates": {"input": "40"}, "start": "2026-03-01", "when": {"speed": "fast"}},
        ]
    },
)

PEAK = parse_model(
    "acme",
    "p",
    {
        "prices": [
            {"rates": {"input": "1", "output": "2"}, "source": "test"},
            {
                "rates": {"input": "2", "output": "4"},
                "windows": [{"days": "12345", "from": 60, "to": 240}, {"from": 1380, "to": 1440}],
            },
        ]
    },
)


def test_the_version_is_chosen_by_the_time_of_the_call() -> None:
    assert rate(sheet(MODEL, at=at("2026-03-01") - 0.001)) == 5
    assert rate(sheet(MODEL, at=at("2026-03-01"))) == 4


def test_no_price_before_the_first_version() -> None:
    late = parse_model("acme", "l", {"prices": [{"rates": {"input": "1"}, "start": "2026-01-01"}]})
    assert sheet(late, at=at("2025-12-31")) is None
    assert sheet(parse_model("acme", "none", {}), at=NOW) is None


@pytest.mark.parametrize(
    ("moment", "price"),
    [
        ("2026-11-20T00:59:59", 1),  # a Friday
        ("2026-11-20T01:00:00", 2),
        ("2026-11-20T03:59:59", 2),
        ("2026-11-20T04:00:00", 1),
        ("2026-11-21T02:00:00", 1),  # a Saturday
        ("2026-11-23T02:00:00", 2),  # a Monday
        ("2026-11-21T23:30:00", 2),  # every day
    ],
)
def test_peak_hours_have_weekdays(moment: str, price: int) -> None:
    assert rate(sheet(PEAK, at=at(moment))) == price


@pytest.mark.parametrize(
    ("asked", "price"),
    [
        ({}, 4),
        ({"tier": "default"}, 4),
        ({"tier": "ON_DEMAND"}, 4),
        ({"tier": "priority"}, 9),
        ({"tier": "ON_DEMAND_PRIORITY"}, 9),
        ({"tier": "batch"}, 2),
        ({"processing": "batch"}, 2),
        ({"processing": "batch", "tier": "priority"}, 2),
        ({"speed": "fast"}, 40),
        ({"speed": "standard"}, 4),
    ],
)
def test_what_served_the_call_decides(asked: dict[str, str], price: int) -> None:
    found = sheet(MODEL, at=NOW, **asked)
    assert rate(found) == price
    assert found is not None
    assert not found.assumed


def test_a_tier_without_a_price_is_an_assumption_that_says_so() -> None:
    found = sheet(MODEL, at=NOW, tier="flex")
    assert rate(found) == 4
    assert found is not None
    assert "flex" in found.assumed


def test_a_variant_is_silent_on_what_it_does_not_list() -> None:
    assert rate(sheet(MODEL, at=NOW, processing="batch"), "cache_read") == Decimal("0.4")


def test_regions_multiply_token_rates_only() -> None:
    assert rate(sheet(MODEL, at=NOW, region="us")) == Decimal("4.4")
    assert rate(sheet(MODEL, at=NOW, region="europe-west4")) == Decimal("4.8")
    assert rate(sheet(MODEL, at=NOW, region="global")) == 4
    searched = parse_model("acme", "s", {"prices": [{"rates": {"input": "1", "search": "10"}, "uplift": {"us": "2"}}]})
    assert rate(sheet(searched, at=NOW, region="us"), "search") == 10


def test_long_prompts_move_every_class_they_list() -> None:
    short = sheet(MODEL, at=NOW)
    assert short is not None
    assert short.long_context is not None
    assert short.long_context[0] == 1000
    assert short.for_input(1000) is short
    assert rate(short.for_input(1001)) == 8
    assert rate(short.for_input(1001), "cache_read") == Decimal("0.4")
    assert rate(short.for_input(5001)) == 16
    assert rate(short.for_input(5001), "output") == 30


def test_the_dearest_covers_tiers_and_regions_that_may_serve() -> None:
    found = sheet(MODEL, at=NOW)
    assert found is not None
    assert rate(found.dearest) == Decimal("10.8")
    assert rate(found.dearest.for_input(5001)) == Decimal("19.2")
    asked = sheet(MODEL, at=NOW, tier="flex")
    assert asked is not None
    assert rate(asked.dearest) == Decimal("4.8")
    quiet = sheet(PEAK, at=at("2026-11-20T12:00:00"))
    assert quiet is not None
    assert rate(quiet.dearest) == 2


def test_a_disputed_price_counts_at_its_highest_for_bounds() -> None:
    model = parse_model(
        "acme", "d", {"prices": [{"rates": {"input": "1", "output": "2"}, "disputed": {"input": ["1", "5"]}}]}
    )
    found = sheet(model, at=NOW)
    assert rate(found) == 1
    assert found is not None
    assert "input" in found.disputed
    assert rate(found.dearest) == 5


def test_fallbacks_end_in_a_unit_of_the_same_side() -> None:
    for unit in FALLBACK:
        end = unit
        for _ in PER:
            end = FALLBACK.get(end, end)
        assert end in ("input", "output", "page", "request")
        assert FALLBACK[unit] in PER


def test_a_model_sold_by_one_measure_has_no_charge_for_the_other() -> None:
    per_prompt = Sheet(user_sheet({"input": 1, "search_prompt": 35}).rates)
    assert rate(per_prompt, "search") == 0
    neither = user_sheet({"input": 1})
    assert neither.rate("search") is None
    assert not neither.knows("search")


AUDIO = parse_model(
    "acme", "a", {"prices": [{"rates": {"input": "1", "output": "2", "audio_ms": "0.36"}, "unknown": ["input_audio"]}]}
)


def test_no_other_price_stands_for_one_that_is_not_known() -> None:
    found = sheet(AUDIO, at=NOW)
    assert found is not None
    for one in (found, found.dearest):
        assert one.rate("input_audio") is None
        assert one.nano({"input": 1, "input_audio": 5}) is None
        assert one.rate("cache_read_audio") is None
        assert rate(one, "cache_read") == 1


def test_what_is_sold_by_time_is_not_sold_by_tokens_too() -> None:
    found = sheet(AUDIO, at=NOW)
    assert found is not None
    assert found.nano({"input_audio": 375, "audio_ms": 3000}) == found.nano({"audio_ms": 3000})


def test_sheets_are_kept() -> None:
    assert sheet(MODEL, at=NOW) is sheet(MODEL, at=NOW + 1)


def test_per_token_is_the_rate() -> None:
    found = user_sheet({"input": "0.25", "output": 2})
    assert found.per_token("input") == pytest.approx(0.25e-6)
    assert found.per_token("reasoning") == pytest.approx(2e-6)
    assert found.per_token("search") == 0.0


@pytest.mark.parametrize("price", [{"inptu": 1}, {"input": "cheap"}, {"input": -1}, {"output": "NaN"}])
def test_a_price_that_makes_no_sense_is_refused(price: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        user_sheet(price)


def _models() -> list[Model]:
    chosen = []
    for provider in ("openai", "anthropic", "gemini", "xai", "deepseek", "mistral", "groq", "bedrock"):
        loaded = catalogue.load(provider)
        chosen += [loaded[name] for name in loaded if loaded[name].prices]
    return chosen


MODELS = _models()
DAYS = st.floats(at("2024-01-01"), at("2027-12-31"))


@given(st.sampled_from(MODELS), DAYS, st.sampled_from([None, "flex", "priority", "batch"]))
def test_no_sheet_costs_more_than_the_dearest(model: Model, moment: float, tier: str | None) -> None:
    plain = sheet(model, at=moment)
    served = sheet(model, at=moment, tier=tier)
    if plain is None or served is None:
        return
    for tokens in (0, 150_000, 250_000, 10**7):
        bound, bill = plain.dearest.for_input(tokens), served.for_input(tokens)
        for unit in TOKENS:
            assert bill.per_token(unit) <= bound.per_token(unit) * (1 + 1e-12)


def test_longer_prompts_are_never_cheaper_in_the_catalogue() -> None:
    for model in MODELS:
        found = sheet(model, at=at("2026-11-21"))
        steps = []
        while found is not None:
            steps.append(found)
            found = found.long_context[1] if found.long_context is not None else None
        for short, long in pairwise(steps):
            assert long.per_token("input") >= short.per_token("input"), model.id
