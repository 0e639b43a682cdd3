"""Performing flows as streams of what they emit, with blocking calls or on an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from modelmux._dropin.flow import aperformed, arun, performed, run
from modelmux.google.genai._api import EMIT, PULL, Flow


def emitted(steps: Flow, wire: Any) -> Iterator[Any]:
    """What a flow emits, as it comes. Leaving early closes the connection."""
    result: Any = None
    error: Exception | None = None
    bodies: dict[Any, Iterator[bytes]] = {}
    try:
        while True:
            try:
                kind, argument = steps.send(result) if error is None else steps.throw(error)
            except StopIteration:
                return
            result = error = None
            if kind == EMIT:
                yield argument
                continue
            try:
                if kind == PULL:
                    if argument not in bodies:
                        bodies[argument] = argument.chunks()
                    result = next(filter(None, bodies[argument]), b"")
                else:
                    result = performed(kind, argument, wire)
            except Exception as failure:  # noqa: BLE001 - raised into the flow, which decides
                error = failure
    finally:
        steps.close()
        for got in bodies:
            got.close()


async def aemitted(steps: Flow, wire: Any) -> AsyncIterator[Any]:
    """:func:`emitted`, async."""
    result: Any = None
    error: Exception | None = None
    bodies: dict[Any, AsyncIterator[bytes]] = {}
    try:
        while True:
            try:
                kind, argument = steps.send(result) if error is None else steps.throw(error)
            except StopIteration:
                return
            result = error = None
            if kind == EMIT:
                yield argument
                continue
            try:
                if kind == PULL:
                    if argument not in bodies:
                        bodies[argument] = argument.achunks()
                    result = await _next(bodies[argument])
                else:
                    result = await aperformed(kind, argument, wire)
            except Exception as failure:  # noqa: BLE001 - raised into the flow, which decides
                error = failure
    finally:
        steps.close()
        for got in bodies:
            await got.aclose()


async def _next(body: AsyncIterator[bytes]) -> bytes:
    async for chunk in body:
        if chunk:
            return chunk
    return b""


__all__ = ["aemitted", "arun", "emitted", "run"]
