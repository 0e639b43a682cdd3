"""The request's settings: numbers and words, structured output, and the several ways to steer reasoning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelmux.types import Output, ReasoningOptions, Request
from modelmux.wire.openai_chat.dialect import REASONING_FORMS, WIRE
from modelmux.wire.openai_chat.saying import Saying, fields_of, kept, ours


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return _number(value) and abs(value) < 1e15 and value == int(value)


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


SCALARS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "model": ("model", _is(str)),
    "max_completion_tokens": ("max_tokens", _whole),
    "max_tokens": ("max_tokens", _whole),
    "temperature": ("temperature", _number),
    "top_p": ("top_p", _number),
    "top_k": ("top_k", _whole),
    "seed": ("seed", _whole),
    "random_seed": ("seed", _whole),
    "n": ("n", _whole),
    "presence_penalty": ("presence_penalty", _number),
    "frequency_penalty": ("frequency_penalty", _number),
    "logprobs": ("logprobs", _is(bool)),
    "top_logprobs": ("top_logprobs", _whole),
    "parallel_tool_calls": ("parallel_tool_calls", _is(bool)),
    "service_tier": ("service_tier", _is(str)),
    "user": ("user", _is(str)),
}
"""Fields of one plain value: name on the wire -> name in a Request, and what the value must be to be understood.
What is not understood stays in ``extra`` under its own name.
"""

_TIERS = {"standard_only": "default", "standard": "default"}
"""Other formats' words for the service tier that everybody gets."""

RENAMED = {"max_tokens": ("max_completion_tokens", "max_tokens"), "seed": ("seed", "random_seed")}
_SAME_NAME = tuple(
    attr
    for attr, _ in SCALARS.values()
    if attr not in RENAMED and attr not in ("model", "top_k", "parallel_tool_calls")
)


def encode_scalars(req: Request, body: dict[str, Any], say: Saying) -> None:
    for attr in _SAME_NAME:
        value = getattr(req, attr)
        if value is not None:
            body[attr] = value
    if not say.as_came:
        if req.service_tier is not None:
            _encode_tier(req.service_tier, body, say)
        if not say.dialect.user and body.pop("user", None) is not None:
            say.lost("user", "this vendor is not told the user")
    names = ours(req.extra).get("$names", {})
    if req.max_tokens is not None:
        _encode_max_tokens(req.max_tokens, names.get("max_tokens"), body, say)
        if ours(req.extra).get("$limit") != req.max_tokens:
            _lower_the_other(req.max_tokens, body)
    if req.seed is not None:
        name = names.get("seed") if say.as_came else None
        if name or say.dialect.seed:
            body[name or say.dialect.seed] = req.seed
        else:
            say.lost("seed", "this vendor takes no seed")
    if req.top_k is not None:
        if say.as_came or say.dialect.top_k:
            body["top_k"] = req.top_k
        else:
            say.lost("top_k", "this vendor takes no top_k")
    if req.parallel_tool_calls is not None:
        if say.as_came or say.dialect.parallel_tool_calls:
            body["parallel_tool_calls"] = req.parallel_tool_calls
        else:
            say.lost("parallel_tool_calls", "this vendor takes no such switch")


def _encode_tier(tier: str, body: dict[str, Any], say: Saying) -> None:
    tier, words = _TIERS.get(tier, tier), say.dialect.tiers
    if not words or tier in words:
        body["service_tier"] = words.get(tier, tier)
    elif tier in words.values():
        body["service_tier"] = tier
    else:
        del body["service_tier"]
        say.lost("service_tier", f"this vendor has no tier like {tier!r}")


def _encode_max_tokens(limit: int, asked: str | None, body: dict[str, Any], say: Saying) -> None:
    known = say.dialect.max_tokens
    name = asked if asked is not None and (say.as_came or asked in known) else known[0]
    body[name] = limit
    if not say.as_came:
        for other in RENAMED["max_tokens"]:
            if other != name and other not in known:
                body.pop(other, None)


def _lower_the_other(limit: int, body: dict[str, Any]) -> None:
    """A body may carry both names: the second one, kept as it came, must not undo a lower limit set since."""
    for name in RENAMED["max_tokens"]:
        if _whole(body.get(name)) and body[name] > limit:
            body[name] = limit


