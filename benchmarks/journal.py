"""CPU microseconds of the two journal appends of a call (intent and outcome), as the exchange pays them.

Run: python benchmarks/journal.py [calls]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from modelmux.cost.recorder import open_recorder
from modelmux.cost.records import AttemptRow

LIMIT_US = 20.0
ROUNDS = 5


def rows(number: int) -> tuple[AttemptRow, AttemptRow]:
    """A call of usual width: three candidates, two tags, four units."""
    intent = AttemptRow(
        attempt_id=f"attempt-{number:08d}",
        call_id=f"call-{number:08d}",
        started_at=1_760_000_000.125 + number,
        provider="openai",
        endpoint="openai/gpt-5-mini",
        key_hash="5d41402abc4b",
        model_asked="gpt-5-mini",
        tags={"user": "42", "team": "growth"},
        user="42",
        currency="USD",
        bound_nano=16_384_000,
        decision="cheapest of 3: openai/gpt-5-mini at about $0.0012",
    )
    outcome = intent._replace(
        state="ok",
        first_token_at=1_760_000_000.625 + number,
        ended_at=1_760_000_001.25 + number,
        model_served="gpt-5-mini-2025-08-07",
        tier="default",
        http_status=200,
        units={"input": 1234, "cache_read": 512, "output": 321, "reasoning": 64},
        cost_nano=1_078_300,
        cost_status="priced",
        cost_source="catalogue",
        price_version="2025-08-07",
        request_id="req-0123456789abcdef",
        finish="stop",
    )
    return intent, outcome


def measure(calls: int, directory: Path) -> tuple[float, float]:
    """CPU µs of both appends in the calling thread, and of the whole process (the writer thread included)."""
    recorder = open_recorder(f"sqlite:///{directory / 'ledger.db'}")
    work = [rows(number) for number in range(calls)]
    recorder.intent(work[0][0])
    recorder.outcome(work[0][1])
    recorder.flush()
    whole, own = time.process_time(), time.thread_time()
    for intent, outcome in work[1:]:
        recorder.intent(intent)
        recorder.outcome(outcome)
    own = time.thread_time() - own
    recorder.close()
    whole = time.process_time() - whole
    return own / (calls - 1) * 1e6, whole / (calls - 1) * 1e6


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    results = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            results.append(measure(calls, Path(directory)))
    own, whole = (min(values) for values in zip(*results, strict=True))
    print(f"both journal appends of a call: {own:.1f} µs in the caller's thread (limit {LIMIT_US:.0f})")
    print(f"with the writer thread and SQLite: {whole:.1f} µs of CPU a call")


if __name__ == "__main__":
    main()
