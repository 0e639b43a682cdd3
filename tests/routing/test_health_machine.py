"""Health under any history of attempts: what a snapshot holds stays within reason, and agrees with a plain count."""

from __future__ import annotations

from math import isfinite

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from modelmux.routing.health import Health

NAMES = ("a", "b", "c")
SECONDS = st.none() | st.floats(0, 600)


class History(RuleBasedStateMachine):
    """Attempts that start and end in every way, at any time. The model is the list of those under way and, for each
    endpoint, the least and greatest figure it ever gave since it was last forgotten.
    """

    def __init__(self) -> None:
        super().__init__()
        self.health = Health()
        self.at = 50.0
        self.under_way: list[str] = []
        self.given: dict[str, list[float]] = {name: [] for name in NAMES}
        self.failures: dict[str, int] = dict.fromkeys(NAMES, 0)

    @rule(seconds=st.floats(0, 5) | st.sampled_from([30.0, 299.0, 301.0]))
    def time_passes(self, seconds: float) -> None:
        self.at += seconds

    @rule(name=st.sampled_from(NAMES), count=st.integers(1, 4))
    def starts(self, name: str, count: int) -> None:
        for _ in range(count):
            self.health.started(name, self.at)
            self.under_way.append(name)

    def _take(self, data: st.DataObject) -> str:
        return self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), ttft=SECONDS, pace=SECONDS)
    def succeeds(self, data: st.DataObject, ttft: float | None, pace: float | None) -> None:
        name = self._take(data)
        before = self.health.snapshot(at=self.at)
        self.health.succeeded(name, ttft, pace, self.at)
        after = self.health.snapshot(at=self.at)
        if ttft is not None:
            self.given[name].append(ttft)
            assert after.ttft[name] >= ttft * 0.999, "a slower answer counts at once"
        assert after.trouble.get(name, 0.0) <= before.trouble.get(name, 0.0)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def fails(self, data: st.DataObject) -> None:
        name = self._take(data)
        before = self.health.snapshot(at=self.at)
        self.health.failed(name, self.at)
        after = self.health.snapshot(at=self.at)
        self.failures[name] += 1
        assert after.trouble[name] > before.trouble.get(name, 0.0) or after.trouble[name] > 0.999
        assert (after.ttft, after.per_token) == (before.ttft, before.per_token), "a failure is no measurement"

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def is_cancelled(self, data: st.DataObject) -> None:
        name = self._take(data)
        before = self.health.snapshot(at=self.at)
        self.health.cancelled(name)
        after = self.health.snapshot(at=self.at)
        assert (after.ttft, after.per_token, after.trouble) == (before.ttft, before.per_token, before.trouble)

    @rule(name=st.sampled_from(NAMES))
    def is_ejected(self, name: str) -> None:
        self.health.forget(name)
        self.given[name], self.failures[name] = [], 0
        seen = self.health.snapshot(at=self.at)
        assert not any(name in table for table in (seen.ttft, seen.per_token, seen.trouble))

    @rule()
    def all_end(self) -> None:
        for name in self.under_way:
            self.health.cancelled(name)
        self.under_way = []
        assert not self.health.snapshot(at=self.at).in_flight

    @invariant()
    def what_is_under_way_is_counted(self) -> None:
        counted = {name: self.under_way.count(name) for name in set(self.under_way)}
        assert dict(self.health.snapshot(at=self.at).in_flight) == counted

    @invariant()
    def every_figure_is_within_what_was_seen(self) -> None:
        seen = self.health.snapshot(at=self.at)
        for table in (seen.ttft, seen.per_token, seen.trouble):
            assert all(isfinite(value) and value >= 0 for value in table.values())
        for name, value in seen.ttft.items():
            assert min(self.given[name]) * 0.999 <= value <= max(self.given[name]) * 1.001
        for name, value in seen.trouble.items():
            assert 0 <= value < 1
            assert self.failures[name] > 0


History.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestHistory = History.TestCase
