"""The base of the types. Answers are filled leniently, as in every drop-in; what callers build is looked at: a field
that does not exist and a value of the wrong kind are pydantic's ValidationError, dicts become the types that they stand
for, and fields may be named in either spelling.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Self, cast

import pydantic
from pydantic_core import InitErrorDetails, ValidationError, core_schema, to_jsonable_python

from modelmux._dropin import dumping
from modelmux._dropin.fields import MISSING, columns
from modelmux._dropin.filling import plan_of
from modelmux._dropin.shapes import Shape
from modelmux.google.genai._coerce import PLAIN, Refused
from modelmux.google.genai._registry import Made, registry

Take = Callable[[Any], Any]


class Model(Made, made=True):  # type: ignore[call-arg,misc,valid-type]  # a base and an argument of the metaclass
    """A type of this vendor's interface."""

    def __init__(self, /, **values: Any) -> None:
        _filled(self, type(self), values)

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """An instance made of a mapping or another model. Raises pydantic's ValidationError."""
        try:
            return cast("Self", _taken(cls, obj))
        except Refused as refused:
            raise told(cls, refused.each()) from None

    def model_dump(self, *, mode: str = "python", **options: Any) -> dict[str, Any]:
        """As a dictionary. ``mode="json"`` writes bytes in base64 and enums as their values."""
        found: dict[str, Any] = dumping.dump(self, dumping.Manner(**options))
        return cast("dict[str, Any]", jsonable(found)) if mode == "json" else found

    def model_dump_json(self, *, indent: int | None = None, ensure_ascii: bool = False, **options: Any) -> str:
        """As JSON text."""
        import json

        separators = None if indent else (",", ":")
        found = self.model_dump(**{**options, "mode": "json"})
        return json.dumps(found, indent=indent, ensure_ascii=ensure_ascii, separators=separators)

    def to_json_dict(self) -> dict[str, Any]:
        """As plain JSON values, without what is None."""
        return self.model_dump(exclude_none=True, mode="json")

    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] != "_" and name not in plan_of(type(self)).names and not hasattr(type(self), name):
            raise ValueError(f'"{type(self).__name__}" object has no field "{name}"')
        super().__setattr__(name, value)

    def __repr_args__(self) -> Any:
        return ((name, value) for name, value in super().__repr_args__() if value is not None)

    @classmethod
    def _accept(cls, value: Any) -> Self:
        return cls.model_validate(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls._accept,
            serialization=core_schema.plain_serializer_function_ser_schema(_serialised, info_arg=True),
        )


def _serialised(value: Any, info: Any) -> Any:
    names = ("mode", "by_alias", "exclude_unset", "exclude_defaults", "exclude_none", "include", "exclude")
    return value.model_dump(**{name: getattr(info, name) for name in names}) if isinstance(value, Model) else value


def jsonable(value: Any) -> Any:
    """Dumped values as JSON has them: bytes in the URL-safe alphabet of base64."""
    if isinstance(value, str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).decode()
    if isinstance(value, Mapping):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else to_jsonable_python(value)


class Inputs:
    """How one class takes what callers give: key in either spelling -> the field and what its values are made with."""

    __slots__ = ("fields", "required", "template")

    def __init__(self, cls: Any) -> None:
        found = columns(cls)
        self.template = plan_of(cls).template
        self.required = frozenset(name for name, (_, _, default) in found.items() if default is MISSING)
        self.fields: dict[str, tuple[str, Take | None]] = {}
        for name, (wire, shape, _) in found.items():
            row = (name, getattr(cls, f"_take_{name}", None) or taker(shape))
            self.fields[name] = self.fields[wire] = row
        for wire, name in plan_of(cls).renamed.items():
            self.fields.setdefault(wire, self.fields[name])


def inputs_of(cls: Any) -> Inputs:
    found: Inputs | None = cls.__dict__.get("_inputs_")
    if found is None:
        found = Inputs(cls)
        type.__setattr__(cls, "_inputs_", found)
    return found


def _filled(self: Any, cls: Any, given: Mapping[str, Any]) -> Any:
    """Fill an instance with what a caller gives. Raises ValidationError, with everything that is wrong."""
    inputs = inputs_of(cls)
    values, wrong, named = inputs.template.copy(), [], set()
    for key, value in given.items():
        row = inputs.fields.get(key)
        if row is None:
            wrong.append(Refused("extra_forbidden", value, (key,)))
            continue
        name, take = row
        if value is not None and take is not None:
            try:
                value = take(value)
            except Refused as refused:
                wrong += refused.below(key).each()
                continue
        values[name] = value
        named.add(name)
    wrong += [Refused("missing", given, (name,)) for name in inputs.required - named]
    if wrong:
        raise told(cls, wrong)
    put = object.__setattr__
    put(self, "__dict__", values)
    put(self, "__pydantic_fields_set__", named)
    put(self, "__pydantic_extra__", {})
    put(self, "__pydantic_private__", None)
    return self


