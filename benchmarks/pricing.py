"""CPU microseconds to price one attempt: usage and a catalogue price in, integer money out. Best of rounds.

    python benchmarks/pricing.py

``plain`` is what most calls use; ``detailed`` has a cached prefix, reasoning and a search.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from modelmux import catalogue
from modelmux.cost import meter
from modelmux.types import Usage

LIMIT_US = 5.0
CALLS, ROUNDS = 2_000, 12
AT = 1_763_700_000.0
PLAIN = {"input": 1_234, "output": 321}
DETAILED = {"input": 1_234, "cache_read": 20_480, "output": 321, "reasoning": 640, "search": 1}


def best(work: Callable[[], object]) -> float:
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(CALLS):
            work()
        rounds.append(time.process_time() - start)
    return min(rounds) / CALLS * 1e6


def main() -> None:
    for provider, model in (
        ("openai", "gpt-5-mini"),
        ("anthropic", "claude-haiku-4-5"),
        ("gemini", "gemini-2.5-flash"),
    ):
        info = catalogue.find(provider, model)
        assert info is not None
        figures = []
        for units in (PLAIN, DETAILED):
            usage = Usage(units)
            assert meter.charge(info, usage, at=AT).cost
            figures.append(best(lambda info=info, usage=usage: meter.charge(info, usage, at=AT)))  # type: ignore[misc]
        print(f"{provider}/{model}: plain {figures[0]:.2f} µs, detailed {figures[1]:.2f} µs (limit {LIMIT_US:.0f})")


if __name__ == "__main__":
    main()
