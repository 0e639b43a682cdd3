"""Usage readers for the wires. They live with the prices, which no wire imports until a body has to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from modelmux.types import Usage


@cache
def _reader(name: str) -> Callable[[Mapping[str, Any]], Usage]:
    from modelmux.cost.usage import reader  # reads provider rows: not at import

    read: Callable[[Mapping[str, Any]], Usage] = reader(name)
    return read


def read_usage(name: str, body: Mapping[str, Any]) -> Usage:
    """The usage in ``body``, as the reader called ``name`` understands it."""
    return _reader(name)(body)
