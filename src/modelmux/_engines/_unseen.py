"""How much of what was written the peer's machine has not even acknowledged.

A request on a reused connection may cross the server's closing of it. Repeating it is safe only if the server can't
have read it, and the kernel knows: bytes that arrive at a closed socket are never acknowledged, and a close that
comes after reading acknowledges what was read. No guess about timing is needed.
"""

from __future__ import annotations

import socket
import struct
import sys


def unacknowledged(sock: socket.socket) -> int:
    """Bytes in the kernel's send queue that the peer has not acknowledged; -1 where the system does not say."""
    if sys.platform != "linux":
        return -1
    import fcntl
    import termios

    try:
        # SIOCOUTQ of tcp(7), which is TIOCOUTQ.
        return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0])
    except (OSError, ValueError):
        return -1
