"""Streams written event by event, by a writer with a method for each kind of event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from modelmux.types import Event


class Writer(Protocol):
    out: list[bytes]
    """What is written and not yet handed over."""


W = TypeVar("W", bound=Writer)


def written(events: Iterable[Event], writer: W, handlers: Mapping[type, Callable[[W, Any], None]]) -> Iterator[bytes]:
    """One item of bytes for every event of ours that says anything; the first choice only."""
    for event in events:
        handle = handlers.get(type(event))
        if handle is not None and getattr(event, "choice", 0) == 0:
            handle(writer, event)
            if writer.out:
                yield b"".join(writer.out)
                writer.out.clear()
