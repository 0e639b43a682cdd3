"""Makes every case's call with one package, sync and async, and says what went over the wire and what came of it.

What each drop-in has of its own is in the ``worker.py`` beside its cases, which is run by an interpreter that has the
package named. Nothing else of the project's tests is needed but the server.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import operator
import re
import sys
from collections.abc import Awaitable, Callable, Collection, Sequence
from email.parser import BytesParser
from typing import Any

from dropin.loopback import Loopback, Say, Seen


def wire(seen: Seen, names: Collection[str]) -> dict[str, Any]:
    """A request, without what differs from run to run. ``names``: the headers that matter."""
    headers = {name: seen.headers[name] for name in names if name in seen.headers}
    body: Any = None
    kind = headers.get("content-type", "")
    if kind.startswith("multipart/"):
        headers["content-type"] = "multipart/form-data"
        whole = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + seen.body)
        parts = whole.get_payload()
        body = sorted([part["content-disposition"], str(part.get_payload(decode=True))] for part in parts)
    elif seen.body:
        body = json.loads(seen.body)
    return {"method": seen.method, "path": seen.path, "headers": headers, "body": body}


def plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return [type(value).__name__, value.to_dict(), getattr(value, "_request_id", None)]
    return value if isinstance(value, dict | list | str | int | float | None) else repr(type(value).__name__)


def failure(error: Exception) -> list[Any]:
    names = ("status_code", "code", "param", "type", "body", "request_id", "message")
    cause = type(error).__name__
    parents = [cls.__name__ for cls in type(error).__mro__]
    if isinstance(error, TypeError | ValueError):
        return [cause, bool(re.search("argument|non-empty", str(error)))]
    return [cause, [name for name in parents if "Error" in name], {name: getattr(error, name, None) for name in names}]


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def outcome(client: Any, case: dict[str, Any]) -> Any:
    """Make a case's call, and say what came of it."""
    path, how = case["call"], case["how"]
    if how in ("raw", "streaming"):
        head, _, last = path.rpartition(".")
        path = f"{head}.{'with_raw_response' if how == 'raw' else 'with_streaming_response'}.{last}"
    made = operator.attrgetter(path)(client)(*case["args"], **case["kwargs"])
    if how == "streaming":
        if hasattr(made, "__aenter__"):
            async with made as reply:
                return [reply.status_code, plain(await settled(reply.parse()))]
        with made as reply:
            return [reply.status_code, plain(reply.parse())]
    if how == "page" and hasattr(made, "__aiter__"):
        return [plain(item) async for item in made]
    result = await settled(made)
    if how == "raw":
        kind = result.headers["Content-Type"], result.headers.get("X-NOT-THERE")
        return [result.status_code, *kind, result.retries_taken, plain(await settled(result.parse()))]
    if how == "stream":
        items = []
        try:
            if hasattr(result, "__aiter__"):
                items += [plain(item) async for item in result]
            else:
                items += [plain(item) for item in result]
        except Exception as error:
            items.append(failure(error))
        return items
    if how == "page":
        return [plain(item) for item in result]
    return repr(result.content) if how == "binary" else plain(result)


async def both(
    kind: str,
    cases: Sequence[dict[str, Any]],
    headers: Collection[str],
    client_of: Callable[[type, Loopback], Any],
    call: Callable[[Any, dict[str, Any]], Awaitable[Any]],
) -> dict[str, Any]:
    module, server = importlib.import_module(sys.argv[1]), Loopback()
    out: dict[str, Any] = {}
    for name in (kind, f"Async{kind}"):
        client = client_of(getattr(module, name), server)
        for case in cases:
            server.say(*[Say(body, status, more) for status, body, more in case["answers"]])
            try:
                came = await call(client, case)
            except Exception as error:
                came = failure(error)
            asked = [wire(seen, headers) for seen in server.seen]
            out[f"{name} {case['name']}"] = {"asked": asked, "came": came}
        await settled(client.close())
    server.close()
    return out


def main(
    kind: str,
    cases: Sequence[dict[str, Any]],
    headers: Collection[str],
    client_of: Callable[[type, Loopback], Any],
    call: Callable[[Any, dict[str, Any]], Awaitable[Any]] = outcome,
) -> None:
    """Print what comes of every case. ``kind``: the sync client's name; ``headers``: those that matter; ``client_of``:
    makes a client that asks a server; ``call``: makes a case's call, and says what came of it.
    """
    print(json.dumps(asyncio.run(both(kind, cases, headers, client_of, call)), default=repr))
