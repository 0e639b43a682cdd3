"""When a request should not take the engine's own sockets but go through stock httpx.

Three signs: a proxy may apply, the URL needs httpx's understanding, or somebody (respx, pytest-httpx, vcrpy, a test's
own monkeypatch) has replaced a method of httpx or httpcore to see the requests.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from modelmux._engines import Options
from modelmux._engines._request import Address

_WATCHED = {
    "httpcore": (
        ("ConnectionPool", "handle_request"),
        ("HTTPConnection", "handle_request"),
        ("AsyncConnectionPool", "handle_async_request"),
        ("AsyncHTTPConnection", "handle_async_request"),
    ),
    "httpx": (
        ("HTTPTransport", "handle_request"),
        ("AsyncHTTPTransport", "handle_async_request"),
        ("Client", "send"),
        ("Client", "_send_single_request"),
        ("Client", "_transport_for_url"),
        ("AsyncClient", "send"),
        ("AsyncClient", "_send_single_request"),
        ("AsyncClient", "_transport_for_url"),
    ),
}
_genuine: dict[str, list[tuple[Any, str, Any]]] = {}
"""Per module that is imported: a class's attributes, a method's name, and the method as its author wrote it."""


def patched() -> bool:
    """Whether a method of httpx or httpcore is not its own just now."""
    for module, watched in _WATCHED.items():
        rows = _genuine.get(module)
        if rows is None:
            loaded = sys.modules.get(module)
            if loaded is None:
                continue
            rows = _rows(loaded, watched)
            if any(not _own(table[name], module) for table, name, _ in rows):
                return True
            if len(rows) == len(watched):
                _genuine[module] = rows
            continue
        for table, name, method in rows:
            if table.get(name) is not method:
                return True
    return False


def _rows(loaded: Any, watched: tuple[tuple[str, str], ...]) -> list[tuple[Any, str, Any]]:
    tables = ((vars(getattr(loaded, cls)), name) for cls, name in watched if hasattr(loaded, cls))
    return [(table, name, table[name]) for table, name in tables if name in table]


def _own(method: Any, module: str) -> bool:
    # A wrapper may copy __module__, but a function's globals are where it was written.
    home = getattr(method, "__globals__", {}).get("__name__", "")
    return bool(home == module or home.startswith(module + "."))


class Signs:
    """Reads the proxy variables once, as httpx does when a client is made."""

    __slots__ = ("_direct", "_proxied", "_trust_env")

    def __init__(self, options: Options) -> None:
        self._trust_env = options.trust_env
        self._proxied: frozenset[str] | None = None
        self._direct: frozenset[str] = frozenset()

    def detour(self, address: Address) -> bool:
        """Whether stock httpx must carry a request to this address."""
        return self.proxy(address) or patched()

    def proxy(self, address: Address) -> bool:
        """Whether a proxy may apply. httpx then decides: its reading of NO_PROXY is not repeated here, only the
        plain cases are told apart.
        """
        proxied = self._proxied
        if proxied is None:
            proxied = self._read()
        if not proxied:
            return False
        if "all" not in proxied and ("https" if address.tls else "http") not in proxied:
            return False
        return address.host not in self._direct

    def _read(self) -> frozenset[str]:
        found: dict[str, str] = {}
        if self._trust_env:
            found = _system_proxies() if sys.platform in ("darwin", "win32") else _environment_proxies()
        direct = frozenset(host.strip().lower() for host in found.pop("no", "").split(","))
        proxied = frozenset() if "*" in direct else frozenset(found) & {"http", "https", "all"}
        self._direct, self._proxied = direct, proxied
        return proxied


def _environment_proxies() -> dict[str, str]:
    # What urllib.request.getproxies() finds on Linux, without its 20 ms of imports.
    found: dict[str, str] = {}
    for name, value in sorted(os.environ.items()):
        # Sorted: lower case comes last, and wins.
        lower = name.lower()
        if lower.endswith("_proxy") and value:
            found[lower.removesuffix("_proxy")] = value
    return found


def _system_proxies() -> dict[str, str]:
    from urllib.request import getproxies

    return getproxies()
