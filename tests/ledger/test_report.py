from __future__ import annotations

import statistics
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rows import intent, outcome
from modelmux.cost.records import lost
from modelmux.cost.report import DIMENSIONS, NONE, dimensions, percentile, summarise, total
from modelmux.errors import ConfigError, UnknownName
from modelmux.money import Money

ROWS = [
    outcome(1, model_asked="leaf", cost_nano=10, tags={"team": "x"}),
    outcome(2, model_asked="leaf", cost_nano=20, call_id="call-1", tags={"team": "y", "env": "p"}),
    outcome(3, model_asked="leaf", cost_nano=5, currency="KRW", cost_status="estimated", tags={}),
    outcome(4, model_asked="twig", state="failed", cost_nano=0, units={}, user=None, error="Overloaded"),
    outcome(5, model_asked="twig", state="cut", cost_nano=None, cost_status="unknown", bound_nano=700),
    lost(intent(6, model_asked="twig", bound_nano=300)),
    intent(7, model_asked="twig", bound_nano=None),
    outcome(8, model_asked="twig", state="cancelled", cost_nano=None, bound_nano=9, currency="KRW"),
]


def test_sums_by_model() -> None:
    leaf, twig = summarise(ROWS, "model")
    assert (leaf.key, leaf.by) == (("leaf",), ("model",))
    assert (leaf.calls, leaf.attempts, leaf.failed) == (2, 3, 0)
    assert leaf.units == {"input": 300, "output": 60}
    assert leaf.cost == (Money(5, "KRW"), Money(30, "USD"))
    assert (leaf.estimated, leaf.unknown, leaf.unknown_bound) == (1, 0, ())
    assert (twig.calls, twig.attempts, twig.failed) == (5, 5, 2)
    assert twig.cost == (Money(0, "USD"),)


def test_unknown_costs_are_counted_apart_with_what_they_are_at_most() -> None:
    (_, twig) = summarise(ROWS, ("model",))
    assert (twig.unknown, twig.unbounded) == (4, 1)
    assert twig.unknown_bound == (Money(9, "KRW"), Money(1000, "USD"))


def test_several_dimensions_make_one_line_for_each_combination() -> None:
    lines = summarise(ROWS, "model, status")
    assert [(line.key, line.attempts) for line in lines] == [
        (("leaf", "ok"), 3),
        (("twig", "cancelled"), 1),
        (("twig", "cut"), 1),
        (("twig", "failed"), 1),
        (("twig", "intent"), 1),
        (("twig", "unknown"), 1),
    ]


@pytest.mark.parametrize("by", ["", "tag", "tag:team", "user", "day", "error", "provider,endpoint,tier"])
def test_every_attempt_is_in_exactly_one_line(by: str) -> None:
    lines = summarise(ROWS, [name for name in by.split(",") if name])
    assert sum(line.attempts for line in lines) == len(ROWS)
    assert len({line.key for line in lines}) == len(lines)


def test_tags() -> None:
    assert {line.key[0]: line.attempts for line in summarise(ROWS[:3], "tag")} == {
        "team=x": 1,
        "env=p, team=y": 1,
        NONE: 1,
    }
    assert {line.key[0]: line.attempts for line in summarise(ROWS[:3], "tag:team")} == {"x": 1, "y": 1, NONE: 1}


def test_days_and_months_begin_at_midnight_where_the_user_says() -> None:
    late = datetime(2026, 1, 31, 20, 30, tzinfo=UTC).timestamp()
    rows = [outcome(1, started_at=late)]
    assert summarise(rows, "day,month")[0].key == ("2026-01-31", "2026-01")
    assert summarise(rows, "day,month", tz="Asia/Seoul")[0].key == ("2026-02-01", "2026-02")


def test_latencies_are_those_of_successes() -> None:
    rows = [outcome(n, ended_at=outcome(n).started_at + n, first_token_at=None) for n in range(1, 11)]
    rows += [outcome(90, state="failed", ended_at=outcome(90).started_at + 1000), intent(91)]
    line = total(rows)
    assert line.latency_p50 == pytest.approx(5.5)
    assert line.latency_p95 == pytest.approx(9.55)
    assert (line.first_token_p50, line.first_token_p95) == (None, None)
    assert total(ROWS).first_token_p50 == pytest.approx(0.5)


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=2, max_size=50))
def test_percentiles_agree_with_the_standard_library(values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    ascending = sorted(values)
    for percent in (5, 50, 95, 99):
        assert percentile(ascending, percent) == pytest.approx(cuts[percent - 1])


def test_the_total_is_one_line() -> None:
    line = total(ROWS)
    assert (line.key, line.by, line.calls, line.attempts) == (("all",), (), 7, 8)
    assert total([]).attempts == 0
    assert total([]).latency_p50 is None


def test_unknown_dimensions_and_zones_are_named() -> None:
    with pytest.raises(UnknownName, match="did you mean 'model'"):
        summarise([], "modle")
    with pytest.raises(UnknownName):
        dimensions("tag:")
    for zone in ("Mars/Olympus", "", "../etc"):
        with pytest.raises(ConfigError, match="time zone"):
            summarise([], "day", tz=zone)
    assert "tag:<name>" in DIMENSIONS
