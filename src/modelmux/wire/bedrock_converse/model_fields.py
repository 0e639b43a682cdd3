"""What Converse hands through to the model unread (``additionalModelRequestFields``), as far as it has a canonical
name: how much to think, and ``top_k``. Every family spells them its own way.

Sources: "Extended thinking" and "Adaptive thinking" in the Claude guide, "Extended thinking" in the Nova 2 guide, the
inference parameters of each family in the Bedrock user guide, and the recordings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelmux.types import ReasoningOptions, Request
from modelmux.wire._each_loss import Losses
from modelmux.wire.bedrock_converse.vocabulary import own, text_or_none

MIN_BUDGET = 1024
BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32768}
EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "max"}
THREE_EFFORTS = EFFORTS | {"max": "high"}

_NO_THINKING = re.compile(r"claude-(instant|v2|3-5|3-(haiku|sonnet|opus))")
_TAKES_BUDGET = re.compile(r"claude-(3-7|(opus|sonnet|haiku)-4(-[0-5])?(-\d{8}|-v\d|:|$))")

_HAVE_EFFORTS = ("nova-2", "nova-premier-2", "gpt-oss", "qwen", "deepseek")

Fields = dict[str, Any]

_REASONING = ("thinking", "reasoning_config", "reasoningConfig", "reasoning_effort")


def decode_reasoning(fields: Fields) -> tuple[ReasoningOptions | None, Fields]:
    """The canonical options, and what of ``fields`` they were read from."""
    taken = {key: fields[key] for key in _REASONING if key in fields}
    config = fields.get("output_config")
    if isinstance(config, dict) and isinstance(config.get("effort"), str):
        taken["output_config"] = {"effort": config["effort"]}
    if not taken:
        return None, {}
    effort = text_or_none(taken.get("reasoning_effort")) or text_or_none(at(taken, "output_config", "effort"))
    budget = enabled = include = None
    for key in ("thinking", "reasoning_config", "reasoningConfig"):
        value = taken.get(key)
        if isinstance(value, str):
            effort = value
        elif isinstance(value, dict):
            enabled = {"enabled": True, "adaptive": True, "disabled": False}.get(str(value.get("type")), enabled)
            tokens = value.get("budget_tokens")
            budget = tokens if isinstance(tokens, int) and not isinstance(tokens, bool) else budget
            effort = text_or_none(value.get("maxReasoningEffort")) or effort
            include = include if value.get("display") is None else value["display"] != "omitted"
    return ReasoningOptions(effort, budget, enabled, include), taken


def at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def encode_reasoning(req: Request, max_tokens: int | None, losses: Losses) -> Fields:
    """The fields that ask ``req.model`` for ``req.reasoning``."""
    options = req.reasoning
    if options is None:
        return {}
    taken = own(options.extra).get("$fields")
    if taken is not None and decode_reasoning(taken)[0] == replace(options, extra={}):
        return dict(taken)
    model = req.model or ""
    off = options.enabled is False or options.effort == "none" or options.budget == 0
    if options.summary is not None and not off:
        losses.add("reasoning.summary", "dropped", "a summary has no kinds here")
    if options.include is not None and not off:
        losses.add("reasoning.include", "dropped", "the model shows its thinking, or not, as is usual for it")
    if not off and not (options.enabled or options.effort or options.budget is not None):
        return {}
    if "claude" in model or not model:
        return _claude(options, off, model, max_tokens, losses)
    effort = THREE_EFFORTS.get(options.effort or "", _effort_for(options.budget))
    if not off and any(family in model for family in _HAVE_EFFORTS) and effort != options.effort:
        field = "effort" if options.effort else "budget" if options.budget else "enabled"
        losses.add(f"reasoning.{field}", "emulated", f"sent as effort {effort}")
    if "nova-2" in model or "nova-premier-2" in model:
        return {"reasoningConfig": {"type": "disabled"} if off else {"type": "enabled", "maxReasoningEffort": effort}}
    if "gpt-oss" in model:
        return {} if off else {"reasoning_effort": effort}
    if "qwen" in model or "deepseek" in model:
        return {} if off else {"reasoning_config": effort}
    if not off:
        losses.add("reasoning", "dropped", f"no way is known to ask {model} to think")
    return {}


def _claude(options: ReasoningOptions, off: bool, model: str, max_tokens: int | None, losses: Losses) -> Fields:
    if off:
        return {"thinking": {"type": "disabled"}}
    if _NO_THINKING.search(model):
        losses.add("reasoning", "dropped", f"{model} cannot think")
        return {}
    if model and not _TAKES_BUDGET.search(model):
        effort = EFFORTS.get(options.effort or "") or (_effort_for(options.budget) if options.budget else None)
        if options.budget and not options.effort:
            losses.add("reasoning.budget", "emulated", f"{options.budget} tokens are sent as effort {effort}")
        elif options.effort != effort:
            losses.add("reasoning.effort", "renamed", f"{options.effort} is sent as {effort}")
        return {"thinking": {"type": "adaptive"}} | ({"output_config": {"effort": effort}} if effort else {})
    wanted = options.budget if options.budget and options.budget > 0 else BUDGETS.get(options.effort or "", 8192)
    room = wanted if max_tokens is None else max_tokens - max(1, max_tokens // 4)
    if room < MIN_BUDGET:
        losses.add("reasoning", "dropped", f"max_tokens={max_tokens} leaves no room for {MIN_BUDGET} of thinking")
        return {}
    budget = max(MIN_BUDGET, min(wanted, room))
    if options.budget and options.budget != budget:
        losses.add("reasoning.budget", "clamped", f"{options.budget} became {budget}")
    elif options.effort is not None:
        losses.add("reasoning.effort", "emulated", f"said by a budget of {budget} tokens")
    elif options.budget is None:
        losses.add("reasoning.enabled", "emulated", f"said by a budget of {budget} tokens")
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _effort_for(budget: int | None) -> str:
    """The word for a number of tokens, of the three that every family has."""
    if budget is None or budget <= 0:
        return "medium"
    return next((word for word in ("low", "medium") if budget <= BUDGETS[word]), "high")


def take_top_k(fields: Fields) -> tuple[int | None, tuple[str, ...]]:
    """``top_k`` and where it stood."""
    for path in TOP_K_PATHS:
        value = at(fields, *path)
        if isinstance(value, int) and not isinstance(value, bool):
            return value, path
    return None, ()


TOP_K_PATHS: tuple[tuple[str, ...], ...] = (("top_k",), ("inferenceConfig", "topK"), ("k",))
_TOP_K_OF: tuple[tuple[str, tuple[str, ...]], ...] = (("nova", TOP_K_PATHS[1]), ("cohere", TOP_K_PATHS[2]))


def top_k_path(model: str) -> tuple[str, ...]:
    return next((path for family, path in _TOP_K_OF if family in model), TOP_K_PATHS[0])


def without(fields: Fields, *path: str) -> Fields:
    """``fields`` without what is at ``path``, nor the objects that this empties."""
    key, *deeper = path
    left = {name: value for name, value in fields.items() if name != key}
    if deeper:
        inner = without(fields[key], *deeper)
        if inner:
            left[key] = inner
    return left


def merged(fields: Mapping[str, Any], more: Mapping[str, Any]) -> Fields:
    """``more`` over ``fields``, object by object."""
    out = dict(fields)
    for key, value in more.items():
        held = out.get(key)
        out[key] = merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return out
