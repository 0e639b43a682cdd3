"""Types as data, and what they turn JSON into.

A *shape* is what ``scripts/generate_dropin.py`` writes for a type:

=============================  =====================================================================
``"str"``, ``"int"``, …        a plain JSON value; also ``float bool bytes any none datetime date``
``"module:Name"``              a class or an alias of the tables
``["list", T]``                a list
``["dict", T]``                a mapping of strings to T
``["opt", T]``                 T or None
``["lit", a, b]``              one of these values
``["union", key, A, B]``       one of these; ``key`` is the field that tells which, or None
=============================  =====================================================================

A class may stand where a name may: the types of users' own models are shapes too (:func:`shape_of`). A *converter* is
a function from a JSON value to a Python value that never raises: what does not fit stays as it is. None stands for the
converter that changes nothing, so that it costs nothing.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeAlias

Shape: TypeAlias = Any
Converter: TypeAlias = Callable[[Any], Any]
_Tags: TypeAlias = dict[Any, Converter | None]

PLAIN: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "bytes": bytes,
    "any": object,
    "none": type(None),
    "datetime": datetime,
    "date": date,
}
_NAMES = {kind: name for name, kind in PLAIN.items()} | {Any: "any"}
_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "bytes": (bytes,),
    "none": (type(None),),
    "datetime": (datetime, str),
    "date": (date, str),
}


class Shapes:
    """What shapes mean, given a way to look names up. ``entry`` answers for a name with its table, ``cls`` with its
    class; ``build`` makes an instance of a class of a mapping.
    """

    def __init__(
        self,
        entry: Callable[[str], Mapping[str, Any]],
        cls: Callable[[str], type],
        build: Callable[[type, Mapping[str, Any]], Any],
        plan: Callable[[type], Any],
    ) -> None:
        self.entry, self.cls, self.build, self.plan = entry, cls, build, plan
        self._named: dict[str, Converter | None] = {}

    # --- converters ---

    def converter(self, shape: Shape) -> Converter | None:
        if isinstance(shape, str):
            return self._by_name(shape)
        if not isinstance(shape, list):
            return self._model(shape)
        kind = shape[0]
        if kind == "opt":
            return self.converter(shape[1])
        if kind == "list":
            return _each(self.converter(shape[1]))
        if kind == "dict":
            return _values(self.converter(shape[1]))
        return self._union(shape) if kind == "union" else None

    def _by_name(self, name: str) -> Converter | None:
        if ":" not in name:
            return _PLAIN_CONVERTERS.get(name)
        if name not in self._named:
            entry = self.entry(name)
            if "t" in entry:
                self._named[name] = None  # an alias that speaks of itself goes no deeper
                self._named[name] = self.converter(entry["t"])
            elif "f" in entry or "b" in entry:
                self._named[name] = self._later(name)
            else:
                self._named[name] = None
        return self._named[name]

    def _later(self, name: str) -> Converter:
        """A class of the tables, made when the first value for it comes."""
        made: list[type] = []

        def convert(value: Any) -> Any:
            if type(value) is not dict:
                return value
            if not made:
                made.append(self.cls(name))
            return self.build(made[0], value)

        return convert

    def _model(self, cls: Any) -> Converter | None:
        if not isinstance(cls, type) or not hasattr(cls, "model_fields"):
            return None
        return lambda value: self.build(cls, value) if isinstance(value, Mapping) else value

    def _union(self, shape: Shape) -> Converter | None:
        members = self._flat(shape[2:])
        converters = [self.converter(member) for member in members]
        if not any(converters):
            return None
        key, tags, shared = "type", _UNREAD, _UNREAD

        def convert(value: Any) -> Any:
            nonlocal key, tags, shared
            if tags is _UNREAD:
                key, tags, shared = self._tags(shape[1], members, converters)
            tag = value.get(key) if type(value) is dict else None
            if type(tag) is list or type(tag) is dict:
                tag = None  # what no tag is like, and cannot be looked up
            found = tags.get(tag, _MISSING)
            if found is not _MISSING:
                return value if found is None else found(value)
            for member, converter in zip(members, converters, strict=True):
                if self.fits(member, value):
                    return value if converter is None else converter(value)
            found = shared.get(tag)
            if found is not None:
                return found(value)
            for member, converter in zip(members, converters, strict=True):
                if _loosely(member, value):
                    return value if converter is None else converter(value)
            return value

        return convert

    def _flat(self, members: list[Shape]) -> list[Shape]:
        """The members of a union, those of the unions in it spelt out."""
        out: list[Shape] = []
        for member in members:
            inner = member
            if isinstance(member, str) and ":" in member:
                inner = self.entry(member).get("t", member)
            if isinstance(inner, list) and inner[0] == "union":
                out += self._flat(inner[2:])
            elif isinstance(inner, list) and inner[0] == "opt":
                out += self._flat([inner[1]])
            else:
                out.append(inner)
        return out

    def _tags(self, key: str | None, members: list[Shape], converters: list[Any]) -> tuple[str, _Tags, _Tags]:
        """The name on the wire of what tells members apart; its values that tell one; and those that a key named for it
        has in several, with the last of these, which the vendors' SDKs take for what fits none.
        """
        field = key or "type"
        for member in members:
            field = self.aliases(member).get(field, field)
        tags: _Tags = {}
        shared: _Tags = {}
        for member, converter in zip(members, converters, strict=True):
            for value in self.literals(member, field):
                if tags.setdefault(value, converter) is not converter:
                    shared[value] = converter
        sure = {value: converter for value, converter in tags.items() if value not in shared}
        return field, sure, shared if key else {}

    def literals(self, member: Shape, key: str) -> list[Any]:
        """The values that a field, by its name on the wire, may have in a member of a union."""
        field = self.fields(member).get(key)
        if isinstance(field, list) and field[0] == "opt":
            field = field[1]
        if isinstance(field, str) and ":" in field:
            field = self.entry(field).get("t")
        return field[1:] if isinstance(field, list) and field[0] == "lit" else []

    def fields(self, member: Shape) -> Mapping[str, Shape]:
        """Name on the wire -> shape of a class, those of its bases among them."""
        found: dict[str, Shape] = {}
        if isinstance(member, str) and ":" in member:
            entry = self.entry(member)
            found = {**(self.fields(entry["b"]) if "b" in entry else {}), **entry.get("f", {})}
        elif isinstance(member, type) and hasattr(member, "model_fields"):
            found = {name: shape_of(info.annotation) for name, info in member.model_fields.items()}
        aliases = self.aliases(member)
        return {aliases.get(name, name): shape for name, shape in found.items()} if aliases else found

    def aliases(self, member: Shape) -> Mapping[str, str]:
        """Field -> name on the wire of a class, where they differ."""
        if isinstance(member, str):
            entry = self.entry(member) if ":" in member else {}
            above = self.aliases(entry["b"]) if "b" in entry else {}
            return {**above, **entry.get("a", {})}
        fields = getattr(member, "model_fields", None) or {}
        return {name: info.alias for name, info in fields.items() if info.alias and info.alias != name}

    # --- which member of a union ---

    def fits(self, shape: Shape, value: Any) -> bool:
        """Whether a value looks like it was made for a shape: its kind, its literals, what it must have."""
        if isinstance(shape, str) and ":" not in shape:
            return shape == "any" or (isinstance(value, _KINDS[shape]) and (shape == "bool" or type(value) is not bool))
        if isinstance(shape, list):
            return self._fits_generic(shape, value)
        entry = self.entry(shape) if isinstance(shape, str) else {}
        if "t" in entry:
            return self.fits(entry["t"], value)
        if not isinstance(value, dict):
            return isinstance(shape, type) and isinstance(value, shape)
        return self._fits_model(shape, value)

    def _fits_model(self, shape: Shape, value: dict[str, Any]) -> bool:
        needed = self.needed(shape)
        for name, field in self.fields(shape).items():
            if name in value:
                if value[name] is not None and not self.fits(field, value[name]):
                    return False
            elif name in needed:
                return False
        return True

    def needed(self, shape: Shape) -> set[str]:
        if isinstance(shape, str):
            entry = self.entry(shape)
            aliases = self.aliases(shape)
            spared = {aliases.get(name, name) for name in entry.get("d", {})}
            return {
                name
                for name, field in self.fields(shape).items()
                if not (isinstance(field, list) and field[0] == "opt") and name not in spared
            }
        fields = getattr(shape, "model_fields", None) or {}
        return {info.alias or name for name, info in fields.items() if info.is_required()}

    def _fits_generic(self, shape: list[Any], value: Any) -> bool:
        kind = shape[0]
        if kind == "opt":
            return value is None or self.fits(shape[1], value)
        if kind == "lit":
            return value in shape[1:]
        if kind == "list":
            return isinstance(value, list) and all(self.fits(shape[1], item) for item in value)
        if kind == "dict":
            return isinstance(value, dict) and all(self.fits(shape[1], item) for item in value.values())
        return any(self.fits(member, value) for member in shape[2:])

    # --- as Python types ---

    def annotation(self, shape: Shape) -> Any:
        """The Python type that a shape stands for."""
        if isinstance(shape, str):
            if ":" not in shape:
                return PLAIN[shape]
            entry = self.entry(shape)
            return self.annotation(entry["t"]) if "t" in entry else self.cls(shape)
        if not isinstance(shape, list):
            return shape
        kind = shape[0]
        if kind == "lit":
            return typing.Literal[tuple(shape[1:])]
        if kind == "list":
            return list[self.annotation(shape[1])]  # type: ignore[misc]  # made at run time
        if kind == "dict":
            return dict[str, self.annotation(shape[1])]  # type: ignore[misc]  # made at run time
        if kind == "opt":
            return typing.Optional[self.annotation(shape[1])]  # noqa: UP045
        return typing.Union[tuple(self.annotation(member) for member in shape[2:])]  # noqa: UP007


_MISSING: Any = object()
_UNREAD: Any = {}
"""Stands for tags that were not looked up yet."""


def _each(converter: Converter | None) -> Converter | None:
    if converter is None:
        return None

    def convert(value: Any) -> Any:
        if type(value) is not list:
            return value
        return [None if item is None else converter(item) for item in value]

    return convert


def _values(converter: Converter | None) -> Converter | None:
    if converter is None:
        return None

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            return value
        return {key: None if item is None else converter(item) for key, item in value.items()}

    return convert


def _loosely(shape: Shape, value: Any) -> bool:
    """For a value that fits no member: the first of the same kind."""
    if isinstance(shape, list):
        return isinstance(value, list) if shape[0] == "list" else shape[0] == "dict" and isinstance(value, dict)
    return isinstance(value, dict) and (not isinstance(shape, str) or ":" in shape)


def _float(value: Any) -> Any:
    if type(value) is int:
        as_float = float(value)
        return as_float if as_float == value else value
    return value


def _moment(kind: Any) -> Converter:
    adapter: list[Any] = []

    def convert(value: Any) -> Any:
        if not adapter:
            from pydantic import TypeAdapter

            adapter.append(TypeAdapter(kind))
        try:
            return adapter[0].validate_python(value)
        except ValueError:
            return value

    return convert


_PLAIN_CONVERTERS: dict[str, Converter] = {"float": _float, "datetime": _moment(datetime), "date": _moment(date)}


def discriminator(mark: Any) -> str | None:
    """The field that an annotation names as telling a union's members apart: pydantic's way, or the vendors' own."""
    for name in ("discriminator", "field_name"):
        found = getattr(mark, name, None)
        if isinstance(found, str):
            return found
    return None


