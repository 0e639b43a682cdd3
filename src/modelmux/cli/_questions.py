"""The demo's questions, with what each model is known to have made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files

from modelmux.cost.terms import user_sheet
from modelmux.money import Money


@dataclass(frozen=True, slots=True)
class Question:
    """``right`` says of each model whether its recorded answer was right, ``output`` how many tokens it was long."""

    id: str
    prompt: str
    input: int
    right: Mapping[str, bool]
    output: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Data:
    """``about`` names sources, licences and the prices' date; ``prices`` are dollars for a million, by model."""

    about: Mapping[str, str]
    prices: Mapping[str, Mapping[str, str]]
    questions: Sequence[Question]

    @property
    def vendors(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.partition("/")[0] for name in self.prices))

    def cost(self, model: str, questions: Sequence[Question]) -> Money:
        """What ``model`` would have cost on these questions, at its prices and with its recorded lengths."""
        sheet = user_sheet(self.prices[model])
        total = Fraction(0)
        for question in questions:
            priced = sheet.nano({"input": question.input, "output": question.output[model]})
            assert priced is not None  # the prices name both units
            total += round(Fraction(*priced))  # each call is billed by itself
        return Money(int(total))

    def strongest(self, questions: Sequence[Question]) -> str:
        """The model with the most right answers; among equals the cheaper."""
        return max(
            self.prices,
            key=lambda name: (sum(q.right[name] for q in questions), -self.cost(name, questions).nano),
        )


def load() -> Data:
    """The packaged data."""
    raw = json.loads(files(__package__).joinpath("data", "demo.json").read_bytes())
    names = [model["model"] for model in raw["models"]]
    return Data(
        raw["about"],
        {model["model"]: model["price"] for model in raw["models"]},
        [
            Question(
                row["id"],
                row["prompt"],
                row["input"],
                dict(zip(names, map(bool, row["right"]), strict=True)),
                dict(zip(names, row["output"], strict=True)),
            )
            for row in raw["questions"]
        ],
    )
