"""How much to think, in the two vocabularies of the format.

Gemini 2.5 takes a number of tokens (``thinkingBudget``), Gemini 3 and later a word (``thinkingLevel``), earlier
models nothing. The numbers for words are those of Google's own OpenAI-compatible route
(https://ai.google.dev/gemini-api/docs/openai#thinking): minimal and low 1,024, medium 8,192, high 24,576.
"""

from __future__ import annotations

import re
from typing import Any

from modelmux.types import ReasoningOptions
from modelmux.wire.gemini_generate_content._fields import camel, nested, own, take, whole, write_back
from modelmux.wire.gemini_generate_content._names import WIRE
from modelmux.wire.gemini_generate_content.parts_out import Encoder

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 32_768}
_LEVELS = {"none": "minimal", "xhigh": "high", "max": "high"}
_RANGES = (("pro", 128, 32_768), ("flash-lite", 512, 24_576), ("flash", 1, 24_576))
"""Least and greatest budget by family (https://ai.google.dev/gemini-api/docs/thinking). Pro cannot be told not to."""


def version_of(model: str) -> tuple[int, int] | None:
    """``(2, 5)`` for ``gemini-2.5-flash``; None where the name does not say."""
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def decode_thinking(raw: dict[str, Any]) -> ReasoningOptions:
    fields, names = camel(raw)
    level = take(fields, "thinkingLevel", str)
    budget = whole(fields, "thinkingBudget")
    include = take(fields, "includeThoughts", bool)
    dynamic = budget is not None and budget < 0
    return ReasoningOptions(
        effort=None if level is None else level.lower(),
        budget=None if dynamic else budget,
        enabled=True if dynamic else False if budget == 0 else None,
        include=include,
        # The mark says that the numbers and words are this format's own and go back as they are.
        extra={WIRE: nested(fields, names, level=level, budget=budget if dynamic else None)},
    )


def encode_thinking(options: ReasoningOptions, model: str, encoder: Encoder) -> dict[str, Any] | None:
    """``thinkingConfig`` for this model, or None when there is nothing to say."""
    fields = own(options.extra)
    out: dict[str, Any] = {}
    if WIRE in options.extra:
        level = fields.get("$level")
        if options.effort is not None:
            out["thinkingLevel"] = level if level and level.lower() == options.effort else options.effort
        if options.budget is not None:
            out["thinkingBudget"] = options.budget
        elif options.enabled and "$budget" in fields:
            out["thinkingBudget"] = fields["$budget"]
    else:
        version = version_of(model)
        if version is not None and version < (2, 5):
            if options.effort not in (None, "none") or options.budget or options.enabled:
                encoder.warn("reasoning", "dropped", f"{model} does not think")
            return None
        if version is not None and version >= (3, 0):
            _level(out, options, model, encoder)
        else:
            _budget(out, options, model, encoder)
    include = options.include if options.include is not None else (True if options.summary else None)
    if options.summary not in (None, "auto"):
        encoder.warn("reasoning.summary", "emulated", "a summary has no kinds here")
    if include is not None:
        out["includeThoughts"] = include
    return write_back(out, fields) if out or WIRE in options.extra else None


def _level(out: dict[str, Any], options: ReasoningOptions, model: str, encoder: Encoder) -> None:
    effort = options.effort
    if effort is None and options.budget is not None:
        effort = next((name for name in ("minimal", "low", "medium") if options.budget <= _least(name)), "high")
        encoder.warn("reasoning.budget", "renamed", f"{options.budget} tokens as thinkingLevel {effort}")
    elif effort is None and options.enabled is False:
        effort = "none"
    if effort is None:
        return
    level = _LEVELS.get(effort, effort)
    if "pro" in model and level == "minimal":
        level = "low"  # Gemini 3 Pro knows no minimal
    if "gemini-3-pro" in model and level == "medium":
        level = "high"
    if level != effort:
        encoder.warn("reasoning.effort", "clamped", f"{effort} to {level}")
    out["thinkingLevel"] = level


def _least(level: str) -> int:
    return 0 if level == "minimal" else _BUDGETS[level]


def _budget(out: dict[str, Any], options: ReasoningOptions, model: str, encoder: Encoder) -> None:
    if options.budget is not None:
        asked = options.budget
    elif options.effort is not None:
        asked = 0 if options.effort == "none" else _BUDGETS.get(options.effort, _BUDGETS["medium"])
    elif options.enabled is not None:
        asked = -1 if options.enabled else 0
    else:
        return
    family = next((row for row in _RANGES if row[0] in model), None)
    budget = asked
    if family is not None and asked >= 0 and (asked or family[0] == "pro"):
        budget = min(max(asked, family[1]), family[2])
    if budget != asked:
        encoder.warn("reasoning", "clamped", f"{asked} to {budget} tokens")
    elif options.effort not in (None, "none"):
        encoder.warn("reasoning.effort", "emulated", f"said by a budget of {budget} tokens")
    out["thinkingBudget"] = budget
