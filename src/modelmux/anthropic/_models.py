"""The base of all models, under the vendor's path."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.options import RequestOptions as FinalRequestOptions
from modelmux._dropin.shapes import discriminator, shape_of
from modelmux.anthropic._registry import BaseModel, registry


def construct_type(*, value: Any, type_: Any, metadata: Any = None) -> Any:
    """A JSON value as a type, leniently: what does not fit stays as it is."""
    shape = shape_of(type_)
    key = next(filter(None, map(discriminator, metadata or ())), None)
    if key and isinstance(shape, list) and shape[0] == "union":
        shape = ["union", key, *shape[2:]]
    converter = registry.shapes.converter(shape)
    return value if converter is None or value is None else converter(value)


def construct_type_unchecked(*, value: Any, type_: Any) -> Any:
    """As :func:`construct_type`."""
    return construct_type(value=value, type_=type_)


__all__ = ["BaseModel", "FinalRequestOptions", "construct_type", "construct_type_unchecked"]
