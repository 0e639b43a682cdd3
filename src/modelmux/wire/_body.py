"""A request's body: the frame around what each format says in words of its own.

A body's fields are values of a Request (:data:`Scalars`), or need a function each (:data:`Take`), or are kept as they
came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from modelmux.errors import InvalidRequest
from modelmux.types import Request, Warning
from modelmux.wire._across import arrived
from modelmux.wire._names import NameRule
from modelmux.wire._source import Encode, from_source

T = TypeVar("T")

Scalars: TypeAlias = Mapping[str, tuple[str, Callable[[Any], bool]]]
"""Fields of one plain value: name on the wire -> name in a Request, and what the value must be to be understood."""

Take: TypeAlias = Callable[[Any, dict[str, Any], dict[str, Any]], bool]
"""Takes a field's value, the values of a Request so far, and what is kept beside them; says whether it understood."""


# --- decoding ------------------------------------------------------------------------------------------------


def taken_apart(
    body: Any, scalars: Scalars, takes: Mapping[str, Take], conversation: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of a Request that a body says, and what is kept beside them. The field of the ``conversation`` is left
    alone. Raises InvalidRequest where it is missing, or the body is no object.
    """
    if not isinstance(body, dict):
        raise InvalidRequest("the request must be a JSON object")
    if conversation and conversation not in body:
        raise InvalidRequest(f"{conversation} is missing", field=conversation)
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in body.items():
        scalar, take = scalars.get(name), takes.get(name)
        if scalar is not None and scalar[1](value):
            values[scalar[0]] = value
        elif not (take is not None and take(value, values, extra)) and name != conversation:
            extra[name] = value
    return values, extra


def take_scalars(scalars: Scalars, fields: dict[str, Any], values: dict[str, Any]) -> None:
    """What is understood of an object's ``fields`` goes from there into ``values``."""
    for name, (attr, understood) in scalars.items():
        if name in fields and understood(fields[name]):
            values[attr] = fields.pop(name)


def into(attr: str, decode: Callable[[Any], Any]) -> Take:
    """A field that ``decode`` makes one value of, or None."""

    def take(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
        found = decode(value)
        if found is not None:
            values[attr] = found
        return found is not None

    return take


def each(decode: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...] | None]:
    """Decodes the items of a list with something in it."""
    return lambda value: tuple(map(decode, value)) if isinstance(value, list) and value else None


def take_stream(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    """``stream``, with its spelling."""
    values["stream"] = value is True
    extra["$stream"] = value
    return True


# --- encoding ------------------------------------------------------------------------------------------------


def encoded(
    req: Request, wire: str, encode: Encode, rule: NameRule | None = None, *, as_came: bool = True, **asked: Any
) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say: what changed of the body that the request came in, or all anew.

    ``encode`` has no regard to where the request came from; ``as_came`` is unset where that body was another vendor's.
    ``asked``: values of the request that are given beside it.
    """
    asked = {name: value for name, value in asked.items() if getattr(req, name) != value}
    wanted, lost = arrived(replace(req, **asked) if asked else req, wire, rule)
    said = from_source(wanted, wire, encode) if as_came else None
    body, warnings = said if said is not None else encode(wanted)
    return body, [*lost, *warnings]


def say_scalars(scalars: Scalars, req: Request, fields: dict[str, Any]) -> None:
    for name, (attr, _) in scalars.items():
        value = getattr(req, attr)
        if value is not None:
            fields[name] = value


def say_call(body: dict[str, Any], model: str, stream: bool, before: Any) -> None:
    """``model``, left out where it is empty, and ``stream``. ``before``: how the caller spelled it, True where not."""
    if model:
        body["model"] = model
    if stream:
        body["stream"] = True
    elif before is True:
        body.pop("stream", None)
    else:
        body["stream"] = before