# --- structured output ---------------------------------------------------------------------------------------


def decode_output(value: Any) -> Output | None:
    """``response_format``, None when it asks for nothing structured or in a way only its vendor knows."""
    if not isinstance(value, dict):
        return None
    rest = {name: item for name, item in value.items() if name != "type"}
    if value.get("type") == "json_object":
        schema = rest.pop("schema", None) if isinstance(rest.get("schema"), dict) else None
        return Output(schema, extra=kept({**rest, "$type": "json_object"}))
    spec = rest.pop("json_schema", None)
    if value.get("type") != "json_schema" or not isinstance(spec, dict) or not isinstance(spec.get("schema"), dict):
        return None
    inner = dict(spec)
    schema = inner.pop("schema")
    name = inner.pop("name") if isinstance(inner.get("name"), str) else None
    description = inner.pop("description") if isinstance(inner.get("description"), str) else None
    strict = inner.pop("strict") if isinstance(inner.get("strict"), bool) else None
    if inner:
        rest["json_schema"] = inner
    if name is None:
        rest["$nameless"] = True
    return Output(schema, name, description, strict, kept(rest))


def encode_output(output: Output, body: dict[str, Any], say: Saying) -> None:
    own = ours(output.extra)
    rest = fields_of(own)
    if output.schema is None or (own.get("$type") == "json_object" and say.as_came):
        body["response_format"] = {**rest, "type": "json_object"}
        if output.schema is not None:
            body["response_format"]["schema"] = output.schema
        return
    if say.dialect.structured != "json_schema" and not say.as_came:
        say.lost("output.schema", "this vendor promises JSON, not a schema", "emulated")
        if say.dialect.structured:
            body["response_format"] = {"type": "json_object"}
        return
    inner = dict(rest.pop("json_schema", {}))
    if output.name is not None or "$nameless" not in own or not say.as_came:
        inner["name"] = output.name or ("" if say.as_came and output.name is not None else "output")
    if output.description is not None:
        inner["description"] = output.description
    if output.strict is not None:
        inner["strict"] = output.strict
    inner["schema"] = output.schema
    body["response_format"] = {**rest, "type": "json_schema", "json_schema": inner}


# --- reasoning -----------------------------------------------------------------------------------------------

_OBJECT_FIELDS: dict[str, tuple[tuple[str, str, type], ...]] = {
    "reasoning": (
        ("effort", "effort", str),
        ("max_tokens", "budget", int),
        ("enabled", "enabled", bool),
        ("exclude", "include", bool),
        ("summary", "summary", str),
    ),
    "thinking": (("type", "enabled", str), ("budget_tokens", "budget", int)),
}
_SWITCH: dict[Any, bool] = {"enabled": True, "disabled": False}
_SWITCH_WORDS = {True: "enabled", False: "disabled"}
_EFFORT_OF_BUDGET = ((2048, "low"), (8192, "medium"))


def decode_reasoning(body: dict[str, Any], extra: dict[str, Any]) -> ReasoningOptions | None:
    """All ways a body steers reasoning, as one. Which field said what is kept, so that it can be said again.

    Where two fields say the same thing, the first is understood and the other kept under its own name.
    """
    values: dict[str, Any] = {}
    said_by: dict[str, str] = {}
    rests: dict[str, Any] = {}

    def understood(attr: str, value: Any, form: str) -> bool:
        if attr in values or value is None:
            return False
        values[attr], said_by[attr] = value, form
        return True

    for form in ("reasoning_effort", "reasoning", "thinking", "enable_thinking"):
        if form not in body:
            continue
        given = body[form]
        if form in _OBJECT_FIELDS and isinstance(given, dict):
            rest = dict(given)
            for name, attr, kind in _OBJECT_FIELDS[form]:
                value: Any = rest.get(name)
                if isinstance(value, kind) and isinstance(value, bool) == (kind is bool):
                    if name == "type":
                        value = _SWITCH.get(value)
                    elif name == "exclude":
                        value = not value
                    if understood(attr, value, form):
                        del rest[name]
            rests[form] = rest
        elif (form == "reasoning_effort" and isinstance(given, str)) or (
            form == "enable_thinking" and isinstance(given, bool)
        ):
            if not understood("effort" if isinstance(given, str) else "enabled", given, form):
                extra[form] = given
        else:
            extra[form] = given
    if not values and not rests:
        return None
    return ReasoningOptions(**values, extra={WIRE: {"$said_by": said_by, **rests}})


