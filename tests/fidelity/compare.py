"""One recording, decoded by its codec and held against the oracle."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

from corpus import body_of
from fidelity import oracle
from fidelity.expected import Answer, Expected, Failure, Whole
from fidelity.refusals import RETRY
from modelmux import wire
from modelmux._fold import fold
from modelmux.cost.units import TOKENS
from modelmux.errors import ProviderError
from modelmux.types import Choice, Reasoning, Refusal, Response, Text, ToolCall

ASPECTS = ("text", "reasoning", "tool calls", "finish", "usage", "model", "error class", "any split")
"""What is compared. An answer has all but the error class, a whole answer and a failure cannot be split."""

COUNTED = frozenset(TOKENS) | {"search"}
"""The units that the oracle reads from the body; fees by the call depend on the request too."""


@dataclass
class Difference:
    id: str
    aspect: str
    got: Any
    expected: Any

    def __str__(self) -> str:
        return f"{self.id} {self.aspect}: got {self.got!r:.600}, expected {self.expected!r:.600}"


@dataclass
class Outcome:
    """How a recording fared: the aspects that were judged, the differences, and anything that was raised."""

    id: str
    stream: bool
    failure: bool
    judged: tuple[str, ...] = ()
    differences: list[Difference] = field(default_factory=list)
    exception: Exception | None = None

    def check(self, aspect: str, got: Any, expected: Any) -> None:
        if aspect not in self.judged:
            self.judged += (aspect,)
        if got != expected:
            self.differences.append(Difference(self.id, aspect, got, expected))

    @property
    def differing(self) -> set[str]:
        return {difference.aspect for difference in self.differences}


def judge(row: dict[str, Any], splits: int = 2) -> Outcome:
    """Decode a recording and compare. A stream is decoded whole and under ``splits`` seeded random splits."""
    expected = oracle.expect(row)
    outcome = Outcome(row["id"], bool(row["stream"]), isinstance(expected, Failure))
    try:
        got = decode(row)
        if isinstance(got, ProviderError) or isinstance(expected, Failure):
            _failure(outcome, got, expected)
        else:
            _answer(outcome, got, expected)
            if row["stream"]:
                _splits(outcome, row, got, splits)
    except Exception as error:
        outcome.exception = error
    return outcome


def decode(row: dict[str, Any]) -> Response | ProviderError:
    """What the codec makes of a recording; an error it raises is returned."""
    codec, response = wire.get(row["api"]), row["response"]
    body = body_of(response)
    if response["status"] >= 400:
        return codec.decode_error(response["status"], response.get("headers") or {}, body)
    try:
        if row["stream"]:
            return fold(codec.decode_stream([body]))
        return wire.decode_answer(codec, body, response.get("headers") or {})
    except ProviderError as error:
        return error


# --- answers -------------------------------------------------------------------------------------------------


def _answer(outcome: Outcome, got: Response, expected: Whole) -> None:
    mine = sorted(got.choices, key=lambda choice: choice.index)
    outcome.check("text", [_text(choice) for choice in mine], [(a.text, a.refusal) for a in expected.answers])
    outcome.check("reasoning", [_joined(choice, Reasoning) for choice in mine], [a.reasoning for a in expected.answers])
    outcome.check("tool calls", _calls(mine, expected.answers), [_named(answer) for answer in expected.answers])
    outcome.check("finish", [choice.finish for choice in mine], [answer.finish for answer in expected.answers])
    counted = {unit: number for unit, number in got.usage.items() if unit in COUNTED}
    outcome.check("usage", counted, expected.units)
    outcome.check("model", got.model, expected.model)


def _text(choice: Choice) -> tuple[str, str]:
    return _joined(choice, Text), _joined(choice, Refusal)


def _joined(choice: Choice, kind: type[Text | Reasoning | Refusal]) -> str:
    return "".join(part.text for part in choice.content if isinstance(part, kind))


def _calls(choices: list[Choice], answers: list[Answer]) -> list[list[tuple[Any, ...]]]:
    """The calls as the oracle names them. Where the vendor gave no id, any will do that no other call has."""
    found = []
    for place, choice in enumerate(choices):
        parts = [part for part in choice.content if isinstance(part, ToolCall)]
        unique = len({part.id for part in parts}) == len(parts) and all(part.id for part in parts)
        given = [call.id for call in answers[place].calls] if place < len(answers) else []
        found.append(
            [
                (part.id if number >= len(given) or given[number] or not unique else None, part.name, part.arguments)
                for number, part in enumerate(parts)
            ]
        )
    return found


def _named(answer: Answer) -> list[tuple[Any, ...]]:
    return [(call.id, call.name, call.arguments) for call in answer.calls]


# --- failures ------------------------------------------------------------------------------------------------


def _failure(outcome: Outcome, got: Response | ProviderError, expected: Expected) -> None:
    """An error against a class, or against an answer where one of the two sees no error."""
    if not isinstance(expected, Failure):
        outcome.check("error class", f"{type(got).__name__}: {got}", "an answer")
    elif not isinstance(got, ProviderError):
        outcome.check("error class", "an answer", expected.classes)
    else:
        name = type(got).__name__
        fits = name in expected.classes and got.retry.value == (expected.retry or RETRY[name])
        outcome.check("error class", (name, got.retry.value) if not fits else "", "" if fits else expected.classes)


# --- splits --------------------------------------------------------------------------------------------------


def _splits(outcome: Outcome, row: dict[str, Any], whole: Response, splits: int) -> None:
    body, codec = body_of(row["response"]), wire.get(row["api"])
    kind = (row["response"].get("headers") or {}).get("content-type")
    for number in range(splits):
        rng = random.Random(f"{row['id']} {number}")
        pieces = cut(body, rng, most=60)
        outcome.check("any split", fold(codec.decode_stream(pieces, kind)), whole)


def cut(body: bytes, rng: random.Random, most: int) -> list[bytes]:
    """The body in up to ``most`` pieces, some of them a byte long."""
    points = {rng.randrange(len(body) + 1) for _ in range(rng.randint(1, most))}
    points |= {point + 1 for point in list(points)[::3] if point < len(body)}
    edges = [0, *sorted(points), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]
