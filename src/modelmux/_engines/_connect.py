"""A TCP and TLS connection by a deadline, for sync code."""

from __future__ import annotations

import errno
import os
import selectors
import socket
from time import monotonic
from typing import TYPE_CHECKING

from modelmux._engines._abort import Abort
from modelmux._engines._faults import failed, left, reason, timeout
from modelmux._engines._request import Address
from modelmux._engines._resolve import Place, resolve

if TYPE_CHECKING:
    import ssl

STAGGER = 0.25
"""Seconds an address gets before the next is tried beside it (RFC 8305, section 5)."""

_SLICE = 0.05
"""How often, in seconds, a wait that nothing can interrupt looks at the abort switch."""

_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


def connect(address: Address, until: float, context: ssl.SSLContext | None, abort: Abort | None) -> socket.socket:
    """Raises ``ConnectionFailed``, or ``AttemptTimeout`` in phase ``connect``."""
    lookup = resolve(address.host, address.port)
    while not lookup.done.wait(patience(until, "connect", abort)):
        pass
    sock = _race(lookup.places(), until, abort)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock if context is None else _secure(sock, context, address.host, until)
    except BaseException:
        sock.close()
        raise


def patience(until: float | None, phase: str, abort: Abort | None) -> float | None:
    """How long to wait before looking again: whether time is up (``AttemptTimeout``) or the switch is thrown."""
    rest = left(until, phase)
    if abort is None:
        return rest
    if abort.thrown:
        raise failed("aborted")
    return _SLICE if rest is None else min(rest, _SLICE)


def begin(place: Place) -> tuple[socket.socket | None, str]:
    """A non-blocking socket on its way to ``place``, or why not."""
    family, where = place
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        return None, reason(error)
    sock.setblocking(False)
    code = sock.connect_ex(where)
    if code in _UNDER_WAY:
        return sock, ""
    sock.close()
    return None, os.strerror(code)


def _race(places: list[Place], until: float, abort: Abort | None) -> socket.socket:
    """The first address that answers wins; the others are let go."""
    untried = places[::-1]
    running: set[socket.socket] = set()
    why = "the name has no address"
    turn = 0.0
    with selectors.DefaultSelector() as selector:
        try:
            while untried or running:
                now = monotonic()
                if untried and (now >= turn or not running):
                    sock, error = begin(untried.pop())
                    why, turn = error or why, now + STAGGER
                    if sock is not None:
                        running.add(sock)
                        selector.register(sock, selectors.EVENT_WRITE, sock)
                    continue
                rest = patience(until, "connect", abort)
                if untried:
                    rest = min(rest or 0.0, turn - now)
                for key, _ in selector.select(rest):
                    ready: socket.socket = key.data
                    selector.unregister(ready)
                    running.discard(ready)
                    code = ready.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code == 0:
                        return ready
                    ready.close()
                    why, turn = os.strerror(code), 0.0
        finally:
            for sock in running:
                sock.close()
    raise failed(why)


def _secure(sock: socket.socket, context: ssl.SSLContext, host: str, until: float) -> socket.socket:
    secure = context.wrap_socket(sock, server_hostname=host.rstrip("."), do_handshake_on_connect=False)
    try:
        # One handshake is one step to the ssl module: this timeout spans it, however the peer drips.
        secure.settimeout(left(until, "connect"))
        secure.do_handshake()
    except BaseException as error:
        secure.close()
        if isinstance(error, TimeoutError):
            raise timeout("connect") from error
        if isinstance(error, (OSError, ValueError)):
            raise failed(f"no TLS connection ({reason(error)})") from error
        raise
    return secure
