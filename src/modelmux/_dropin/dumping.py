"""Models back into plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic

from modelmux._dropin.filling import plan_of


class Manner:
    """How to dump: pydantic's keywords of ``model_dump``. Those that only matter to validated data are not used."""

    __slots__ = ("by_alias", "exclude", "exclude_defaults", "exclude_none", "exclude_unset", "include", "mode", "plain")

    def __init__(
        self,
        mode: str = "python",
        include: Any = None,
        exclude: Any = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        **unused: Any,
    ) -> None:
        unknown = unused.keys() - _UNUSED
        if unknown:
            raise TypeError(f"model_dump() got an unexpected keyword argument {min(unknown)!r}")
        self.mode, self.include, self.exclude = mode, include, exclude
        self.by_alias, self.exclude_unset = bool(by_alias), exclude_unset
        self.exclude_defaults, self.exclude_none = exclude_defaults, exclude_none
        self.plain = include is None and exclude is None

    def below(self, include: Any, exclude: Any) -> Manner:
        if self.plain and include is None and exclude is None:
            return self
        return Manner(
            self.mode,
            include,
            exclude,
            self.by_alias,
            self.exclude_unset,
            self.exclude_defaults,
            self.exclude_none,
        )

    def foreign(self) -> dict[str, Any]:
        """The same for a model that is none of ours."""
        names = ("mode", "by_alias", "exclude_unset", "exclude_defaults", "exclude_none", "include", "exclude")
        return {name: getattr(self, name) for name in names}


_UNUSED = frozenset(
    {
        "round_trip",
        "warnings",
        "context",
        "serialize_as_any",
        "fallback",
        "exclude_computed_fields",
        "polymorphic_serialization",
        "ensure_ascii",
    }
)
_SCALARS = frozenset({str, int, float, bool, type(None)})


def dump(model: Any, manner: Manner) -> Any:
    """A model's fields, then what it has beside them; not those that its class names in ``_hidden_``."""
    plan = plan_of(type(model))
    given, out = model.__pydantic_fields_set__, {}
    wire = {name: key for key, name in plan.renamed.items()} if manner.by_alias else {}
    everything = model.__dict__
    if model.__pydantic_extra__:
        everything = {**everything, **model.__pydantic_extra__}
    hidden = getattr(model, "_hidden_", None)
    if hidden:
        everything = {name: value for name, value in everything.items() if name not in hidden}
    for name, value in everything.items():
        if manner.exclude_unset and name not in given and name in plan.names:
            continue
        if manner.exclude_none and value is None:
            continue
        if manner.exclude_defaults and name in plan.template and plan.template[name] == value:
            continue
        if manner.plain:
            out[wire.get(name, name)] = value if type(value) in _SCALARS else plain(value, manner)
            continue
        keep, include, exclude = _selected(name, manner)
        if keep:
            out[wire.get(name, name)] = plain(value, manner.below(include, exclude))
    return out


def _selected(name: Any, manner: Manner) -> tuple[bool, Any, Any]:
    """Whether a key stays, and what to include and exclude below it."""
    include = _part(manner.include, name)
    exclude = _part(manner.exclude, name)
    if (manner.include is not None and include is None) or exclude is True:
        return False, None, None
    return True, None if include is True else include, exclude


def _part(selection: Any, name: Any) -> Any:
    """What a selection says of a key: None for nothing, True for all of it, else what it says of what is below."""
    if selection is None:
        return None
    if isinstance(selection, Mapping):
        found = selection.get(name, selection.get("__all__"))
        return True if found is ... else (found or None)
    return True if name in selection else None


def plain(value: Any, manner: Manner) -> Any:
    """Any value as plain data."""
    from modelmux._dropin.models import Made

    if isinstance(value, Made):
        return dump(value, manner)
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(**manner.foreign())
    if isinstance(value, dict):
        if manner.plain:
            return {key: plain(item, manner) for key, item in value.items()}
        found = {key: (_selected(key, manner), item) for key, item in value.items()}
        return {k: plain(v, manner.below(inc, exc)) for k, ((keep, inc, exc), v) in found.items() if keep}
    if isinstance(value, list | tuple):
        if manner.plain:
            return [plain(item, manner) for item in value]
        rows = [(_selected(index, manner), item) for index, item in enumerate(value)]
        return [plain(item, manner.below(inc, exc)) for (keep, inc, exc), item in rows if keep]
    if manner.mode == "json" and type(value) not in _SCALARS:
        from pydantic_core import to_jsonable_python

        return to_jsonable_python(value)
    return value
