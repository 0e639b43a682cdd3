"""Result models: pydantic to the outside, cheap inside.

:class:`BaseModel` is what users subclass. :class:`Made` is the base of the classes that tables describe: such a class
has no pydantic schema of its own. Its fields exist as :class:`~pydantic.fields.FieldInfo` once somebody asks for
them; an instance is filled straight from JSON, by a *plan* that knows which fields need converting; unknown fields are
kept as extra ones, wrong types are kept as they are, and nothing is validated.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import pydantic
from pydantic._internal._model_construction import ModelMetaclass
from pydantic_core import SchemaSerializer, core_schema

from modelmux._dropin import dumping
from modelmux._dropin.shapes import Shape, Shapes, discriminator, shape_of

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

MISSING: Any = object()


class Plan:
    """How a class is filled. ``template`` has every field in order, with what it is when it was not sent."""

    __slots__ = ("converters", "fresh", "names", "renamed", "template")

    def __init__(self, fields: Mapping[str, tuple[str, Any, Any]]) -> None:
        """``fields``: name -> (name on the wire, default or MISSING, converter or None)."""
        # What must be there and is not, is None, as in the vendors' SDKs: an answer never fails for what it lacks.
        self.template = {name: None if default is MISSING else default for name, (_, default, _) in fields.items()}
        self.names = frozenset(fields)
        self.fresh = [name for name, default in self.template.items() if isinstance(default, list | dict)]
        self.converters = [(name, converter) for name, (_, _, converter) in fields.items() if converter is not None]
        self.renamed = {wire: name for name, (wire, _, _) in fields.items() if wire != name}


class Meta(ModelMetaclass):
    """Lets a class of the tables be made without a schema, and its fields when they are asked for."""

    def __new__(mcs, name: str, bases: Any, space: dict[str, Any], *, made: bool = False, **options: Any) -> Any:
        if made:
            return abc.ABCMeta.__new__(mcs, name, bases, space)
        return super().__new__(mcs, name, bases, space, **options)

    @property
    def __pydantic_fields__(self) -> dict[str, FieldInfo]:
        found = self.__dict__.get("_own_fields_")
        if found is None:
            found = fields_of(self) if "_table_" in self.__dict__ else {}
            type.__setattr__(self, "_own_fields_", found)
        return found

    @__pydantic_fields__.setter
    def __pydantic_fields__(self, fields: dict[str, FieldInfo]) -> None:
        type.__setattr__(self, "_own_fields_", fields)

    @property
    def __pydantic_fields_complete__(self) -> bool:
        found = self.__dict__.get("_own_fields_")
        return found is not None and all(info._complete for info in found.values())


class BaseModel(pydantic.BaseModel, metaclass=Meta):
    """A model that keeps what it does not know. Subclass it to describe answers of your own."""

    model_config = pydantic.ConfigDict(extra="allow", defer_build=True)
    _shapes_: ClassVar[Shapes]

    @property
    def __pydantic_fields__(self) -> dict[str, FieldInfo]:  # type: ignore[override]  # the class's own, looked up late
        return cast("dict[str, FieldInfo]", type(self).__pydantic_fields__)

    @property
    def _request_id(self) -> str | None:
        """The vendor's id of the request that this came from."""
        return (self.__pydantic_private__ or {}).get("_request_id")

    @_request_id.setter
    def _request_id(self, value: str | None) -> None:
        note(self, "_request_id", value)

    @property
    def _modelmux(self) -> Any:
        """What happened and what it cost, where the call was routed; else None."""
        return (self.__pydantic_private__ or {}).get("_modelmux")

    def to_dict(
        self,
        *,
        mode: str = "python",
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> dict[str, Any]:
        """As a dictionary; by default what the vendor sent, under the vendor's names."""
        return self.model_dump(
            mode=mode,
            by_alias=use_api_names,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
            warnings=warnings,
        )

    def to_json(
        self,
        *,
        indent: int | None = 2,
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        warnings: bool = True,
    ) -> str:
        """As JSON text; by default what the vendor sent, under the vendor's names."""
        return self.model_dump_json(
            indent=indent,
            by_alias=use_api_names,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
            warnings=warnings,
        )

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__repr_args__())})"

    @classmethod
    def construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """An instance made of what is given, nested values converted, nothing validated."""
        return cast("Self", build(cls, values, _fields_set))

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """See :meth:`construct`."""
        return cast("Self", build(cls, values, _fields_set))


