"""How the compiler decides between sources that differ. The sources here are made up."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def compiler() -> Iterator[Any]:
    """The compiler's modules, as the script imports them."""
    before = {name for name in sys.modules if name.split(".")[0] == "catalogue"}
    kept = {name: sys.modules.pop(name) for name in before}
    sys.path.insert(0, str(SCRIPTS))
    try:
        for name in ("genai", "litellm", "merge", "models_dev", "overlay"):
            importlib.import_module(f"catalogue.{name}")
        yield sys.modules["catalogue"]
    finally:
        sys.path.remove(str(SCRIPTS))
        for name in [name for name in sys.modules if name.split(".")[0] == "catalogue"]:
            del sys.modules[name]
        sys.modules.update(kept)


def genai(compiler: Any, prices: Any, **more: Any) -> Any:
    model = {"id": "m", "match": {"equals": "m"}, "prices": prices, **more}
    return compiler.genai.Provider({"id": "acme", "models": [model]}).find("m")


def plain(input_price: str, output_price: str) -> dict[str, str]:
    return {"input_mtok": input_price, "output_mtok": output_price}


def litellm(compiler: Any, **costs: Any) -> Any:
    return compiler.litellm.entries({"m": {"litellm_provider": "acme", "mode": "chat", **costs}}, ["acme"], [])["m"]


def models_dev(compiler: Any, **cost: Any) -> Any:
    return compiler.models_dev.entries({"models": {"m": {"cost": cost, "limit": {}}}})["m"]


def decide(compiler: Any, found: dict[str, Any], exceptions: dict[tuple[str, str], str] | None = None) -> Any:
    decider = compiler.merge.Decider("acme", "2026-06-01", True, exceptions or {})
    return decider.prices(found), decider.disagreements


def test_sources_that_agree(compiler: Any) -> None:
    versions, disagreements = decide(
        compiler,
        {
            "genai": genai(compiler, plain("2", "8")),
            "litellm": litellm(compiler, input_cost_per_token=2e-06, output_cost_per_token=8.01e-06),
        },
    )
    assert disagreements == []
    assert versions[0].agreed_by == [compiler.litellm.SOURCE]
    assert versions[0].rates["output"] == Decimal(8)


def test_a_first_party_price_that_nothing_decides(compiler: Any) -> None:
    found = {
        "genai": genai(compiler, plain("2", "8")),
        "litellm": litellm(compiler, input_cost_per_token=3e-06, output_cost_per_token=8e-06),
    }
    _, disagreements = decide(compiler, found)
    assert [(d.unit, d.decision) for d in disagreements] == [("input", "undecided")]
    versions, disagreements = decide(compiler, found, {("m", "input"): "disputed"})
    assert [d.decision for d in disagreements] == ["exceptions file"]
    assert versions[0].disputed == {"input": ["2", "3"]}
    versions, _ = decide(compiler, found, {("m", "*"): "litellm"})
    assert versions[0].rates["input"] == 3


def test_dated_history_wins_over_a_stale_table(compiler: Any) -> None:
    history = [
        {"prices": plain("5", "30")},
        {"prices": plain("4", "20"), "constraint": {"start_date": "2026-03-01"}},
    ]
    versions, disagreements = decide(
        compiler,
        {
            "genai": genai(compiler, history),
            "litellm": litellm(compiler, input_cost_per_token=5e-06, output_cost_per_token=3e-05),
        },
    )
    assert {d.decision.split(":")[0] for d in disagreements} == {"dated history"}
    assert [(v.start, v.end, v.rates["input"]) for v in versions] == [
        (None, "2026-03-01", Decimal(5)),
        ("2026-03-01", None, Decimal(4)),
    ]


def test_two_against_one(compiler: Any) -> None:
    versions, disagreements = decide(
        compiler,
        {
            "genai": genai(compiler, plain("2", "8")),
            "litellm": litellm(compiler, input_cost_per_token=3e-06, output_cost_per_token=8e-06),
            "models_dev": models_dev(compiler, input=3, output=8),
        },
    )
    assert [(d.chosen, d.decision) for d in disagreements] == [("litellm", "two against one")]
    assert versions[0].rates["input"] == 3


def test_nothing_is_no_price_unless_two_sources_say_so(compiler: Any) -> None:
    free = litellm(compiler, input_cost_per_token=0.0, output_cost_per_token=0.0)
    assert decide(compiler, {"litellm": free})[0] == []
    versions, _ = decide(compiler, {"litellm": free, "models_dev": models_dev(compiler, input=0, output=0)})
    assert versions[0].rates["input"] == 0


