"""The demo's run: embedded vendors, a question after another, and an outage half-way."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import sleep, time
from typing import Any

from modelmux import Endpoint, Mux
from modelmux.cli._questions import Data, Question
from modelmux.cost.ledger import Ledger
from modelmux.cost.records import AttemptRow
from modelmux.errors import ModelmuxError
from modelmux.money import Money
from modelmux.testing import Answer, RecordedRequest, Vendors

FIRST_TOKEN, PER_TOKEN = 0.5, 0.01
"""Seconds that every model takes in the eyes of the router: the same for all, as nothing was recorded of it."""


_SETTLED = 0.05
"""Seconds until the vendor's resets have reached idle connections: no call is then caught in mid-fall, and every run
sees the same outage."""


class NominalClock:
    """Real time for the ledger, nominal time for the router.

    What routing learns of an endpoint's speed is then the same in every run, on any machine, and so are its choices;
    what the ledger says of latency is what the calls took here.
    """

    time = staticmethod(time)

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    def sleep(self, seconds: float) -> None:
        self._now += max(0.0, seconds)

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


@dataclass(slots=True)
class Tally:
    """How a policy's run stands, for the display. The final figures come from the ledger instead."""

    policy: str
    total: int
    asked: int = 0
    right: int = 0
    failovers: int = 0
    failed: int = 0
    spent: Money = field(default_factory=lambda: Money(0))
    served: Counter[str] = field(default_factory=Counter)
    down: str | None = None
    down_after: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A run's settings. ``id`` is a tag on its rows, so that a ledger may hold several runs. ``latency``: seconds."""

    id: str
    data: Data
    questions: Sequence[Question]
    policies: Sequence[str]
    ledger: Ledger
    seed: int
    latency: float

    def play(self, show: Callable[[Tally], None]) -> list[AttemptRow]:
        """Ask every question under every policy; ``show`` is called after each. Returns the run's ledger rows."""
        with _no_proxy(), Vendors(latency=self.latency) as vendors:
            for policy in self.policies:
                vendors.reset()
                self._under(policy, vendors, show)
        return self.ledger.query(tags={"demo": self.id})

    def _under(self, policy: str, vendors: Vendors, show: Callable[[Tally], None]) -> None:
        clock = NominalClock()
        answer = _answers(self.questions, clock)
        for server in vendors:
            server.reply(answer)
        endpoints = [_endpoint(name, price, vendors) for name, price in self.data.prices.items()]
        tally = Tally(policy, len(self.questions))
        show(tally)
        with Mux(endpoints, policy=policy, ledger=self.ledger, seed=self.seed, clock=clock) as mux:
            for question in self.questions:
                if tally.asked == tally.total // 2:
                    self._outage(vendors, tally)
                self._ask(mux, question, tally)
                show(tally)

    def _outage(self, vendors: Vendors, tally: Tally) -> None:
        """Take down the vendor that this policy leans on most."""
        leaned_on = max(self.data.vendors, key=lambda vendor: tally.served[vendor])
        vendors[leaned_on].down()
        sleep(_SETTLED)
        tally.down, tally.down_after = leaned_on, tally.asked

    def _ask(self, mux: Mux, question: Question, tally: Tally) -> None:
        tally.asked += 1
        tags = {"demo": self.id, "policy": tally.policy, "question": question.id}
        try:
            reply = mux.chat(question.prompt, tags=tags)
        except ModelmuxError:
            tally.failed += 1
            return
        assert reply.receipt is not None
        first, last = reply.receipt.attempts[0], reply.receipt.attempts[-1]
        tally.failovers += first.endpoint != last.endpoint
        tally.served[last.provider] += 1
        tally.right += question.right[f"{last.provider}/{last.model}"]
        if reply.cost is not None:
            tally.spent += reply.cost


def _endpoint(name: str, price: Any, vendors: Vendors) -> Endpoint:
    server = vendors[name.partition("/")[0]]
    return Endpoint(name, base_url=server.base_url, api_key=server.key, price=price)


def _answers(questions: Sequence[Question], clock: NominalClock) -> Callable[[RecordedRequest], Answer]:
    """What the servers say: the verdict on the model's recorded answer, with that answer's token counts as usage."""
    by_prompt = {question.prompt: question for question in questions}

    def answer(request: RecordedRequest) -> Answer:
        asked = request.asked
        assert asked is not None
        question = by_prompt[asked.last]
        model = next(name for name in question.right if name.partition("/")[2] == asked.model)
        length = question.output[model]
        clock.advance(FIRST_TOKEN + PER_TOKEN * length)
        verdict = "right" if question.right[model] else "wrong"
        return Answer(
            text=f"[{question.id}: the recorded answer was {verdict}]",
            usage={"input": question.input, "output": length},
        )

    return answer


@contextmanager
def _no_proxy() -> Iterator[None]:
    """Loopback is reached directly, whatever proxy the environment names."""
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    os.environ.update(dict.fromkeys(before, "*"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
