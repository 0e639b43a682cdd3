"""What a request asks of modelmux beside what it asks of a model: in headers, in the body, or by who made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelmux._json import loads
from modelmux.errors import InvalidRequest, UnknownName

PREFIX = "x-modelmux-"
"""How our request headers begin. None of them is sent on."""

BODY_FIELD = "modelmux"
"""The body's field with the same options. It is taken out."""

ON_BREAK = ("raise", "resume", "buffer")
"""What a stream in a vendor's format may do when it breaks: no such format can say that it begins anew."""


def taken(headers: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Headers without ours; and ours, without their prefix."""
    ours = {name[len(PREFIX) :]: value for name, value in headers.items() if name.startswith(PREFIX)}
    if not ours:
        return dict(headers), ours
    return {name: value for name, value in headers.items() if not name.startswith(PREFIX)}, ours


def options(by_maker: Mapping[str, Any], headers: Mapping[str, str], body: Any) -> dict[str, Any]:
    """The options of the call, checked as far as their kind goes; the later of the three wins, but tags join and the
    maker's hold. Raises InvalidRequest naming the one that is wrong.
    """
    if body is not None and not isinstance(body, Mapping):
        raise InvalidRequest(f"{BODY_FIELD} must be an object", field=BODY_FIELD)
    out = dict(by_maker)
    tags: dict[str, str] = {}
    for place, given in (("header " + PREFIX, headers), (BODY_FIELD + ".", body or {})):
        for name, value in given.items():
            known = str(name).replace("-", "_").lower()
            read = _READERS.get(known)
            if read is None:
                raise InvalidRequest(str(UnknownName("option", place + str(name), _READERS)), field=place + str(name))
            try:
                said = read(value)
            except (ValueError, TypeError, KeyError):
                raise InvalidRequest(
                    f"{place}{name}: {value!r} is not what it takes", field=place + str(name)
                ) from None
            if known == "tags":
                tags.update(said)
            else:
                out[known] = said
    if tags or "tags" in out:
        out["tags"] = {**tags, **(by_maker.get("tags") or {})}
    return out


def _words(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else list(value)
    return tuple(stripped for word in words if (stripped := str(word).strip()))


def _mapping(value: Any) -> dict[str, str]:
    """``{"user": "42"}``, or ``user=42, team=a``."""
    if isinstance(value, str):
        value = loads(value) if value.lstrip().startswith("{") else dict(_pair(word) for word in _words(value))
    return {str(name): str(item) for name, item in dict(value).items()}


def _pair(word: str) -> tuple[str, str]:
    name, found, value = word.partition("=")
    if not found:
        raise ValueError(word)
    return name.strip(), value.strip()


def _seconds(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _money(value: Any) -> Any:
    return value.strip().removeprefix("$") if isinstance(value, str) else value


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}[str(value).strip().lower()]


def _break(value: Any) -> str:
    if value not in ON_BREAK:
        raise ValueError(value)
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.strip()


_READERS: dict[str, Callable[[Any], Any]] = {
    "policy": _text,
    "max_cost": _money,
    "deadline": _seconds,
    "ttft": _seconds,
    "on_break": _break,
    "tags": _mapping,
    "require": _words,
    "exclude": _words,
    "region": _text,
    "strict": _switch,
    "models": _words,
}

OPTIONS: tuple[str, ...] = tuple(_READERS)
"""The options that a request may set."""