def test_a_variants_date_is_when_it_was_checked(compiler: Any) -> None:
    entry = genai(
        compiler,
        [{"prices": plain("5", "30")}, {"prices": plain("4", "20"), "constraint": {"start_date": "2026-03-01"}}],
        price_variants=[
            {
                "when": {"service_tier": "flex"},
                "prices": plain("2", "10"),
                "constraint": {"start_date": "2026-05-01"},
            }
        ],
    )
    flex = entry.versions[-1]
    assert (flex.when, flex.start, flex.source_date) == ({"tier": "flex"}, "2026-03-01", "2026-05-01")


def test_hours_take_the_date_of_what_came_before(compiler: Any) -> None:
    hours = {"start_time": "16:30:00+00:00", "end_time": "00:30:00+00:00"}
    entry = genai(
        compiler,
        [
            {"prices": plain("1", "2")},
            {"prices": plain("3", "4"), "constraint": {"start_date": "2026-03-01"}},
            {"prices": plain("6", "8"), "constraint": hours},
        ],
    )
    peak = entry.versions[-1]
    assert peak.start == "2026-03-01"
    assert peak.windows == [{"from": 990, "to": 1440}, {"from": 0, "to": 30}]


def test_suffixes_are_tiers_and_thresholds(compiler: Any) -> None:
    entry = litellm(
        compiler,
        input_cost_per_token=1e-06,
        input_cost_per_token_above_200k_tokens=2e-06,
        input_cost_per_token_priority=4e-06,
        input_cost_per_token_above_200k_tokens_priority=8e-06,
        output_cost_per_token=3.3e-06,
        supports_function_calling=True,
    )
    base, priority = entry.versions
    assert base.rates == {"input": Decimal(1), "output": Decimal("3.3")}
    assert base.above == {200_000: {"input": Decimal(2)}}
    assert priority.when == {"tier": "priority"}
    assert priority.above == {200_000: {"input": Decimal(8)}}
    assert "tools" in entry.facts["abilities"]


def test_an_exact_id_beats_a_pattern(compiler: Any) -> None:
    model = {"id": "m-base", "match": {"starts_with": "m"}, "prices": plain("2", "8")}
    loose = compiler.genai.Provider({"id": "acme", "models": [model]}).find("m-other")
    assert loose.loose
    versions, _ = decide(
        compiler,
        {"genai": loose, "litellm": litellm(compiler, input_cost_per_token=9e-06, output_cost_per_token=1e-05)},
    )
    assert versions[0].source == compiler.litellm.SOURCE


def test_the_overlay(compiler: Any) -> None:
    version = compiler.overlay.Version(
        {"search": Decimal(35)}, above={200_000: {"input": Decimal(4)}}, start="2026-01-01", windows=[]
    )
    rule = {"providers": ["acme"], "models": ["m*"]}
    by_hand = {
        "add": [{**rule, "rates": {"cache_storage": "4.5"}, "minimums": {"audio_ms": 10}}],
        "rename": [{**rule, "unit": "search", "to": "search_prompt"}],
        "inclusive": [{"providers": ["acme"]}],
    }
    (made,) = compiler.overlay.apply(by_hand, "acme", "model", [version])
    assert made.rates == {"search_prompt": Decimal(35), "cache_storage": Decimal("4.5")}
    assert made.above == {199_999: {"input": Decimal(4)}}
    assert made.minimums == {"audio_ms": 10}
    (untouched,) = compiler.overlay.apply(by_hand, "other", "model", [version])
    assert untouched.rates == {"search": Decimal(35)}


def test_weekdays_split_a_peak_where_they_begin(compiler: Any) -> None:
    version = compiler.overlay.Version({"input": Decimal(2)}, start="2026-08-17", windows=[{"from": 60, "to": 240}])
    rule = {"weekdays": [{"providers": ["acme"], "start": "2026-08-23", "days": "12345"}]}
    before, after = compiler.overlay.apply(rule, "acme", "m", [version])
    assert (before.start, before.end, before.windows) == ("2026-08-17", "2026-08-23", [{"from": 60, "to": 240}])
    assert (after.start, after.end) == ("2026-08-23", None)
    assert after.windows == [{"from": 60, "to": 240, "days": "12345"}]


def test_the_overlay_may_dispute_a_price_still_in_force(compiler: Any) -> None:
    old = compiler.overlay.Version({"input": Decimal(1)}, end="2026-01-01")
    current = compiler.overlay.Version({"input": Decimal(2)}, start="2026-01-01", disputed={"input": ["2", "3"]})
    by_hand = {"dispute": [{"providers": ["acme"], "models": ["m*"], "rates": {"input": "1.25"}}]}
    before, after = compiler.overlay.apply(by_hand, "acme", "m1", [old, current])
    assert before.disputed == {}
    assert after.disputed == {"input": ["1.25", "2", "3"]}
    assert after.rates == {"input": Decimal(2)}
