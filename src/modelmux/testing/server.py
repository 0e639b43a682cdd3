"""Vendors on loopback: real HTTP, the vendor's own format, no key and no internet.

``python -m modelmux.testing.server --wire openai`` runs one in its own process (``--fast`` for benchmarks).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import Any, Self
from urllib.parse import parse_qs

from modelmux.testing._connection import Connection
from modelmux.testing._loop import LoopThread
from modelmux.testing._reply import NO_FAULT, Reply, Step, reply, steps, tokens
from modelmux.testing._script import Script
from modelmux.testing._shapes import Failure, Shape, dump
from modelmux.testing._shapes.anthropic import Anthropic
from modelmux.testing._shapes.gemini import Gemini
from modelmux.testing._shapes.interactions import Interactions
from modelmux.testing._shapes.openai import OpenAI
from modelmux.testing.answers import Answer, RecordedRequest

HOST = "127.0.0.1"
SHAPES: Mapping[str, type[Shape]] = {
    **{name: shape for shape in (OpenAI, Anthropic, Gemini) for name in (shape.vendor, shape.wire)},
    Interactions.wire: Interactions,
}


class VendorServer(Script):
    """One vendor on loopback. ``vendor`` is ``openai`` (and whatever is compatible with it), ``anthropic`` or
    ``gemini``, or the id of that wire.

    Start it with ``with`` or :meth:`start`. Without a script it repeats the last message of each request; see
    :meth:`reply`, :meth:`play` and :meth:`fail`. ``key`` is what requests must carry, None to ask for none;
    ``models``, where given, are the only ones served. ``latency`` and ``pace`` are seconds before an answer's head
    and between the events of a stream; they may be changed at any time.

    ``requests`` lists what came, oldest first. Every method may be called from any thread.
    """

    def __init__(
        self,
        vendor: str = "openai",
        *,
        key: str | None = "test-key",
        models: tuple[str, ...] | None = None,
        latency: float = 0.0,
        pace: float = 0.0,
        port: int = 0,
        thread: LoopThread | None = None,
    ) -> None:
        super().__init__()
        if vendor not in SHAPES:
            raise ValueError(f"no server for {vendor!r}: expected one of {sorted(SHAPES)}")
        self._shape = SHAPES[vendor]()
        self.vendor = self._shape.vendor
        self.wire = self._shape.wire
        self.key = self._own_key = key
        self.models = models or self._shape.models
        self._only = models is not None
        self.latency = latency
        self.pace = pace
        self.requests: list[RecordedRequest] = []
        self.connections: set[Connection] = set()
        self.refuses = False
        self._port = port
        self._own_thread = thread is None
        self._thread = thread
        self._server: asyncio.Server | None = None
        self._parked: socket.socket | None = None
        self._numbers = count(1)

    # --- life --------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen. Raises OSError when the port is taken."""
        sock = _bound(self._port)
        self._port = sock.getsockname()[1]
        if self._thread is None:
            self._thread = LoopThread()
        self._thread.run(self._listen(sock))
        return self

    def stop(self) -> None:
        """Close every connection and stop. A second call does nothing."""
        thread = self._thread
        if thread is None:
            return
        thread.call(lambda: self._silence(Connection.leave))
        if self._own_thread:
            thread.stop()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise the first error that a scripted callable raised, if any."""
        if self.errors:
            raise self.errors[0]

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self._port}"

    @property
    def base_url(self) -> str:
        """Where the vendor's own address would stand. Requests under any other prefix are served too."""
        return self.origin + self._shape.prefix

    async def _listen(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self, loop), sock=sock)

    def _silence(self, end: Callable[[Connection], None]) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._parked is not None:
            self._parked.close()
            self._parked = None
        for connection in list(self.connections):
            end(connection)

    # --- down and up -------------------------------------------------------------------------------------------

    def down(self, how: str = "refuse") -> None:
        """Take the vendor down: ``refuse`` refuses connections, ``reset`` accepts and resets them. Both reset the
        connections that are open.
        """
        if how not in {"refuse", "reset"}:
            raise ValueError(f"how={how!r}: expected 'refuse' or 'reset'")

        self.up()

        def fall() -> None:
            if how == "reset":
                self.refuses = True
                for connection in list(self.connections):
                    connection.reset()
                return
            self._silence(Connection.reset)
            self._parked = _bound(self._port)

        self._running.call(fall)

    def up(self) -> None:
        """Bring the vendor back, on the same port."""
        self.refuses = False
        if self._parked is not None:
            sock, self._parked = self._parked, None
            self._running.run(self._listen(sock))

    @property
    def _running(self) -> LoopThread:
        if self._thread is None:
            raise RuntimeError("the server is not running: use it with 'with', or call start()")
        return self._thread

    def reset(self) -> None:
        """As new: up, healthy, its own key, no script, nothing recorded, counting from 1."""
        self.up()
        self.key = self._own_key
        self.clear()
        self.requests.clear()
        self._numbers = count(1)

    # --- requests (in the server's thread) -----------------------------------------------------------------------

    def receive(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> RecordedRequest:
        path, _, query = target.partition("?")
        pairs = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()} if query else {}
        request = RecordedRequest(method, path, pairs, headers, body, next(self._numbers), monotonic())
        self.requests.append(request)
        return request

    def respond(self, request: RecordedRequest) -> Iterator[Step]:
        refusal = self._refusal(request)
        if refusal is not None:
            status, value = refusal
            return steps(Reply(status, {"content-type": "application/json"}, [dump(value)]))
        asked = request.asked
        if asked is None:
            raise RuntimeError("a chat that was not refused says what it asks for")
        fault = self.next_fault(request)
        answer = Answer() if fault is not None and fault.replaces else self.next_answer(request)
        fault = fault or answer.fault or NO_FAULT
        return steps(
            reply(self._shape, answer, asked, request.number, fault),
            fault,
            latency=self.latency if answer.latency is None else answer.latency,
            pace=self.pace if answer.pace is None else answer.pace,
        )

    def _refusal(self, request: RecordedRequest) -> tuple[int, Any] | None:
        """What is answered instead of an answer; None for a proper chat, whose ``asked`` is then known."""
        shape = self._shape
        if self.key is not None and shape.key(request) != self.key:
            return shape.wrong_key()
        if request.method == "GET" and request.path.endswith("/models"):
            return 200, shape.listing(self.models)
        if request.method == "POST" and (counted := self._counted(request)) is not None:
            return counted
        if request.method != "POST" or not shape.is_chat(request):
            message = f"Invalid URL ({request.method} {request.path})"
            return 404, shape.error(Failure(404, message, "not_found_error"))
        try:
            problem = shape.problem(request) if isinstance(request.json, dict) else "The body must be a JSON object."
            asked = None if problem else shape.asked(request)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            problem, asked = f"The body could not be read: {error}", None
        if asked is None:
            return 400, shape.error(Failure(400, str(problem)))
        if self._only and asked.model not in self.models:
            return 404, shape.unknown_model(asked.model)
        request.asked = asked
        return None

    def _counted(self, request: RecordedRequest) -> tuple[int, Any] | None:
        """The answer to a request for a count of tokens; None for any other request."""
        shape = self._shape
        try:
            asked = shape.counting(request)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            return 400, shape.error(Failure(400, f"The body could not be read: {error}"))
        if asked is None:
            return None
        if self._only and asked.model not in self.models:
            return 404, shape.unknown_model(asked.model)
        return 200, {asked.field: max(1, tokens(asked.text))}


def _bound(port: int) -> socket.socket:
    """A socket that holds the port and does not listen: connections to it are refused."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


if __name__ == "__main__":
    from modelmux.testing._main import main

    with suppress(KeyboardInterrupt):
        main()