class Made(BaseModel):
    """The base of the classes that tables describe."""

    _table_: ClassVar[Any] = None

    def __init__(self, /, **values: Any) -> None:
        fill(self, type(self), values, None)
        self.model_post_init(None)

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """An instance made of a mapping, an instance or JSON-like value; nothing is validated."""
        if isinstance(obj, cls):
            return obj
        if isinstance(obj, pydantic.BaseModel):
            obj = obj.model_dump(exclude_unset=True)
        if not isinstance(obj, Mapping):
            raise TypeError(f"expected a mapping for {cls.__name__}, got {type(obj).__name__}")
        return cast("Self", build(cls, obj))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> Self:
        """An instance made of JSON text. Raises ValueError when it is none."""
        from modelmux._json import loads

        return cls.model_validate(loads(bytes(json_data) if isinstance(json_data, bytearray) else json_data))

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """As a dictionary; ``exclude_unset=True`` gives what was sent."""
        found: dict[str, Any] = dumping.dump(self, dumping.Manner(**options))
        return found

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """As JSON text."""
        from pydantic_core import to_json

        options.pop("ensure_ascii", None)
        return to_json(dumping.dump(self, dumping.Manner(**{**options, "mode": "json"})), indent=indent).decode()

    dict = model_dump
    json = model_dump_json

    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] == "_":
            object.__setattr__(self, name, value)
        elif name in plan_of(type(self)).names or isinstance(getattr(type(self), name, None), property):
            self.__dict__[name] = value
            self.__pydantic_fields_set__.add(name)
        else:
            if self.__pydantic_extra__ is None:
                object.__setattr__(self, "__pydantic_extra__", {})
            self.__pydantic_extra__[name] = value  # type: ignore[index]  # made above
            self.__pydantic_fields_set__.add(name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Made):
            return NotImplemented
        same_type = type(self) is type(other)
        return same_type and self.__dict__ == other.__dict__ and self.__pydantic_extra__ == other.__pydantic_extra__

    __hash__ = None  # type: ignore[assignment]  # instances change

    @classmethod
    def __class_getitem__(cls, item: Any) -> Any:
        """``Parsed[Answer]``: the same class; what it parses into is known to the call, not to the class."""
        from types import GenericAlias

        return GenericAlias(cls, item)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        if "_table_" not in cls.__dict__:
            return handler(source)
        return core_schema.no_info_plain_validator_function(
            cls._accept,
            serialization=core_schema.plain_serializer_function_ser_schema(_serialise, info_arg=True),
        )

    @classmethod
    def _accept(cls, value: Any) -> Self:
        try:
            return cls.model_validate(value)
        except TypeError as error:
            raise ValueError(str(error)) from None

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        # What is nested stays open: nothing of it is validated either.
        return {"type": "object", "title": cls.__name__, "additionalProperties": True}

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> Any:
        """The JSON schema of the fields as the vendor declares them."""
        from modelmux._dropin.strict import twin

        return twin(cls).model_json_schema(*args, **options)


def _serialise(value: Any, info: Any) -> Any:
    if not isinstance(value, Made):
        return value
    manner = dumping.Manner(
        mode=info.mode,
        by_alias=info.by_alias,
        exclude_unset=info.exclude_unset,
        exclude_defaults=info.exclude_defaults,
        exclude_none=info.exclude_none,
        include=info.include,
        exclude=info.exclude,
    )
    return dumping.dump(value, manner)


# One serializer for every class of the tables: it asks the instance.
type.__setattr__(
    Made,
    "__pydantic_serializer__",
    SchemaSerializer(
        core_schema.any_schema(
            serialization=core_schema.plain_serializer_function_ser_schema(_serialise, info_arg=True)
        )
    ),
)


# --- filling ---

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
        plan = Plan(_from_table(cls) if "_table_" in cls.__dict__ else _from_fields(cls))
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


def columns(cls: Any) -> dict[str, tuple[str, Shape, Any]]:
    """Field -> (name on the wire, shape, default or MISSING) of a class of the tables, its bases' first."""
    out: dict[str, tuple[str, Shape, Any]] = {}
    for base in reversed(cls.__mro__):
        table = base.__dict__.get("_table_")
        if not table:
            continue
        aliases, defaults, needed = table.get("a", {}), table.get("d", {}), table.get("r", ())
        for name, shape in table.get("f", {}).items():
            optional = isinstance(shape, list) and shape[0] == "opt" and name not in needed
            out[name] = (aliases.get(name, name), shape, defaults.get(name, None if optional else MISSING))
    return out


def fields_of(cls: Any) -> dict[str, FieldInfo]:
    """What pydantic would know of the fields of a class of the tables."""
    from pydantic.fields import FieldInfo

    shapes: Shapes = cls._shapes_
    hidden = {name for base in cls.__mro__ for name in (base.__dict__.get("_table_") or {}).get("h", ())}
    out = {}
    for name, (wire, shape, default) in columns(cls).items():
        settings: dict[str, Any] = {} if default is MISSING else {"default": default}
        if name in hidden:
            settings["repr"] = False  # a secret
        if wire != name:
            settings |= {"alias": wire, "alias_priority": 2, "validation_alias": wire, "serialization_alias": wire}
        info = FieldInfo(annotation=shapes.annotation(shape), **settings)
        if isinstance(shape, list) and shape[0] == "union" and shape[1]:
            info.metadata = [Discriminator(shape[1])]
        out[name] = info
    return out


class Discriminator:
    """Which field of a union's members tells them apart."""

    __slots__ = ("discriminator",)

    def __init__(self, discriminator: str) -> None:
        self.discriminator = discriminator


def make(name: str, module: str, bases: tuple[type, ...], table: Mapping[str, Any], shapes: Shapes) -> type:
    """A class of the tables."""
    space = {"__module__": module, "__qualname__": name, "_table_": table, "_shapes_": shapes, "__doc__": None}
    made: type = Meta(name, bases, space, made=True)
    return made


def bases_for(package: str, shapes: Callable[[], Shapes]) -> tuple[type[BaseModel], type[Made]]:
    """A drop-in's own ``BaseModel``, and the base of its tables' classes, which is one of them."""

    class Late:
        """The registry's shapes: it is made of these classes, so they cannot be given it."""

        def __get__(self, instance: Any, owner: type) -> Shapes:
            return shapes()

    home = {"__module__": f"{package}._models", "__qualname__": "BaseModel", "_shapes_": Late(), "__annotations__": {}}
    model = Meta("BaseModel", (BaseModel,), {**home, "__doc__": BaseModel.__doc__})
    made = Meta("BaseModel", (Made, model), {**home, "__doc__": Made.__doc__}, made=True)
    return model, made
