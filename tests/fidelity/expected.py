"""What an answer should decode to, and how to read plain JSON without caring whether it is well formed.

The modules beside this one (``chat``, ``anthropic``, ``gemini``, ``refusals``, joined in ``oracle``) fill it in by
path look-ups. None of them imports the library they judge.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    """A tool call; ``id`` is None where the vendor gave none (a codec then has to make one up)."""

    id: str | None
    name: str
    text: str = ""

    @property
    def arguments(self) -> dict[str, Any]:
        return object_in(self.text)


@dataclass
class Answer:
    """One choice."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[Call] = field(default_factory=list)
    finish: str = "stop"


@dataclass
class Failure:
    """The class a failure has (of several, any will do), and its retry class where the class does not say it."""

    classes: tuple[str, ...]
    retry: str | None = None


@dataclass
class Whole:
    """A recording, read."""

    answers: list[Answer]
    units: dict[str, int]
    model: str | None


Expected = Whole | Failure


def at(value: Any, *path: str | int) -> Any:
    """The value at a path, None where it does not lead anywhere."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
    return value


def rows(value: Any, *path: str | int) -> list[Any]:
    """The objects in the list at a path."""
    found = at(value, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def words(value: Any, *path: str | int) -> str:
    """The string at a path, "" where there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def count(value: Any, *path: str | int) -> int:
    """The number at a path, 0 where there is none."""
    found = at(value, *path)
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else 0


def object_in(text: str) -> dict[str, Any]:
    """The JSON object a text holds, {} where it holds none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def documents(body: bytes) -> Iterator[dict[str, Any]]:
    """Every JSON object of a body: a whole answer, an array of chunks, an object a line, or the data of
    server-sent events."""
    text = body.decode("utf-8")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if found is not None:
        yield from (item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict))
        return
    if text.startswith("{"):
        yield from (json.loads(line) for line in text.split("\n") if line.strip())
        return
    for block in text.replace("\r\n", "\n").split("\n\n"):
        data = "\n".join(line[5:].lstrip(" ") for line in block.split("\n") if line.startswith("data:"))
        if data and data.strip() != "[DONE]":
            found = json.loads(data)
            if isinstance(found, dict):
                yield found


def merged(target: dict[str, Any], later: Any) -> dict[str, Any]:
    """Cumulative counters: a later value wins, one that is missing or null leaves the earlier one."""
    if isinstance(later, dict):
        target.update({key: value for key, value in later.items() if value is not None})
    return target


def positive(units: dict[str, int]) -> dict[str, int]:
    return {unit: number for unit, number in units.items() if number > 0}
