"""Performing flows: to their result, or as streams of what they emit; with blocking calls or on an event loop."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

from modelmux._dropin import flow
from modelmux._dropin.flow import CALL, CLOSE, READ, SEND, SLEEP
from modelmux.google.genai._api import EMIT, PULL, Flow


class _Held:
    """What :mod:`modelmux._dropin.flow` knows of a client."""

    __slots__ = ("_wire",)

    def __init__(self, wire: Any) -> None:
        self._wire = wire


def run(steps: Flow, wire: Any) -> Any:
    """Perform with blocking calls; its result."""
    return flow.run(steps, _Held(wire))  # type: ignore[arg-type]  # all that is used of a client


async def arun(steps: Flow, wire: Any) -> Any:
    """:func:`run`, async."""
    return await flow.arun(steps, _Held(wire))


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
                elif kind == SEND:
                    result = wire.send(argument)
                elif kind == READ:
                    result = argument.read()
                elif kind == CLOSE:
                    argument.close()
                elif kind == SLEEP:
                    flow.time.sleep(argument)  # type: ignore[attr-defined]  # where tests stop the clock
                elif kind == CALL:
                    result = argument()
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
                elif kind == SEND:
                    result = await wire.send(argument)
                elif kind == READ:
                    result = await argument.aread()
                elif kind == CLOSE:
                    await argument.aclose()
                elif kind == SLEEP:
                    await flow._asleep(argument)
                elif kind == CALL:
                    result = argument()
                    if inspect.isawaitable(result):
                        result = await result
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
