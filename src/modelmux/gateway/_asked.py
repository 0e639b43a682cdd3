"""A request as ASGI has it, made what the front takes: address, headers, body within its limits, options allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from modelmux import wire
from modelmux._front import FrontRequest, asking
from modelmux._json import loads
from modelmux.errors import InvalidRequest
from modelmux.gateway.keys import Key
from modelmux.wire._front import recognise

_ACCOUNTS = ("-organization", "-project")
"""Ends of headers that say on whose account a vendor books a call. That is ours to say."""

_PLAIN = ("", "identity")


class Refused(Exception):
    """A request that goes no further: ``status``, and ``reason`` in a front's word."""

    def __init__(self, status: int, reason: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message
        self.headers = headers


class Gone(Exception):
    """The caller hung up while it was sending."""


@dataclass(slots=True)
class Asked:
    """A request's head. ``path`` is below the place the app is mounted at; ``url`` is the whole path as it was sent,
    and the query.
    """

    method: str
    path: str
    url: str
    headers: dict[str, str]

    def bare(self, path: str | None = None, models: tuple[str, ...] | None = None) -> FrontRequest:
        """For an answer that needs no body."""
        url = self.url if path is None else path
        return FrontRequest(method=self.method, url=url, headers=self.headers, direct=False, models=models)

    @property
    def kind(self) -> tuple[str, str]:
        """Format and operation, for counting."""
        mark = next((name for name in _marks() if name in self.headers), "")
        path = self.url.partition("?")[0]
        return _kind(self.method, path if self.method != "GET" else parent(path) or path, mark)


def parent(path: str) -> str:
    """Where the list of models is, of an address of one of them; empty for other addresses."""
    before, found, _ = path.partition("/models/")
    return f"{before}/models" if found else ""


@lru_cache(maxsize=1)
def _marks() -> tuple[str, ...]:
    return tuple(form.mark for form in wire.fronts() if form.mark)


@lru_cache(maxsize=512)
def _kind(method: str, path: str, mark: str) -> tuple[str, str]:
    forms = tuple(sorted(wire.fronts(), key=lambda form: not mark or form.mark != mark))
    found = recognise(forms, method, path, "")
    return ("none", "none") if found is None else (found.format.wire, found.name)


def asked(scope: Mapping[str, Any]) -> Asked:
    """The head of a request from its ASGI scope."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    whole = path = scope["path"]
    root = scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :]
    raw = scope.get("raw_path")
    url = raw.decode("latin-1") if raw else quote(whole, safe="/:@")
    query = scope["query_string"]
    return Asked(scope["method"], path, f"{url}?{query.decode('latin-1')}" if query else url, headers)


# --- body ----------------------------------------------------------------------------------------------------


async def body_of(request: Asked, receive: Any, most: int, seconds: float) -> bytes:
    """The whole body. Raises Refused where it is too large, too slow or compressed, Gone where nobody is left."""
    if request.headers.get("content-encoding", "").lower() not in _PLAIN:
        raise Refused(415, "invalid", "send the body uncompressed: a content-encoding is not taken here")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, most)
    except TimeoutError:
        message = f"the request's body did not arrive within {seconds:g} seconds"
        raise Refused(408, "timeout", message, connection="close") from None


async def _read(receive: Any, most: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            raise _too_large(most)
        if not message.get("more_body", False):
            return b"".join((*pieces, piece)) if pieces else bytes(piece)
        pieces.append(piece)


def _too_large(most: int) -> Refused:
    return Refused(413, "too_large", f"the request's body is larger than {most:,} bytes", connection="close")


# --- options -------------------------------------------------------------------------------------------------


def front_request(
    request: Asked, body: bytes, key: Key | None, given: Mapping[str, Any], models: tuple[str, ...] | None
) -> FrontRequest:
    """What the front is asked. ``given`` are the options that hold unless the request sets nearer ones; of ``max_cost``
    and ``deadline`` the lower counts. Raises Refused for options that the key may not set, InvalidRequest for wrong
    ones.
    """
    headers, ours = asking.taken(request.headers)
    for name in [name for name in headers if name.endswith(_ACCOUNTS)]:
        del headers[name]
    value = _parsed(body)
    options = given
    beside = value.pop(asking.BODY_FIELD, None) if isinstance(value, dict) else None
    if ours or beside is not None:
        for name in (*ours, *(beside if isinstance(beside, dict) else ())):
            option = str(name).replace("-", "_").lower()
            if key is not None and option in asking.OPTIONS and not key.may_set(option):
                raise Refused(403, "permission", f"this key may not set {option!r}")
        options = asking.options(given, ours, beside)
        options.update(_lower(name, given[name], options.get(name)) for name in _CEILINGS if name in given)
        if beside is not None:
            body = b""
    return FrontRequest(
        method=request.method,
        url=request.url,
        headers=headers,
        body=body,
        json=value,
        direct=False,
        options=options,
        models=models,
    )


_CEILINGS = ("deadline", "max_cost")


def _lower(name: str, ours: Any, theirs: Any) -> tuple[str, Any]:
    if theirs is None:
        return name, ours
    try:
        return name, theirs if Decimal(str(theirs)) < Decimal(str(ours)) else ours
    except InvalidOperation:
        raise InvalidRequest(f"{name}: {theirs!r} is not a number", field=name) from None


def _parsed(body: bytes) -> Any:
    """The body's value; None where it is no JSON, which the front then says in the caller's format."""
    try:
        return loads(body) if body else None
    except ValueError:
        return None