def told(cls: Any, wrong: list[Refused]) -> ValidationError:
    details: list[InitErrorDetails] = [
        {"type": one.kind, "loc": one.where, "input": one.value, **({"ctx": one.context} if one.context else {})}  # type: ignore[typeddict-item]
        for one in wrong
    ]
    return ValidationError.from_exception_data(cls.__name__, details)


def _taken(cls: Any, value: Any) -> Any:
    """A value as an instance of a class. Raises Refused."""
    if isinstance(value, cls):
        return value
    if isinstance(value, Mapping):
        given = value
    elif isinstance(value, pydantic.BaseModel):
        # Another model, such as the vendor's own of the same name.
        given = {name: item for name in type(value).model_fields if (item := getattr(value, name, None)) is not None}
        if given.keys() - inputs_of(cls).fields.keys():
            raise Refused("model_type", value, class_name=cls.__name__)
    else:
        raise Refused("model_type", value, class_name=cls.__name__)
    try:
        return _filled(object.__new__(cls), cls, given)
    except ValidationError as error:
        all_of_it = [
            Refused(one["type"], one["input"], tuple(one["loc"]), **one.get("ctx", {}))
            for one in error.errors(include_url=False)
        ]
        all_of_it[0].others = all_of_it[1:]
        raise all_of_it[0] from None


# --- by shape ---

_takers: dict[str, Take | None] = {}


def taker(shape: Shape) -> Take | None:
    """What makes values of a shape of what callers give; None where anything goes."""
    if isinstance(shape, str):
        if shape not in _takers:
            _takers[shape] = _named(shape)
        return _takers[shape]
    kind = shape[0]
    if kind == "opt":
        return taker(shape[1])
    if kind == "list":
        return _list(taker(shape[1]))
    if kind == "dict":
        return _dict(taker(shape[1]))
    if kind == "lit":
        return _literal(frozenset(shape[1:]))
    return _union(shape[2:])


def _named(name: str) -> Take | None:
    if ":" not in name:
        return PLAIN.get(name)
    entry = registry.entry(name)
    if "t" in entry:
        return _later(lambda: taker(entry["t"]))
    if "e" in entry:
        return _word(name)
    if "f" in entry:
        return lambda value: _taken(registry.cls(name), value)
    return None


def _later(make: Callable[[], Take | None]) -> Take:
    made: list[Take | None] = []

    def take(value: Any) -> Any:
        if not made:
            made.append(make())
        return value if made[0] is None else made[0](value)

    return take


def _word(name: str) -> Take:
    def take(value: Any) -> Any:
        if isinstance(value, Enum) and isinstance(value, registry.cls(name)):
            return value
        if isinstance(value, str):
            return registry.cls(name)(value.value if isinstance(value, Enum) else value)
        raise Refused("enum", value, expected=name.partition(":")[2])

    return take


def _list(item: Take | None) -> Take:
    def take(value: Any) -> Any:
        if not isinstance(value, list | tuple | set | frozenset):
            raise Refused("list_type", value)
        if item is None:
            return list(value)
        out = []
        for index, one in enumerate(value):
            try:
                out.append(one if one is None else item(one))
            except Refused as refused:
                raise refused.below(index) from None
        return out

    return take


def _dict(item: Take | None) -> Take:
    def take(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Refused("dict_type", value)
        if item is None:
            return dict(value)
        out = {}
        for key, one in value.items():
            try:
                out[key] = one if one is None else item(one)
            except Refused as refused:
                raise refused.below(key) from None
        return out

    return take


def _literal(words: frozenset[Any]) -> Take:
    def take(value: Any) -> Any:
        if value in words:
            return value
        raise Refused("literal_error", value, expected=" or ".join(map(repr, sorted(words))))

    return take


def _union(members: list[Shape]) -> Take | None:
    takers = [taker(member) for member in members]

    def take(value: Any) -> Any:
        if isinstance(value, Model):
            return value
        last: Refused | None = None
        for each in takers:
            try:
                return value if each is None else each(value)
            except Refused as refused:
                last = refused
        raise last or Refused("model_type", value, class_name="union")

    return None if "any" in members else take
