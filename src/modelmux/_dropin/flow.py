"""One call, written once for sync and async: a generator says what to do, drivers do it over a wire.

It yields pairs of an effect and its argument: ``SEND`` an Asked (answered with a Got), ``READ`` a Got's body, ``CLOSE``
a Got, ``SLEEP`` seconds, ``CALL`` a function of no arguments whose result may be awaitable. An effect's exception is
raised into it where it stands.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from modelmux._dropin.transport import Got, timed_out

if TYPE_CHECKING:
    from modelmux._dropin.base import Client
    from modelmux._dropin.options import RequestOptions

SEND, READ, CLOSE, SLEEP, CALL = range(5)
Flow = Generator[tuple[int, Any], Any, Any]


def exchange(client: Client, options: RequestOptions) -> Generator[tuple[int, Any], Any, tuple[Got, int]]:
    """Ask until there is a good answer: it, and how many retries it took. Raises the drop-in's own errors."""
    tries, taken = options.get_max_retries(client.max_retries), 0
    prepared, asked, first, sent = client._prepare_options, None, options, None
    if options.idempotency_key is None and client._idempotency_header and options.method.lower() != "get":
        first = options = options.copy(idempotency_key=client._idempotency_key())
    while True:
        if prepared is not None:  # each time: a token may have run out since
            options = (yield CALL, lambda: prepared(first)) or first
            asked = None
        if asked is None:
            asked = client._asked(options)
            # What was read of files once is sent again as it was.
            sent = asked.body if sent is None else sent
            asked.body = sent
        if "x-stainless-retry-count" not in client._fixed_headers(options):
            asked.headers["x-stainless-retry-count"] = str(taken)
        hook = client._prepare_request
        if hook is not None:
            yield CALL, lambda: hook(asked)  # noqa: B023 - called before the next turn
        try:
            got: Got = yield SEND, asked
        except Exception as error:
            if not client._is_worth_another(error):
                raise  # not the network's: a hook of the caller's, or the caller's own client
            if taken < tries and asked.replayable:
                yield SLEEP, client._calculate_retry_timeout(tries - taken, options)
                taken += 1
                continue
            make = client._timeout_error if timed_out(error) else client._connection_error
            raise make(asked) from error
        if 200 <= got.status < 300:
            return got, taken
        client._log.debug('HTTP Request: %s "%s"', asked.method, got.status)
        if taken < tries and asked.replayable and client._should_retry(got):
            yield CLOSE, got
            yield SLEEP, client._calculate_retry_timeout(tries - taken, options, got.headers)
            taken += 1
            continue
        again = yield from client._unauthorised(got, asked, options)
        if again is not None:
            asked = again
            continue
        yield READ, got
        raise client._status_error(got) from None


def run(flow: Flow, wire: Any) -> Any:
    """Perform with blocking calls."""
    result: Any = None
    error: Exception | None = None
    while True:
        try:
            kind, argument = flow.send(result) if error is None else flow.throw(error)
        except StopIteration as stop:
            return stop.value
        result = error = None
        try:
            result = performed(kind, argument, wire)
        except Exception as failure:  # noqa: BLE001 - raised into the flow, which decides
            error = failure


def performed(kind: int, argument: Any, wire: Any) -> Any:
    """One effect's result."""
    if kind == SEND:
        return wire.send(argument)
    if kind == READ:
        return argument.read()
    if kind == CLOSE:
        return argument.close()
    if kind == SLEEP:
        return time.sleep(argument)
    return argument()


async def arun(flow: Flow, wire: Any) -> Any:
    """Perform on an event loop."""
    result: Any = None
    error: Exception | None = None
    while True:
        try:
            kind, argument = flow.send(result) if error is None else flow.throw(error)
        except StopIteration as stop:
            return stop.value
        result = error = None
        try:
            result = await aperformed(kind, argument, wire)
        except Exception as failure:  # noqa: BLE001 - raised into the flow, which decides
            error = failure


async def aperformed(kind: int, argument: Any, wire: Any) -> Any:
    """:func:`performed`, async."""
    if kind == SEND:
        return await wire.send(argument)
    if kind == READ:
        return await argument.aread()
    if kind == CLOSE:
        return await argument.aclose()
    if kind == SLEEP:
        return await _asleep(argument)
    result = argument()
    return await result if inspect.isawaitable(result) else result


async def _asleep(seconds: float) -> None:
    if "trio" in sys.modules:
        import sniffio

        if sniffio.current_async_library() == "trio":
            await sys.modules["trio"].sleep(seconds)
            return
    import asyncio  # 50 ms that only async callers spend

    await asyncio.sleep(seconds)