def shape_of(annotation: Any) -> Shape:
    """The shape of a Python type, as users write it in a model of their own or as ``cast_to``."""
    if getattr(annotation, "__value__", None) is not None and type(annotation).__name__ == "TypeAliasType":
        return shape_of(annotation.__value__)
    try:
        if annotation in _NAMES:
            return _NAMES[annotation]
    except TypeError:
        pass
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        inner = shape_of(args[0])
        key = next(filter(None, map(discriminator, args[1:])), None)
        if key and isinstance(inner, list) and inner[0] == "union":
            inner = ["union", key, *inner[2:]]
        return inner
    if origin in (typing.Union, types.UnionType):
        rest = [arg for arg in args if arg is not type(None)]
        inner = shape_of(rest[0]) if len(rest) == 1 else ["union", None, *map(shape_of, rest)]
        return ["opt", inner] if len(rest) < len(args) else inner
    if origin is typing.Literal:
        return ["lit", *args]
    if origin is list or annotation is list:
        return ["list", shape_of(args[0]) if args else "any"]
    if annotation is dict or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return ["dict", shape_of(args[1]) if args else "any"]
    if isinstance(annotation, typing.TypeVar):
        return "any" if annotation.__bound__ is None else shape_of(annotation.__bound__)
    if isinstance(origin, type):
        return origin if hasattr(origin, "model_fields") else "any"
    return annotation if isinstance(annotation, type) else "any"
