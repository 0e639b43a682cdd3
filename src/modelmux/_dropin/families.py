"""httpx and its fork: same shapes, separate classes. Neither is imported before somebody needs one of its objects."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from modelmux._dropin.door import missing
from modelmux._engines._signs import patched

_NEW, _OLD = "httpx2", "httpx"
_WATCHED = (
    ("httpcore2", "ConnectionPool", "handle_request"),
    ("httpcore2", "AsyncConnectionPool", "handle_async_request"),
    ("httpx2", "HTTPTransport", "handle_request"),
    ("httpx2", "AsyncHTTPTransport", "handle_async_request"),
    ("httpx2", "Client", "send"),
    ("httpx2", "Client", "_transport_for_url"),
    ("httpx2", "AsyncClient", "send"),
    ("httpx2", "AsyncClient", "_transport_for_url"),
)


def family() -> Any:
    """The package that answers are dressed up as: the vendors' own choice where it is installed."""
    if _NEW in sys.modules or importlib.util.find_spec(_NEW) is not None:
        return importlib.import_module(_NEW)
    return importlib.import_module(_OLD)


def mocked() -> Any:
    """The package whose methods somebody has replaced to see requests, if any: these then go through it."""
    if _NEW in sys.modules:
        for module, cls, method in _WATCHED:
            found = getattr(sys.modules.get(module), cls, None)
            function = found.__dict__.get(method) if found is not None else None
            home = getattr(function, "__globals__", {}).get("__name__", "")
            if function is not None and not (home == module or home.startswith(f"{module}.")):
                return sys.modules[_NEW]
    if _OLD in sys.modules and patched():
        return sys.modules[_OLD]
    return None


def dressed_request(method: str, url: str, headers: Mapping[str, str], body: Any) -> Any:
    """A request as an object of the family."""
    return family().Request(method, url, headers=dict(headers), content=body)


def dressed(status: int, headers: Mapping[str, str], body: bytes | None, request: Any) -> Any:
    """An answer as an object of the family. ``body`` is as decoded, so what says it is compressed is left out."""
    kept = {name: value for name, value in headers.items() if name not in ("content-encoding", "transfer-encoding")}
    return family().Response(status, headers=kept, content=body or b"", request=request)


def same_kind(obj: Any, name: str) -> bool:
    """Whether an object is one of either family's classes (or a subclass) by name."""
    return any(cls.__name__ == name and cls.__module__.partition(".")[0] in (_NEW, _OLD) for cls in type(obj).__mro__)


# --- the vendors' defaults ---


def limits(module: Any) -> Any:
    """How many connections the vendors' clients keep, as an object of a family."""
    return module.Limits(max_connections=1000, max_keepalive_connections=100)


def _timeout(module: Any) -> Any:
    return module.Timeout(timeout=600, connect=5.0)


def _fork() -> Any:
    return importlib.import_module(_NEW)


_CLIENTS = {
    "DefaultHttpxClient": ("Client", family),
    "DefaultAsyncHttpxClient": ("AsyncClient", family),
    "DefaultAioHttpClient": ("AsyncClient", family),
}
_FORKS_CLIENTS = {
    "DefaultHttpx2Client": ("Client", _fork),
    "DefaultAsyncHttpx2Client": ("AsyncClient", _fork),
}


def _client(home: str, name: str, kind: str, found: Callable[[], Any]) -> type:
    """A subclass of a family's client with the vendors' defaults."""
    module = found()
    parent: Any = getattr(module, kind)

    def begin(self: Any, **options: Any) -> None:
        settings = {"timeout": _timeout(module), "limits": limits(module), "follow_redirects": True}
        parent.__init__(self, **{**settings, **options})

    return type(name, (parent,), {"__init__": begin, "__module__": home})


def defaults(home: str, *, httpx2: bool = False) -> Callable[[str], Any]:
    """What the vendors' modules of base clients name, made when it is asked for: such a module's ``__getattr__``.

    ``home``: the module's name. ``httpx2``: clients of the fork by their own names, too.
    """
    clients = {**_CLIENTS, **_FORKS_CLIENTS} if httpx2 else _CLIENTS
    makers: dict[str, Callable[[], Any]] = {
        "DEFAULT_TIMEOUT": lambda: _timeout(family()),
        "DEFAULT_CONNECTION_LIMITS": lambda: limits(family()),
        "Timeout": lambda: family().Timeout,
        "HTTPX_DEFAULT_TIMEOUT": lambda: family().Timeout(5.0),
        **{name: partial(_client, home, name, *how) for name, how in clients.items()},
    }

    def look(name: str) -> Any:
        make = makers.get(name)
        if make is None:
            raise missing(home, name)
        value = make()
        setattr(sys.modules[home], name, value)
        return value

    return look
