"""Settings that formats say in words of their own: structured output, and how much a model is to think."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelmux.types import Output, ReasoningOptions
from modelmux.wire._kept import Keeper
from modelmux.wire._losses import Losses, off


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


def word_of_effort(effort: str, came: Any, words: Mapping[str, str], losses: Losses) -> str:
    """A format's word for an effort: the caller's own where it ``came`` in this format, else the one in ``words``."""
    said = effort if came == effort else words.get(effort, "high")
    if said != effort:
        losses.add("reasoning.effort", "clamped", f"{effort!r} said as {said!r}")
    return said


def note_shown(options: ReasoningOptions, detail: str, losses: Losses) -> None:
    """Wishes for how thinking is shown, where there is no choice."""
    for name in ("include", "summary"):
        if getattr(options, name) is not None and not off(options):
            losses.add(f"reasoning.{name}", "dropped", detail)


def word_of_budget(budget: int, words: Iterable[tuple[int, str]]) -> str:
    """The effort that a number of tokens amounts to. ``words``: the most tokens -> the word, from least to most."""
    return next((word for most, word in words if budget <= most), "high")
