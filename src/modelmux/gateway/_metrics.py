"""What a gateway counts, in the text format that Prometheus reads (version 0.0.4).

Labels come from a bounded set (formats, endpoints, keys, statuses); what callers can make up, such as the name of an
embedding model, is counted as ``other`` once there are many. Nothing of a prompt or an answer is in here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelmux.cost.records import AttemptRow

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds. Answers of models take from a tenth of a second to ten minutes."""

MOST_NAMES = 1000
"""Endpoints that are told apart."""

Labels = tuple[str, ...]


class Counts:
    """A family of counters."""

    def __init__(self, name: str, help: str, labels: Labels, *, scale: int = 0) -> None:
        self._name, self._help, self._labels, self._scale = name, help, labels, scale
        self.values: defaultdict[Labels, int] = defaultdict(int)

    def lines(self) -> Iterator[str]:
        yield from head(self._name, self._help, "counter")
        for labels, value in sorted(self.values.items()):
            number = f"{Decimal(value).scaleb(-self._scale):f}" if self._scale else value
            yield f"{self._name}{{{pairs(self._labels, labels)}}} {number}"


class Metrics:
    """One gateway's counters. Used on one event loop; a scrape from elsewhere may read a request half counted."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.left = 0
        self._requests = Counts(
            "modelmux_requests_total", "Requests by format, operation and status.", ("front", "operation", "status")
        )
        self._attempts = Counts("modelmux_attempts_total", "Attempts by outcome.", ("endpoint", "state"))
        self._tokens = Counts("modelmux_tokens_total", "Units of use, as the ledger has them.", ("endpoint", "unit"))
        self._cost = Counts(
            "modelmux_cost_total", "Money spent, as far as known.", ("endpoint", "key", "currency"), scale=9
        )
        self._unpriced = Counts("modelmux_cost_unknown_total", "Attempts of unknown cost.", ("endpoint", "key"))
        self._times: dict[Labels, list[Any]] = {}
        self._names: set[str] = set()

    def request(self, front: str, operation: str, status: int, seconds: float) -> None:
        self._requests.values[front, operation, str(status)] += 1
        times = self._times.get((front, operation))
        if times is None:
            times = self._times[front, operation] = [[0] * (len(BUCKETS) + 1), 0.0]
        times[0][bisect_left(BUCKETS, seconds)] += 1
        times[1] += seconds

    def attempt(self, row: AttemptRow) -> None:
        """The outcome of an attempt."""
        name = row.endpoint
        if name not in self._names:
            if len(self._names) < MOST_NAMES:
                self._names.add(name)
            else:
                name = "other"
        self._attempts.values[name, row.state] += 1
        for unit, count in row.units.items():
            self._tokens.values[name, unit] += count
        key = row.tags.get("key", "")
        if row.cost_nano is None:
            self._unpriced.values[name, key] += 1
        elif row.cost_nano:
            self._cost.values[name, key, row.currency or ""] += row.cost_nano

    def text(self, *, draining: bool, blocked: Iterable[tuple[str, bool]], busy: Iterable[tuple[str, int]]) -> str:
        """Everything, with what is known of endpoints now: whether a breaker or a limit keeps calls away, and the
        attempts under way.
        """
        lines = [
            *gauge("modelmux_in_flight", "Requests under way.", self.in_flight),
            *gauge("modelmux_draining", "1 while it is about to stop.", int(draining)),
            *head("modelmux_callers_left_total", "Requests whose caller hung up.", "counter"),
            f"modelmux_callers_left_total {self.left}",
        ]
        for family in (self._requests, self._attempts, self._tokens, self._cost, self._unpriced):
            lines += family.lines()
        lines += self._histogram()
        lines += head("modelmux_endpoint_blocked", "1 while a breaker or a limit keeps calls away.", "gauge")
        lines += (f"modelmux_endpoint_blocked{{{pairs(('endpoint',), (name,))}}} {int(on)}" for name, on in blocked)
        lines += head("modelmux_endpoint_in_flight", "Attempts under way.", "gauge")
        lines += (f"modelmux_endpoint_in_flight{{{pairs(('endpoint',), (name,))}}} {count}" for name, count in busy)
        return "\n".join(lines) + "\n"

    def _histogram(self) -> Iterator[str]:
        name = "modelmux_request_seconds"
        yield from head(name, "From a request's head to the end of its answer.", "histogram")
        for labels, (counts, total) in sorted(self._times.items()):
            told = pairs(("front", "operation"), labels)
            so_far = 0
            for edge, count in zip((*BUCKETS, "+Inf"), counts, strict=True):
                so_far += count
                yield f'{name}_bucket{{{told},le="{edge}"}} {so_far}'
            yield f"{name}_sum{{{told}}} {total:.6f}"
            yield f"{name}_count{{{told}}} {so_far}"


def head(name: str, help: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {help}", f"# TYPE {name} {kind}"


def gauge(name: str, help: str, value: int) -> tuple[str, ...]:
    return *head(name, help, "gauge"), f"{name} {value}"


_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def pairs(names: Labels, values: Labels) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(names, values, strict=True))


class Counted:
    """A recorder that counts the outcomes it passes on."""

    def __init__(self, recorder: Any, metrics: Metrics) -> None:
        self._recorder, self._metrics = recorder, metrics
        self.intent = recorder.intent

    def outcome(self, row: AttemptRow) -> None:
        self._recorder.outcome(row)
        self._metrics.attempt(row)
