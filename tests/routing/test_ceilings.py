"""max_cost is kept by capping the output that is asked for."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmux.catalogue import Model, PriceVersion
from modelmux.errors import NoCapableEndpoint
from modelmux.money import NANO, Money
from modelmux.routing.needs import RouteOptions
from modelmux.types import Cache, Media, Message, Request, ServerTool, Text
from routing.fleets import NOW, ask, fleet, model, names, reasons, target


def capped(endpoints, request, max_cost, **options):
    return endpoints.decide(request, RouteOptions.of(max_cost=max_cost, **options), policy="cheapest", now=NOW)


def test_without_a_ceiling_no_cap_is_set():
    decision = fleet(target("a")).decide(ask(), now=NOW)
    assert decision.cap("a") is None
    assert decision.chosen.cap is None


@pytest.mark.parametrize(
    ("max_cost", "max_tokens", "default", "cap"),
    [
        (100, None, 8_192, 8_192),  # the default
        (100, 900, 8_192, 900),  # the caller's
        (100, 12_000, 8_192, 8_192),  # the smallest counts
        (100, None, 99_999, 16_000),  # the model's
        (100, 10, 8_192, 10),  # a caller may ask for little
    ],
)
def test_the_smallest_of_four_caps_counts(max_cost, max_tokens, default, cap):
    decision = capped(fleet(target("a")), ask(max_tokens=max_tokens), max_cost, default_max_output=default)
    assert decision.cap("a") == cap


@settings(max_examples=150, deadline=None)
@given(
    words=st.integers(1, 4_000),
    price_in=st.decimals("0.01", "80", places=4),
    price_out=st.decimals("0.01", "300", places=4),
    nano=st.integers(10_000, 2 * NANO),
    n=st.sampled_from([None, 1, 3]),
    long=st.booleans(),
)
def test_input_bound_and_capped_output_together_never_exceed_the_ceiling(words, price_in, price_out, nano, n, long):
    tiers = ({"above": 3_000, "rates": {"input": str(price_in * 2), "output": str(price_out * 2)}},) if long else ()
    endpoints = fleet(target("a", model("a", price=(price_in, price_out), tiers=tiers)))
    request = ask("a " * words, n=n)
    try:
        decision = capped(endpoints, request, Money(nano))
    except NoCapableEndpoint:
        return
    cap = decision.cap("a")
    bound = 2 * words  # UTF-8 bytes of the text alone: the least the bound may be
    factor = 2 if long and bound > 3_000 else 1
    cost = (Fraction(price_in) * bound + Fraction(price_out) * cap * (n or 1)) * factor / 1_000_000
    assert cost <= Fraction(nano, NANO)
    assert cap >= 256
    assert decision.chosen.bound_cost * NANO <= nano
    assert decision.chosen.bound_cost * NANO >= float(cost) * NANO * 0.999


def test_one_more_token_would_not_fit():
    endpoints = fleet(target("a", model("a", price=(0, 10))))
    decision = capped(endpoints, ask(), Money.of("0.005"))
    assert decision.cap("a") == pytest.approx(500, abs=1)


def test_a_candidate_whose_cap_is_too_small_is_filtered_with_the_reason():
    endpoints = fleet(target("dear", model("dear", price=(1, 100))), target("cheap", model("cheap", price=(0.01, 0.1))))
    decision = capped(endpoints, ask(), "0.01")
    assert names(decision.ranked) == ["cheap"]
    assert reasons(decision)["dear"].startswith("$0.01 buys ")
    assert reasons(decision)["dear"].endswith("400 are needed")


def test_a_prompt_that_costs_more_than_the_ceiling_says_so():
    endpoints = fleet(target("dear", model("dear", price=(50, 50))), target("cheap", model("cheap", price=(0.01, 0.1))))
    said = reasons(capped(endpoints, ask("word " * 2_000), "0.1"))["dear"]
    assert said.startswith("its input alone may cost $0.5")
    assert said.endswith("more than $0.1")


def test_an_unknown_price_is_filtered_under_a_ceiling_only():
    unknown, known = target("unknown", model("unknown", price=None)), target("known")
    assert names(fleet(unknown, known).decide(ask(), policy="cheapest", now=NOW).ranked) == ["known", "unknown"]
    decision = capped(fleet(unknown, known), ask(), 1)
    assert names(decision.ranked) == ["known"]
    assert "price is not known" in reasons(decision)["unknown"]


def test_another_currency_is_not_compared():
    won = target("won", model("won", price=(1, 1), currency="KRW"))
    decision = capped(fleet(won, target("dollar")), ask(), 1)
    assert reasons(decision) == {"won": "its price is in KRW, the ceiling in USD"}
    assert names(capped(fleet(won, target("dollar")), ask(), Money.of(50_000, "KRW")).ranked) == ["won"]


def test_tools_that_the_vendor_runs_have_no_bound():
    request = ask(tools=(ServerTool("web_search", "openai.chat"),))
    with pytest.raises(NoCapableEndpoint, match="cost of web_search has no bound"):
        capped(fleet(target("a")), request, 5)


def test_what_is_not_in_the_request_is_bounded_by_the_window():
    seen = Media("document", "application/pdf", url="https://x.invalid/doc.pdf")
    request = Request((Message("user", (Text("read"), seen)),))
    endpoints = fleet(
        target("small", model("small", able="chat pdf tools", context=10_000, price=(1, 1))),
        target("large", model("large", able="chat pdf tools", context=1_000_000, price=(1, 1))),
        target("endless", model("endless", able="chat pdf tools", context=None, price=(1, 1))),
    )
    decision = capped(endpoints, request, "0.5")
    assert names(decision.ranked) == ["small"]
    assert "input alone may cost $1" in reasons(decision)["large"]
    assert reasons(decision)["endless"] == "the cost of pdf by URL has no bound"


def test_writing_to_the_cache_counts_at_its_own_price():
    endpoints = fleet(target("a", model("a", price={"input": 1, "output": 1, "cache_write_1h": 50})))
    text = "word " * 1_000
    marked = Request((Message("user", (Text(text, cache=Cache("1h")),)),))
    assert capped(endpoints, ask(text), "0.05").chosen.name == "a"
    with pytest.raises(NoCapableEndpoint, match="input alone"):
        capped(endpoints, marked, "0.05")


def test_what_is_left_after_an_attempt_caps_the_next():
    endpoints = fleet(target("a", model("a", price=(0, 10))))
    needs = capped(endpoints, ask(), "0.05").needs
    full = endpoints.ceiling(needs, "a", left=Money.of("0.05"), now=NOW)
    rest = endpoints.ceiling(needs, "a", left=Money.of("0.01"), now=NOW)
    assert (full.cap, rest.cap) == (pytest.approx(5_000, abs=1), pytest.approx(1_000, abs=1))
    assert rest.bound <= Money.of("0.01")
    assert endpoints.ceiling(needs, "a", left=Money.of("0.001"), now=NOW).reason
    unlimited = endpoints.ceiling(needs, "a", left=None, now=NOW)
    assert unlimited.cap is None
    assert float(unlimited.bound) == pytest.approx(0.16, rel=1e-6)  # the model's 16,000 tokens


@pytest.mark.parametrize("words", [200, 3_000])
def test_columns_and_single_endpoints_agree(words):
    """The quick way over many endpoints keeps those that the exact rule keeps, also where long prompts cost more."""

    def tiers(i):
        return ({"above": 2_000, "rates": {"input": str(i), "output": str(9 * i)}},) if i % 2 else ()

    endpoints = fleet(
        *(target(f"t{i}", model(f"t{i}", price=(i / 3, 4 * i / 3), tiers=tiers(i))) for i in range(1, 60))
    )
    request = ask("word " * words)
    needs = endpoints.decide(request, now=NOW).needs
    sizes = set()
    for cost in ("0.0005", "0.002", "0.008", "0.05", "0.2", "2"):
        try:
            kept = set(names(capped(endpoints, request, cost).ranked))
        except NoCapableEndpoint:
            kept = set()
        alone = {n for n in endpoints.names if not endpoints.ceiling(needs, n, left=Money.of(cost), now=NOW).reason}
        assert kept == alone
        sizes.add(len(kept))
    assert len(sizes) > 3


def test_a_least_number_of_tokens_billed_is_bounded():
    prices = (PriceVersion({"input": "10", "output": "1"}, minimums={"input": 100_000}, id="least"),)
    endpoints = fleet(target("a", Model("a", "p", abilities=frozenset({"chat", "tools"}), prices=prices)))
    with pytest.raises(NoCapableEndpoint, match=r"input alone may cost \$1"):
        capped(endpoints, ask(), "0.5")
