"""How much a model may think: the vendor's ``thinking`` and ``output_config.effort`` against the canonical words.

A request of this wire says it in the vendor's own form, kept in ``extra``. For any other request:

====================  ================================  ==============================================
canonical             models that take a budget         models that decide themselves (adaptive)
====================  ================================  ==============================================
effort ``none``       ``disabled``                      ``disabled``
effort ``minimal``    budget 1,024                      ``adaptive``, effort ``low``
effort ``low``        budget 2,048                      ``adaptive``, effort ``low``
effort ``medium``     budget 8,192                      ``adaptive``, effort ``medium``
effort ``high``       budget 16,384                     ``adaptive``, effort ``high``
effort ``xhigh``      budget 24,576                     ``adaptive``, effort ``high`` (see below)
effort ``max``        budget 32,768                     ``adaptive``, effort ``max``
budget n              budget n                          ``adaptive``, the smallest effort whose budget ≥ n
enabled, no amount    budget 8,192                      ``adaptive``
====================  ================================  ==============================================

A budget is at least 1,024 and leaves a quarter of ``max_tokens`` for the answer (the vendor wants it below
``max_tokens``); where that is impossible there is no thinking, with a warning. ``xhigh`` is newer than ``adaptive``
and refused by the first models that have it, so it goes out as ``high`` unless it came in on this wire.
"""

from __future__ import annotations

import re
from typing import Any

from modelmux.types import ReasoningOptions
from modelmux.wire._each_loss import Losses
from modelmux.wire.anthropic_messages.vocabulary import WIRE

MIN_BUDGET = 1024

BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32768}
EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "max"}

# "Building with extended thinking" and "Adaptive thinking" in the vendor's guide: budgets came with 3.7 and end with
# 4.5; what came before cannot think.
_NO_THINKING = re.compile(r"claude-(instant|2|3-5|3-(haiku|sonnet|opus))")
_TAKES_BUDGET = re.compile(r"claude-(3-7|(opus|sonnet|haiku)-4(-[0-5])?(-\d{8}|-v\d|@|-latest|:|$))")


def encode_thinking(
    options: ReasoningOptions, model: str, max_tokens: int, losses: Losses
) -> tuple[dict[str, Any] | None, str | None]:
    """The ``thinking`` object and the word for ``output_config.effort``; None for each that is not to be sent."""
    ours = options.extra.get(WIRE)
    if ours is not None and (ours or options.enabled is None):
        return _as_it_came(options, dict(ours)), options.effort
    if options.enabled is False or options.effort == "none" or options.budget == 0:
        return {"type": "disabled"}, None
    if options.summary is not None:
        losses.add("reasoning.summary", "dropped", "a summary has no kinds here")
    if options.include is not None:
        losses.add("reasoning.include", "dropped", "the model shows its thinking, or not, as is usual for it")
    if not (options.enabled or options.effort or options.budget is not None):
        return None, None
    if _NO_THINKING.search(model):
        losses.add("reasoning", "dropped", f"{model} cannot think")
        return None, None
    if "claude" in model and not _TAKES_BUDGET.search(model):
        return {"type": "adaptive"}, _effort(options, losses)
    return _budgeted(options, max_tokens, losses), None


def _as_it_came(options: ReasoningOptions, thinking: dict[str, Any]) -> dict[str, Any] | None:
    if options.enabled is None:
        return None
    if options.enabled is False:
        return {**thinking, "type": "disabled"}
    if options.budget is not None:
        thinking["budget_tokens"] = options.budget
    if thinking.get("type") == "disabled":
        thinking["type"] = "adaptive" if options.budget is None else "enabled"
    return thinking


def _effort(options: ReasoningOptions, losses: Losses) -> str | None:
    if options.effort:
        word = EFFORTS.get(options.effort, "medium")
        if word != options.effort:
            losses.add("reasoning.effort", "renamed", f"{options.effort} is sent as {word}")
        return word
    if options.budget is not None and options.budget > 0:
        fitting = (word for word, budget in BUDGETS.items() if budget >= options.budget)
        word = EFFORTS[next(fitting, "max")]
        losses.add("reasoning.budget", "emulated", f"{options.budget} tokens are sent as effort {word}")
        return word
    return None


def _budgeted(options: ReasoningOptions, max_tokens: int, losses: Losses) -> dict[str, Any] | None:
    wanted = options.budget
    if wanted is None or wanted < 0:
        wanted = BUDGETS.get(options.effort or "medium", BUDGETS["medium"])
    room = max_tokens - max(1, max_tokens // 4)
    if room < MIN_BUDGET:
        losses.add(
            "reasoning", "dropped", f"max_tokens={max_tokens} leaves no room for {MIN_BUDGET} tokens of thinking"
        )
        return None
    budget = max(MIN_BUDGET, min(wanted, room))
    if options.budget is not None and options.budget > 0 and budget != options.budget:
        losses.add("reasoning.budget", "clamped", f"{options.budget} became {budget}")
    elif options.effort is not None:
        losses.add("reasoning.effort", "emulated", f"said by a budget of {budget} tokens")
    elif options.budget is None:
        losses.add("reasoning.enabled", "emulated", f"said by a budget of {budget} tokens")
    return {"type": "enabled", "budget_tokens": budget}
