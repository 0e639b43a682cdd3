"""Classes that do validate, made of the same tables: for JSON schemas, and for those who ask for strict answers."""

from __future__ import annotations

import typing
from typing import Any

import pydantic

from modelmux._dropin.fields import MISSING, columns
from modelmux._dropin.models import Made

_twins: dict[type, type[pydantic.BaseModel]] = {}


def twin(cls: Any) -> type[pydantic.BaseModel]:
    """A pydantic model with the fields of a class of the tables, validating them."""
    if cls in _twins:
        return _twins[cls]
    made: Any = type(cls.__name__, (pydantic.BaseModel,), {"__module__": cls.__module__, "model_config": _CONFIG})
    _twins[cls] = made  # before its fields: they may speak of it
    annotations = {}
    for name, (wire, shape, default) in columns(cls).items():
        annotation = strict(cls._shapes_.annotation(shape))
        settings: dict[str, Any] = {} if default is MISSING else {"default": default}
        if wire != name:
            settings |= {"alias": wire, "alias_priority": 2, "validation_alias": wire, "serialization_alias": wire}
        info = pydantic.fields.FieldInfo(annotation=annotation, **settings)
        annotations[name] = info
    made.__pydantic_fields__ = annotations
    made.model_rebuild(force=True)
    return _twins[cls]


_CONFIG = pydantic.ConfigDict(extra="allow", defer_build=True, populate_by_name=True)


def strict(annotation: Any) -> Any:
    """A type with every class of the tables replaced by its twin."""
    if isinstance(annotation, type) and issubclass(annotation, Made) and "_table_" in annotation.__dict__:
        return twin(annotation)
    args = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if not args or origin is typing.Literal:
        return annotation
    replaced = tuple(strict(arg) for arg in args)
    if replaced == args:
        return annotation
    if origin in (list, dict):
        return origin[replaced if len(replaced) > 1 else replaced[0]]
    if origin is typing.Annotated:
        return replaced[0]
    return typing.Union[replaced]  # noqa: UP007


def check(annotation: Any, value: Any) -> None:
    """Raise pydantic's ValidationError when a value is not of a type."""
    pydantic.TypeAdapter(strict(annotation)).validate_python(value)
