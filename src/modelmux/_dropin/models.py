"""Result models: pydantic to the outside, cheap inside.

:class:`BaseModel` is what users subclass. :class:`Made` is the base of the classes that tables describe: such a class
has no pydantic schema of its own. Its fields exist as :class:`~pydantic.fields.FieldInfo` once somebody asks for
them; an instance is filled straight from JSON (:mod:`modelmux._dropin.filling`), and nothing is validated.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import pydantic
from pydantic._internal._model_construction import ModelMetaclass
from pydantic_core import SchemaSerializer, core_schema

from modelmux._dropin import dumping
from modelmux._dropin.fields import fields_of
from modelmux._dropin.filling import build, fill, note, plan_of
from modelmux._dropin.shapes import Shapes

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class Meta(ModelMetaclass):
    """Lets a class of the tables be made without a schema, and its fields when they are asked for."""

    def __new__(mcs, name: str, bases: Any, space: dict[str, Any], *, made: bool = False, **options: Any) -> Any:
        if made:
            return abc.ABCMeta.__new__(mcs, name, bases, space)
        cls = super().__new__(mcs, name, bases, space, **options)
        if "__pydantic_extra__" in cls.__dict__:
            type.__delattr__(cls, "__pydantic_extra__")  # `= Field(init=False)` would hide the slot of every instance
        return cls

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
