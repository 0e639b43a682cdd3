"""How instances of models are filled: by a *plan* of their class, made once, straight from JSON.

A plan knows which fields need converting, and what a field is that was not sent. Unknown fields are kept as extra ones,
wrong types as they are; nothing is validated.
"""

from __future__ import annotations

import copy
import inspect
import typing
from collections.abc import Mapping
from typing import Any

import pydantic

from modelmux._dropin.fields import MISSING, columns
from modelmux._dropin.shapes import Shapes, discriminator, shape_of


class Plan:
    """How a class is filled. ``template`` has every field in order, with what it is when it was not sent."""

    __slots__ = ("converters", "fresh", "names", "renamed", "template", "unknown")

    def __init__(self, fields: Mapping[str, tuple[str, Any, Any]], unknown: Any = None) -> None:
        """``fields``: name -> (name on the wire, default or MISSING, converter or None). ``unknown``: the converter of
        mappings of unknown fields, or None.
        """
        self.unknown = unknown
        # What must be there and is not, is None, as in the vendors' SDKs: an answer never fails for what it lacks.
        self.template = {name: None if default is MISSING else default for name, (_, default, _) in fields.items()}
        self.names = frozenset(fields)
        self.fresh = [name for name, default in self.template.items() if isinstance(default, list | dict)]
        self.converters = [(name, converter) for name, (_, _, converter) in fields.items() if converter is not None]
        self.renamed = {wire: name for name, (wire, _, _) in fields.items() if wire != name}


_put_values, _put_given, _put_extra, _put_private = (
    vars(pydantic.BaseModel)[slot].__set__  # the slots' own: half the time of object.__setattr__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def build(cls: type, data: Mapping[str, Any], given: set[str] | None = None) -> Any:
    """An instance of a model class made of what was sent."""
    self: Any = object.__new__(cls)
    fill(self, cls, data, given)
    return self


def fill(self: Any, cls: type, data: Mapping[str, Any], given: set[str] | None) -> None:
    plan: Plan = cls.__dict__.get("_plan_") or plan_of(cls)
    if plan.renamed:
        data = {plan.renamed.get(key, key): value for key, value in data.items()}
    values = {**plan.template, **data}
    extra: dict[str, Any] = {}
    if len(values) > len(plan.template):
        extra = {key: value for key, value in data.items() if key not in plan.names}
        for key in extra:
            del values[key]
        if plan.unknown is not None:
            extra = plan.unknown(extra)
    for name, convert in plan.converters:
        value = values[name]
        if value is not None:
            values[name] = convert(value)
    for name in plan.fresh:
        if name not in data:
            values[name] = copy.copy(values[name])
    _put_values(self, values)
    _put_given(self, set(data) if given is None else given)
    _put_extra(self, extra)
    _put_private(self, None)


def note(model: Any, name: str, value: Any) -> None:
    """Keep something beside a model's fields: copied and pickled with it, in no dump."""
    private = model.__pydantic_private__
    if private is None:
        object.__setattr__(model, "__pydantic_private__", {name: value})
    else:
        private[name] = value


def plan_of(cls: Any) -> Plan:
    plan: Plan | None = cls.__dict__.get("_plan_")
    if plan is None:
        plan = Plan(_from_table(cls)) if "_table_" in cls.__dict__ else Plan(_from_fields(cls), _unknown_of(cls))
        type.__setattr__(cls, "_plan_", plan)
    return plan


def _from_table(cls: Any) -> dict[str, tuple[str, Any, Any]]:
    shapes: Shapes = cls._shapes_
    out = {}
    for name, (wire, shape, default) in columns(cls).items():
        out[name] = (wire, default, shapes.converter(shape))
    return out


def _from_fields(cls: Any) -> dict[str, tuple[str, Any, Any]]:
    """The plan of a class that a user wrote."""
    shapes: Shapes = cls._shapes_
    if not cls.__pydantic_fields_complete__:
        cls.model_rebuild(raise_errors=False)
    out = {}
    for name, info in cls.__pydantic_fields__.items():
        shape = shape_of(info.annotation)
        key = next(filter(None, map(discriminator, info.metadata)), None)
        if key and isinstance(shape, list) and shape[0] == "union":
            shape = ["union", key, *shape[2:]]
        default = MISSING if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
        out[name] = (info.alias or name, default, shapes.converter(shape))
    return out


def _unknown_of(cls: Any) -> Any:
    """The converter of the unknown fields of a class that a user wrote: pydantic reads ``__pydantic_extra__: dict[str,
    Item]`` in such a class as the type of their values.
    """
    shapes: Shapes = cls._shapes_
    for base in cls.__mro__[: cls.__mro__.index(pydantic.BaseModel)]:
        annotation = inspect.get_annotations(base).get("__pydantic_extra__")
        if isinstance(annotation, str):
            try:
                annotation = typing.get_type_hints(base)["__pydantic_extra__"]
            except NameError:
                return None  # it speaks of a class of a function's own
        if annotation is not None:
            return shapes.converter(shape_of(annotation))
    return None
