"""How much of what was written the peer's machine has not even acknowledged.

A request on a reused connection may cross the server's closing of it. Repeating it is safe only if the server can't
have read it, and the kernel knows: a FIN acknowledges all that had arrived before it (RFC 9293, section 3.5), so if
the FIN has come and nothing is acknowledged, the server had closed before the request arrived. No guess about timing
is needed. A reset proves nothing: it may come from a server that read the request and died.
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