def encode_reasoning(options: ReasoningOptions, body: dict[str, Any], say: Saying) -> None:
    own = ours(options.extra)
    for form, rest in fields_of(own).items():
        if say.as_came or form in say.dialect.reasoning:
            body[form] = dict(rest) if isinstance(rest, dict) else rest
    said_by = own.get("$said_by", {}) if say.as_came else {}
    pending = {
        attr: value
        for attr in ("effort", "budget", "enabled", "include", "summary")
        if (value := getattr(options, attr)) is not None
    }
    if options.effort is not None and not say.as_came:
        pending["effort"] = _nearest(options.effort, say)
    if options.effort == "none" and not say.as_came and _switch(say) is not None and options.enabled is None:
        pending = {"enabled": False}  # where there is a switch, no effort is said by it
    for attr, value in pending.items():
        form = said_by.get(attr) or next((f for f in say.dialect.reasoning if attr in REASONING_FORMS[f]), "")
        if form:
            _say_reasoning(form, attr, value, body)
        else:
            _reasoning_otherwise(attr, value, pending, body, say)


_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _nearest(effort: str, say: Saying) -> str:
    """The effort in a word that the vendor takes: of two that are as near, the lesser."""
    taken = say.dialect.efforts
    if not taken or effort in taken or effort not in _EFFORTS:
        return effort
    place = _EFFORTS.index(effort)
    spoken = taken[1:] if taken[0] == "none" else taken  # a little is not nothing
    nearest = min(spoken, key=lambda word: abs(_EFFORTS.index(word) - place))
    say.lost("reasoning.effort", f"{effort!r} said as {nearest!r}", "clamped")
    return nearest


def _switch(say: Saying) -> str | None:
    return next((form for form in say.dialect.reasoning if form != "reasoning" and _can_switch(form)), None)


def _can_switch(form: str) -> bool:
    return "enabled" in REASONING_FORMS[form]


def _say_reasoning(form: str, attr: str, value: Any, body: dict[str, Any]) -> None:
    if form in ("reasoning_effort", "enable_thinking"):
        body[form] = value
        return
    if attr == "include":
        value = not value
    field = "thinking" if form == "thinking_switch" else form
    name = next(name for name, of, _ in _OBJECT_FIELDS[field] if of == attr)
    inner = body.get(field)
    if not isinstance(inner, dict):
        inner = body[field] = {}
    inner[name] = _SWITCH_WORDS[value] if name == "type" else value
    if name == "budget_tokens":
        inner.setdefault("type", "enabled")


def _reasoning_otherwise(attr: str, value: Any, pending: dict[str, Any], body: dict[str, Any], say: Saying) -> None:
    """What the dialect has no word for, said by the nearest it has."""
    forms = say.dialect.reasoning
    takes_effort = "reasoning_effort" in forms
    switch = _switch(say)
    if attr == "budget" and takes_effort and "effort" not in pending:
        body["reasoning_effort"] = next((word for most, word in _EFFORT_OF_BUDGET if value <= most), "high")
        say.lost("reasoning.budget", f"{value} tokens said as effort {body['reasoning_effort']!r}", "emulated")
    elif attr in ("effort", "budget") and switch is not None and "enabled" not in pending:
        _say_reasoning(switch, "enabled", value not in ("none", 0), body)
        say.lost(f"reasoning.{attr}", "this vendor only switches reasoning on or off", "emulated")
    elif attr == "enabled" and takes_effort and ("effort" in pending or "budget" in pending):
        return
    elif attr == "enabled" and takes_effort:
        body["reasoning_effort"] = "medium" if value else "none"
        say.lost("reasoning.enabled", f"said as effort {body['reasoning_effort']!r}", "emulated")
    elif attr != "include":
        say.lost(f"reasoning.{attr}", "this vendor has no such setting")
    elif value:
        say.lost("reasoning.include", "this vendor decides itself whether to show its reasoning")
