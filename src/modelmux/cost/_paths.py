"""The small path language in which usage readers say where a number stands. Pure lookups, compiled once.

* ``a.b.c``: keys of nested objects; a number is an index of a list.
* ``a[]``: every element of a list; ``a[k=v]`` those whose ``k`` (dotted) is ``v``; ``a[k!=v]`` those where it is
  not; ``v`` may be several spellings (``IMAGE|2``); conditions may be joined by commas; one object stands for a
  list of it. A path that meets several values adds their numbers.
* a leading ``/`` starts at the whole body instead of its usage object.
* ``#path`` counts what the path meets; ``?path`` is 1 if it meets anything.

Whatever a vendor sends, a lookup gives a number or None and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from modelmux.errors import ConfigError

Getter: TypeAlias = Callable[[Any], Any]
Number: TypeAlias = "int | float"

_LISTED = re.compile(r"(\w+)\[(\w+)=([\w|]+)\]\.(\w+)")
_STEP = re.compile(r"([^.\[\]]+)(\[[^\]]*\])?(?:\.|$)")


def value(path: str) -> Getter:
    """A lookup of a plain dotted path in a mapping: the value, or None where it is missing."""
    steps = path.split(".") if path else []
    if not steps:
        return lambda root: root
    if len(steps) == 1:
        only = steps[0]
        return lambda root: root.get(only) if isinstance(root, dict) else None
    if len(steps) == 2 and not steps[1].isdigit():
        first, second = steps

        def pair(root: Any) -> Any:
            inner = root.get(first) if isinstance(root, dict) else None
            return inner.get(second) if isinstance(inner, dict) else None

        return pair
    return lambda root: _walk(root, steps)


def _walk(root: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(root, dict):
            root = root.get(step)
        elif isinstance(root, list) and step.isdigit() and int(step) < len(root):
            root = root[int(step)]
        else:
            return None
    return root


def every(path: str) -> Callable[[Any], Iterator[Any]]:
    """A lookup of all values that a path with brackets meets."""
    steps: list[tuple[str, list[tuple[Getter, bool, list[str]]] | None]] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ConfigError(f"not a path: {path!r}", field="readers")
        name, bracket = match.groups()
        steps.append((name, None if bracket is None else [_condition(c) for c in bracket[1:-1].split(",") if c]))
        position = match.end()
    return lambda root: _meet(root, steps, 0)


def _condition(text: str) -> tuple[Getter, bool, list[str]]:
    key, negated, wanted = text.partition("!=")
    if not negated:
        key, _, wanted = text.partition("=")
    return value(key), bool(negated), wanted.split("|")


def _meet(root: Any, steps: list[Any], at: int) -> Iterator[Any]:
    if at == len(steps):
        if root is not None:
            yield root
        return
    name, conditions = steps[at]
    inner = _walk(root, [name])
    if conditions is None:
        yield from _meet(inner, steps, at + 1)
    elif isinstance(inner, list | dict):
        for item in inner if isinstance(inner, list) else (inner,):
            if all((str(get(item)) in wanted) is not negated for get, negated, wanted in conditions):
                yield from _meet(item, steps, at + 1)


def number(raw: Any) -> Number | None:
    """``raw`` if it is a finite number (digits in a string count), else None."""
    if raw.__class__ is int:
        return raw
    if isinstance(raw, float):
        return raw if raw - raw == 0 else None
    if isinstance(raw, str) and raw.strip().isdigit():
        return int(raw)
    return None


def first_step(path: str) -> str:
    """The field that a place begins at, without which it has no number; "" where that takes more than a look."""
    return "" if path[:1] in "/#?" else re.split(r"[.\[]", path, maxsplit=1)[0]


def numeric(path: str) -> tuple[bool, Getter]:
    """Compile one place: whether it is relative to the whole body, and a lookup that gives a number or None."""
    kind = path[:1] if path[:1] in "#?" else ""
    path = path.removeprefix(kind) if kind else path
    from_body, path = path.startswith("/"), path.removeprefix("/")
    if kind:
        find = every(path)
        if kind == "#":
            return from_body, lambda root: sum(1 for _ in find(root))
        return from_body, lambda root: int(next(find(root), None) is not None)
    if (listed := _LISTED.fullmatch(path)) is not None:
        return from_body, _of_kind(*listed.groups())
    if "[" in path:
        find = every(path)

        def added(root: Any) -> Number | None:
            numbers = [n for n in map(number, find(root)) if n is not None]
            return sum(numbers) if numbers else None

        return from_body, added
    steps = path.split(".")
    if len(steps) == 1 and path:
        # The common shapes are spelled out: a reader tries a dozen of them on every reply.
        def direct(root: Any) -> Number | None:
            raw = root.get(path) if root.__class__ is dict else None
            return raw if raw is None or raw.__class__ is int else number(raw)

        return from_body, direct
    if len(steps) == 2 and not steps[1].isdigit():
        first, second = steps

        def nested(root: Any) -> Number | None:
            inner = root.get(first) if root.__class__ is dict else None
            raw = inner.get(second) if inner.__class__ is dict else None
            return raw if raw is None or raw.__class__ is int else number(raw)

        return from_body, nested
    get = value(path)
    return from_body, lambda root: number(get(root))


def _of_kind(name: str, key: str, wanted: str, leaf: str) -> Getter:
    """``name[key=wanted].leaf``: the sum over the items of one kind."""
    kinds: tuple[str | int, ...] = (*wanted.split("|"), *(int(word) for word in wanted.split("|") if word.isdigit()))

    def added(root: Any) -> Number | None:
        items = root.get(name) if root.__class__ is dict else None
        if items.__class__ is not list:
            return None
        total: Number | None = None
        for item in items:
            if item.__class__ is dict and item.get(key) in kinds and (found := number(item.get(leaf))) is not None:
                total = found if total is None else total + found
        return total

    return added


def amount(raw: Any) -> Decimal | None:
    """An amount of money as an exact decimal; a float is read by its shortest form."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        exact = Decimal(str(raw))
    except ArithmeticError:
        return None
    return exact if exact.is_finite() else None


def texts(paths: list[str]) -> Callable[[Mapping[str, Any]], str | None]:
    """The first non-empty string among ``paths``."""
    getters = [value(path) for path in paths]

    def first(body: Mapping[str, Any]) -> str | None:
        for get in getters:
            found = get(body)
            if isinstance(found, str) and found:
                return found
        return None

    return first
