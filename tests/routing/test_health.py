"""What traffic teaches about endpoints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux.routing.health import DECAY, STALE, Health


def test_nothing_is_known_of_a_cold_endpoint():
    seen = Health().snapshot(["a"], at=1.0)
    assert (dict(seen.ttft), dict(seen.per_token), dict(seen.in_flight), dict(seen.trouble)) == ({}, {}, {}, {})


def test_slower_counts_at_once_and_faster_is_believed_gradually():
    health = Health()
    health.succeeded("a", 0.5, 0.01, at=0.0)
    health.succeeded("a", 4.0, 0.02, at=1.0)
    assert health.snapshot(at=1.0).ttft["a"] == 4.0
    health.succeeded("a", 0.5, 0.01, at=2.0)
    soon = health.snapshot(at=2.0).ttft["a"]
    assert 3.0 < soon < 4.0
    health.succeeded("a", 0.5, 0.01, at=2.0 + 5 * DECAY)
    assert health.snapshot(at=2.0).ttft["a"] == pytest.approx(0.5, abs=0.05)


def test_a_failure_in_a_millisecond_does_not_make_an_endpoint_fast():
    health = Health()
    health.succeeded("a", 1.0, 0.01, at=0.0)
    for moment in range(20):
        health.started("a", 0.0)
        health.failed("a", at=0.001 * moment)
    seen = health.snapshot(at=0.02)
    assert seen.ttft["a"] == 1.0
    assert seen.trouble["a"] > 0.99


def test_trouble_is_forgiven_by_time_and_by_success():
    health = Health()
    for moment in range(5):
        health.failed("a", at=moment * 0.1)
    worst = health.snapshot(at=0.4).trouble["a"]
    later = health.snapshot(at=0.4 + DECAY).trouble["a"]
    assert later == pytest.approx(worst * 0.37, rel=0.02)
    health.succeeded("a", 1.0, None, at=0.5)
    assert health.snapshot(at=0.5).trouble["a"] < worst * 0.8
    assert "a" not in health.snapshot(at=200.0).trouble or health.snapshot(at=200.0).trouble["a"] < 1e-6


def test_an_endpoint_without_traffic_becomes_cold_again():
    health = Health()
    health.succeeded("a", 1.0, 0.01, at=0.0)
    health.succeeded("b", 1.0, 0.01, at=STALE)
    assert set(health.snapshot(at=STALE + 1).ttft) == {"b"}


def test_a_snapshot_stays_as_it_was():
    health = Health()
    health.started("a", 0.0)
    seen = health.snapshot(at=0.0, features={"topic": "law"})
    health.succeeded("a", 1.0, 0.01, at=1.0)
    assert dict(seen.in_flight) == {"a": 1}
    assert seen.features == {"topic": "law"}
    assert not seen.ttft


def test_a_snapshot_of_some_names_holds_no_other():
    health = Health()
    for name in "abc":
        health.succeeded(name, 1.0, None, at=0.0)
        health.failed(name, at=0.0)
        health.started(name, 0.0)
    seen = health.snapshot(["a", "z"], at=0.0)
    assert set(seen.ttft) == set(seen.in_flight) == set(seen.trouble) == {"a"}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["ok", "failed", "cancelled"])), max_size=40))
def test_calls_in_flight_are_those_started_and_not_ended(ended):
    health = Health()
    open_now = {"a": 0, "b": 0}
    for moment, (name, how) in enumerate(ended):
        health.started(name, float(moment))
        open_now[name] += 1
        if moment % 3 == 0:
            continue  # this one stays open
        open_now[name] -= 1
        if how == "ok":
            health.succeeded(name, 0.5, 0.01, at=float(moment))
        elif how == "failed":
            health.failed(name, at=float(moment))
        else:
            health.cancelled(name)
    seen = health.snapshot(at=100.0)
    assert dict(seen.in_flight) == {name: count for name, count in open_now.items() if count}
    assert all(0 <= share <= 1 for share in seen.trouble.values())
