"""A guard against tests that reach the real network.

It stands in front of the two doors that Python code uses, ``socket.socket`` and ``socket.getaddrinfo``, so it holds
for every HTTP library written in Python. It does not see child processes or extension modules with sockets of their
own.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from threading import Lock
from typing import Any


class NetworkForbidden(RuntimeError):
    """A test tried to leave this machine. ``address`` is where it wanted to go.

    Not an OSError: HTTP libraries would turn one into a connection failure, and a router would try the next vendor.
    """

    def __init__(self, address: object) -> None:
        super().__init__(
            f"this test tried to reach {address!r}, and real network is forbidden here: "
            "use modelmux.testing.VendorServer, or allow it with @pytest.mark.modelmux_allow_network"
        )
        self.address = address


def is_local(host: object) -> bool:
    """Whether ``host`` (a name or a literal address, text or bytes) is this machine. None is: it means "any"."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    name = name.strip("[]").partition("%")[0].rstrip(".").lower()
    if name in {"", "localhost"} or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _is_literal(host: object) -> bool:
    try:
        ip_address(str(host.decode() if isinstance(host, bytes) else host).partition("%")[0])
    except ValueError:
        return False
    return True


class _Guard:
    """The doors while at least one block or test wants them shut."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._holders = 0
        self._allowed = 0
        self._saved: dict[str, Any] = {}

    @property
    def shut(self) -> bool:
        return self._holders > 0 and self._allowed == 0

    def hold(self, change: int) -> None:
        with self._lock:
            self._holders += change
            if self._holders and not self._saved:
                self._install()
            elif not self._holders and self._saved:
                self._remove()

    def allow(self, change: int) -> None:
        with self._lock:
            self._allowed += change

    def _install(self) -> None:
        guard = self
        saved = self._saved
        saved["getaddrinfo"] = socket.getaddrinfo
        for name in ("connect", "connect_ex", "sendto"):
            saved[name] = getattr(socket.socket, name)

        def connect(sock: socket.socket, address: Any) -> None:
            guard.check(sock, address)
            saved["connect"](sock, address)

        def connect_ex(sock: socket.socket, address: Any) -> int:
            guard.check(sock, address)
            return int(saved["connect_ex"](sock, address))

        def sendto(sock: socket.socket, *args: Any) -> int:
            guard.check(sock, args[-1])
            return int(saved["sendto"](sock, *args))

        def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
            if guard.shut and not is_local(host) and not _is_literal(host):
                raise NetworkForbidden(host)
            return saved["getaddrinfo"](host, *args, **kwargs)

        for name, door in (("connect", connect), ("connect_ex", connect_ex), ("sendto", sendto)):
            setattr(socket.socket, name, door)
        socket.getaddrinfo = getaddrinfo

    def _remove(self) -> None:
        socket.getaddrinfo = self._saved.pop("getaddrinfo")
        for name in self._saved:
            delattr(socket.socket, name)
        self._saved = {}

    def check(self, sock: socket.socket, address: Any) -> None:
        if not self.shut or sock.family not in (socket.AF_INET, socket.AF_INET6):
            return
        if not is_local(address[0] if isinstance(address, tuple) else address):
            sock.close()  # socket.create_connection closes it for an OSError only
            raise NetworkForbidden(address)


_guard = _Guard()


@contextmanager
def forbid_network() -> Iterator[None]:
    """While this is open, connecting to anything but loopback, or resolving a name that is not local, raises
    :class:`NetworkForbidden`. Blocks may nest and overlap; Unix sockets are left alone.
    """
    _guard.hold(1)
    try:
        yield
    finally:
        _guard.hold(-1)


@contextmanager
def allow_network() -> Iterator[None]:
    """The exception to :func:`forbid_network`, for the whole process while it is open."""
    _guard.allow(1)
    try:
        yield
    finally:
        _guard.allow(-1)
