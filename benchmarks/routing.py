"""How long a decision takes, end to end: measure the prompt, filter, score, order, plan. Microseconds, best of rounds.

    python benchmarks/routing.py

Endpoints are made up (synthetic models and prices); the prompt is short unless said otherwise.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from modelmux import tokens
from modelmux.catalogue import Model, PriceVersion
from modelmux.endpoint import Target
from modelmux.money import Money
from modelmux.providers import Call, Row
from modelmux.routing.health import Health
from modelmux.routing.needs import RouteOptions
from modelmux.routing.plan import Decision
from modelmux.routing.table import Fleet
from modelmux.types import Message, Request, Text, Tool

NOW = 1_760_000_000.0
POLICIES = ("cheapest", "fastest", "balanced", "best", "weighted", "priority")
WIRES = ("openai.chat", "anthropic.messages", "gemini.generateContent")


def fleet(count: int) -> Fleet:
    """``count`` synthetic endpoints at ten providers, of three wires and five tokenizer families."""
    rng = random.Random(1)
    targets = []
    for number in range(count):
        provider = f"vendor-{number % 10}"
        model = f"{('gpt-5', 'claude', 'gemini', 'llama', 'model')[number % 5]}-{number}"
        price_in = round(10 ** rng.uniform(-1.3, 0.9), 3)
        info = Model(
            id=model,
            provider=provider,
            abilities=frozenset({"chat", "stream", "tools", "json", "schema", *(["vision"] if number % 3 else [])}),
            context=rng.choice([32_000, 128_000, 200_000, 1_000_000]),
            max_output=rng.choice([8_192, 32_000, 64_000]),
            released=f"2025-{1 + number % 12:02}-01",
            prices=(PriceVersion({"input": str(price_in), "output": str(price_in * 4)}, id=f"v{number}"),),
        )
        call = Call("/chat", wire=WIRES[number % 3])
        row = Row(provider, provider, calls={"chat": call})
        url = f"https://{provider}.invalid"
        targets.append(Target(f"{provider}/{model}", row, model, call, None, url, url, info=info))  # type: ignore[arg-type]
    return Fleet(targets)


def best(work: Callable[[], object], *, seconds: float = 0.4, rounds: int = 12) -> float:
    """Microseconds per call: the best of ``rounds``."""
    work()
    count = 1
    while True:
        start = time.process_time()
        for _ in range(count):
            work()
        taken = time.process_time() - start
        if taken > seconds / rounds:
            break
        count *= 4
    results = [taken / count]
    for _ in range(rounds - 1):
        start = time.process_time()
        for _ in range(count):
            work()
        results.append((time.process_time() - start) / count)
    return min(results) * 1e6


def looked_at(endpoints: Fleet, prompt: Request, health: Health) -> Decision:
    return endpoints.decide(prompt, snapshot=health.snapshot(at=2.0), now=NOW)


def main() -> None:
    prompt = Request((Message("user", (Text("Summarise this in one sentence: the cat sat on the mat."),)),))
    tool = Tool("look_up", "Look something up", {"type": "object", "properties": {"what": {"type": "string"}}})
    tooled = Request(prompt.messages, tools=(tool,))
    turn = "The quick brown fox jumps over the lazy dog, and 42 others (all different) look on. "
    history = Request(tuple(Message("user", (Text(turn * 12),)) for _ in range(200)))
    korean = Request(
        tuple(Message("user", (Text("오늘 회의에서 논의한 내용을 요약해 주세요. " * 20),)) for _ in range(120))
    )
    print(f"python {sys.version.split()[0]}; microseconds per decision")
    print("".join(f"{head:>10}" for head in ("endpoints", *POLICIES, "tools", "max_cost", "+snapshot")))
    for count in (3, 30, 300):
        endpoints = fleet(count)
        rng = random.Random(2)
        health = Health()
        for name in endpoints.names:
            health.started(name, 0.0)
            health.succeeded(name, rng.uniform(0.2, 2), rng.uniform(0.005, 0.03), 1.0)
        known: dict[str, Any] = {"snapshot": health.snapshot(at=2.0), "rng": rng, "now": NOW}
        row = [best(partial(endpoints.decide, prompt, policy=policy, **known)) for policy in POLICIES]
        row.append(best(partial(endpoints.decide, tooled, policy="balanced", **known)))
        ceiling = RouteOptions(max_cost=Money.of("0.05"))
        row.append(best(partial(endpoints.decide, prompt, ceiling, policy="cheapest", **known)))
        row.append(best(partial(looked_at, endpoints, prompt, health)))
        print(f"{count:>10}" + "".join(f"{figure:>10.1f}" for figure in row))
    for name, request in (("short", prompt), ("200 KB, English", history), ("120 KB, Korean", korean)):
        size = sum(len(message.text.encode()) for message in request.messages)
        print(f"measure and estimate a prompt, {name} ({size:,} bytes): {best(partial(tokens.estimate, request)):.1f}")
    cold = fleet(300)
    start = time.process_time()
    cold.decide(prompt, now=NOW)
    print(f"first decision of a kind over 300 endpoints: {(time.process_time() - start) * 1e6:.0f}")


if __name__ == "__main__":
    main()
