"""Prices of the user's own: per endpoint and provider, discounts, and other currencies. Models here are made up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux import Endpoint, Money, Mux, catalogue
from modelmux.catalogue import parse_model
from modelmux.config import parse
from modelmux.cost import price as price_of
from modelmux.cost.meter import charge
from modelmux.cost.prices import Sheet, sheet
from modelmux.cost.terms import Terms, agreed, sheet_by, terms
from modelmux.cost.units import PER
from modelmux.errors import ConfigError
from modelmux.types import Usage

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
KRW = {"KRW": {"usd": "0.00068", "at": "2026-11-01"}}
MODEL = parse_model(
    "acme",
    "m",
    {
        "prices": [
            {
                "rates": {"input": "3", "output": "15", "cache_read": "0.3", "search": "10"},
                "tiers": [{"above": 1000, "rates": {"input": "6", "output": "22.5"}}],
                "disputed": {"output": ["15", "20"]},
                "source": "test",
            },
            {"rates": {"input": "9"}, "when": {"tier": "priority"}},
        ]
    },
)
NATIVE = parse_model("acme", "k", {"prices": [{"rates": {"input": "300", "output": "1200"}, "currency": "KRW"}]})
USAGE = Usage({"input": 600, "cache_read": 400, "output": 100, "search": 2})


def amount(found: Sheet | None, unit: str = "input") -> Decimal:
    assert found is not None
    rate = found.rate(unit)
    assert rate is not None
    return rate.amount


# --- discounts


def test_a_discount_is_an_exact_factor_on_every_rate() -> None:
    full, paid = charge(MODEL, USAGE, at=NOW), charge(MODEL, USAGE, at=NOW, price={"discount": "0.85"})
    assert full.exact == Decimal("0.02342")
    assert paid.exact == Decimal("0.0199070")
    assert paid.status == "priced"
    assert paid.version == full.version + "*0.85"
    assert paid.source == "test"


@given(st.decimals("0", "1", places=6), st.integers(0, 5000), st.integers(0, 5000), st.sampled_from([None, "priority"]))
def test_a_discounted_bill_is_the_bill_times_the_factor(factor: Decimal, read: int, wrote: int, tier: str) -> None:
    usage = Usage({"input": read, "output": wrote})
    full = charge(MODEL, usage, at=NOW, tier=tier)
    paid = charge(MODEL, usage, at=NOW, tier=tier, price={"discount": str(factor)})
    assert full.exact is not None
    assert paid.exact == full.exact * factor


def test_a_discount_reaches_long_prompts_bounds_and_disputes() -> None:
    found = sheet_by({"discount": "0.5"}, MODEL, at=NOW)
    assert found is not None
    assert amount(found.for_input(2000)) == 3
    assert amount(found.dearest, "output") == 10
    assert amount(found.dearest) == Decimal("4.5")
    assert found.disputed == {"output"}
    assert found.dearest.dearest is found.dearest


def test_a_discount_on_nothing_known_is_nothing_known() -> None:
    assert sheet_by({"discount": "0.5"}, None, at=NOW) is None
    assert charge(None, USAGE, at=NOW, price={"discount": "0.5"}).cost is None


def test_sub_calls_get_the_discount_too() -> None:
    served = catalogue.find("openai", "gpt-5-mini")
    usage = Usage({"input": 10, "output": 5}, parts=(("gpt-5-nano", {"input": 4, "output": 1}),))
    full, half = charge(served, usage, at=NOW), charge(served, usage, at=NOW, price={"discount": "0.5"})
    assert full.exact is not None
    assert half.exact == full.exact / 2


def test_what_the_vendor_states_is_not_discounted() -> None:
    stated = Usage({"input": 10}, vendor_cost=("0.5", "USD"))
    assert charge(MODEL, stated, at=NOW, price={"discount": "0.5"}).cost == Money.of("0.5")


def test_cost_price_takes_the_same_mapping() -> None:
    body = {"usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}}
    full = price_of("openai", "chat.completions", "gpt-5-mini", body, at=NOW)
    paid = price_of("openai", "chat.completions", "gpt-5-mini", body, at=NOW, price={"discount": 0.8})
    assert full.total is not None
    assert paid.total == full.total * Decimal("0.8")
    won = price_of(
        "openai", "chat.completions", "m", body, at=NOW,
        price={"input": 300, "output": 1200, "currency": "krw", "exchange": KRW},
    )  # fmt: skip
    assert (won.status, won.total, won.currency) == ("priced_native", Decimal("0.42"), "KRW")


# --- exchange


def test_bills_stay_in_their_currency() -> None:
    made = charge(NATIVE, Usage({"input": 1000, "output": 100}), at=NOW, price={"exchange": KRW})
    assert made.cost == Money.of("0.42", "KRW")
    assert made.version == NATIVE.prices[0].id


def test_comparing_takes_the_given_rate() -> None:
    agreed_ = terms({"exchange": KRW})
    native = sheet_by(agreed_, NATIVE, at=NOW)
    assert native is not None
    compared = agreed_.compared(native)
    assert (amount(compared), compared.currency) == (Decimal("0.204"), "USD")
    assert compared.exchanged == "KRW at 0.00068 USD of 2026-11-01"
    assert (compared.dearest.currency, amount(compared.dearest)) == ("USD", Decimal("0.204"))
    assert agreed_.compared(native, "KRW") is native
    dollars = sheet(MODEL, at=NOW)
    assert dollars is not None
    assert agreed_.compared(dollars) is dollars


def test_nothing_is_converted_without_a_rate() -> None:
    native = sheet_by(None, NATIVE, at=NOW)
    assert native is not None
    assert Terms().compared(native) is native
    assert native.currency == "KRW"


# --- what is refused


@pytest.mark.parametrize(
    ("price", "word"),
    [
        ({"inptu": 1}, "inptu"),
        ({"input": "cheap"}, "input"),
        ({"input": -1}, "input"),
        ({"output": "NaN"}, "output"),
        ({"input": True}, "input"),
        ({"discount": "15"}, "at most 1"),
        ({"discount": "-0.1"}, "discount"),
        ({"discount": "0.9", "input": 1}, "one of them"),
        ({"currency": "KRW"}, "currency"),
        ({"exchange": {"KRW": {"usd": "0.00068"}}}, "its day"),
        ({"exchange": {"KRW": {"at": "2026-11-01"}}}, "one rate"),
        ({"exchange": {"KRW": {"usd": "0.00068", "eur": "0.0006", "at": "2026-11-01"}}}, "one rate"),
        ({"exchange": {"KRW": {"usd": "0.00068", "at": "yesterday"}}}, "day"),
        ({"exchange": {"KRW": {"usd": 0, "at": "2026-11-01"}}}, "more than nothing"),
        ({"exchange": {"KRW": 0.00068}}, "one rate"),
        ({"exchange": "KRW"}, "exchange"),
        ("cheap", "mapping"),
    ],
)
def test_what_makes_no_sense_is_refused(price: object, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        terms(price)  # type: ignore[arg-type]


# --- which holds


@pytest.mark.parametrize(
    ("endpoint", "provider", "discount", "expected"),
    [
        (None, None, None, 3),
        (None, None, "0.5", Decimal("1.5")),
        ({"input": 1}, {"input": 2}, None, 1),
        (None, {"input": 2}, None, 2),
        (None, {"m": {"input": 2}}, None, 2),
        (None, {"m": {"input": 2}}, "0.5", 2),
        (None, {"other": {"input": 2}}, None, 3),
        (None, {"other": {"input": 2}}, "0.5", Decimal("1.5")),
        (None, {"m": {"discount": "0.1"}}, "0.5", Decimal("0.3")),
        ({"discount": "0.1"}, {"input": 2}, None, Decimal("0.3")),
        ({"discount": 1}, None, "0.5", 3),
        ({"exchange": KRW}, {"input": 2}, None, 2),
        ({"exchange": KRW}, None, "0.5", Decimal("1.5")),
    ],
)
def test_the_endpoint_goes_before_the_provider(endpoint, provider, discount, expected) -> None:  # type: ignore[no-untyped-def]
    made = agreed(endpoint, names=("m",), provider_price=provider, discount=discount, exchange=None)
    assert amount(sheet_by(made, MODEL, at=NOW)) == expected


def test_nothing_agreed_is_none() -> None:
    assert agreed(None, names=("m",)) is None


def test_exchange_rates_join_and_the_endpoint_wins() -> None:
    made = agreed(
        {"exchange": {"krw": {"usd": "0.0007", "at": "2026-11-02"}}},
        names=("m",),
        exchange={**KRW, "EUR": {"usd": "1.1", "at": "2026-11-01"}},
    )
    assert made is not None
    assert {name: (one.rate, one.at) for name, one in made.exchange.items()} == {
        "KRW": (Decimal("0.0007"), "2026-11-02"),
        "EUR": (Decimal("1.1"), "2026-11-01"),
    }


# --- in a Mux


def mux_of(*models: object, providers: dict[str, object] | None = None, **more: object) -> Mux:
    given = {
        name: {"api_key": "test-key", **((providers or {}).get(name) or {})}
        for name in ("openai", "upstage", "mistral")
    }
    return Mux(list(models), policy="cheapest", providers=given, **more)  # type: ignore[arg-type]


def costs(mux: Mux, **options: object) -> dict[str, float | None]:
    decision = mux.explain("hello " * 100, **options)  # type: ignore[arg-type]
    return {one.name: one.expected_cost for one in decision.ranked}


def test_a_providers_discount_is_what_routing_sees() -> None:
    names = ("openai/gpt-5-mini", "mistral/mistral-medium-latest")
    full = costs(mux_of(*names))
    paid = costs(mux_of(*names, providers={"openai": {"discount": "0.85"}}))
    assert paid[names[0]] == pytest.approx(0.85 * (full[names[0]] or 0))
    assert paid[names[1]] == full[names[1]]


def test_a_price_for_one_model_of_a_provider() -> None:
    names = ("openai/gpt-5-mini", "openai/gpt-5-nano")
    full = costs(mux_of(*names))
    paid = costs(mux_of(*names, providers={"openai": {"price": {"gpt-5-mini": {"input": 0, "output": "0.001"}}}}))
    assert (paid[names[0]] or 0) < 1e-6
    assert paid[names[1]] == full[names[1]]


WON = {"input": "370", "output": "1470", "currency": "KRW"}


def test_won_are_compared_by_the_users_rate_only() -> None:
    ours = Endpoint("openai/gpt-5-nano", name="won", price={**WON, "exchange": KRW})
    theirs = Endpoint("openai/gpt-5-mini", name="dollars")
    apart = mux_of(theirs, Endpoint("openai/gpt-5-nano", name="won", price=WON)).explain("hello")
    assert {one.name: one.expected_cost is None for one in apart.ranked} == {"dollars": False, "won": True}
    joined = mux_of(theirs, ours).explain("hello").ranked
    by_name = {one.name: one for one in joined}
    won = by_name["won"]
    assert won.expected_cost == pytest.approx(0.00068 * (won.input_tokens * 370 + won.output_tokens * 1470) / 1e6)
    assert won.note == "KRW at 0.00068 USD of 2026-11-01"
    assert by_name["dollars"].note == ""


def test_a_ceiling_holds_for_won_by_the_users_rate() -> None:
    ours = Endpoint("openai/gpt-5-nano", name="won", price={**WON, "exchange": KRW})
    decision = mux_of(ours).explain("hello", max_cost=0.002)
    assert decision.cap("won") is not None
    assert decision.bound("won").currency == "USD"
    assert mux_of(ours).explain("hello", max_cost=Money.of(3, "KRW")).bound("won").currency == "KRW"
    without = Endpoint("openai/gpt-5-nano", name="won", price=WON)
    assert "KRW" in str(mux_of(without).explain("hello", max_cost=0.002))


@pytest.mark.parametrize(
    "settings",
    [
        {"discount": "85"},
        {"price": {"input": 1}, "discount": "0.9"},
        {"price": {"gpt-5-mini": {"inptu": 1}}},
        {"price": {"gpt-5-mini": {"input": 1}, "input": 2}},
        {"exchange": {"KRW": {"usd": "0.00068"}}},
    ],
)
def test_wrong_settings_are_refused_at_once(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Mux(["mistral/mistral-medium-latest"], providers={"mistral": {"api_key": "test-key"}, "openai": settings})


def test_the_same_from_a_configuration() -> None:
    config = parse(
        {
            "models": ["openai/gpt-5-mini"],
            "endpoints": [
                {"model": "openai/gpt-5-nano", "price": {**WON, "exchange": KRW}, "api_key": "test-key", "name": "won"}
            ],
            "providers": {"openai": {"api_key": "test-key", "discount": 0.85, "exchange": KRW}},
        }
    )
    found = costs(Mux.from_config(config))
    full = costs(mux_of("openai/gpt-5-mini"))
    assert found["openai/gpt-5-mini"] == pytest.approx(0.85 * (full["openai/gpt-5-mini"] or 0))
    assert found["won"] is not None


def test_every_unit_may_be_priced() -> None:
    assert set(terms(dict.fromkeys(PER, "1")).own.rates) == set(PER)  # type: ignore[union-attr]
