"""Settings that formats say in words of their own: structured output, and how much a model is to think."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelmux.types import Output, ReasoningOptions
from modelmux.wire._kept import Keeper


def described(output: Output) -> dict[str, Any] | None:
    """The schema, with the description in it where a format has no place beside it."""
    schema = output.schema
    if schema is None or output.description is None or "description" in schema:
        return schema
    return {**schema, "description": output.description}


def output_said(output: Output, keeper: Keeper, kind: Mapping[str, Any], field: str) -> dict[str, Any]:
    """An object of this ``kind`` with the schema in ``field``. The output's name is a label, and it always binds:
    nothing is lost in ``name`` and ``strict``.
    """
    said = {**keeper.fields(output.extra), **kind}
    schema = described(output)
    if schema is not None:
        said[field] = schema
    return said


def off(options: ReasoningOptions) -> bool:
    """Whether reasoning is switched off."""
    return options.enabled is False or options.effort == "none" or options.budget == 0


def word_of_budget(budget: int, words: Iterable[tuple[int, str]]) -> str:
    """The effort that a number of tokens amounts to. ``words``: the most tokens -> the word, from least to most."""
    return next((word for most, word in words if budget <= most), "high")
