"""An ASGI client of our own: one request as a server would hand it to the app, and all that came back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

HERE = ("127.0.0.1", 50000)


@dataclass
class Got:
    """``ended``: the app said that this was all. ``chunks`` are the messages of the body that held anything."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    ended: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Caller:
    """Asks one app. ``leave_after``: hang up once so many pieces of a body came, or after ``leave_in`` seconds;
    ``pieces`` sends the body in these, waiting ``pause`` seconds before each.
    """

    def __init__(self, app: Any, *, client: Any = HERE, root_path: str = "", host: str = "127.0.0.1:8642") -> None:
        self._app, self._client, self._root, self._host = app, client, root_path, host

    async def ask(
        self,
        method: str,
        url: str,
        body: Any = b"",
        headers: dict[str, str] | None = None,
        *,
        pieces: list[bytes] | None = None,
        pause: float = 0.0,
        leave_after: int | None = None,
        leave_in: float | None = None,
    ) -> Got:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        left, begun = asyncio.Event(), iter(pieces or [sent])
        if leave_in is not None:
            asyncio.get_running_loop().call_later(leave_in, left.set)
        pending = list(begun)
        got = Got()

        async def receive() -> dict[str, Any]:
            if pending:
                if pause:
                    await asyncio.sleep(pause)
                piece = pending.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(pending)}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            await asyncio.sleep(0)
            if message["type"] == "http.response.start":
                assert not got.status, "two heads"
                got.status = message["status"]
                got.headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in message["headers"]}
                assert len(got.headers) == len(message["headers"]), "a header twice"
                return
            assert got.status, "a body before its head"
            assert not got.ended, "more after the end"
            if message["body"]:
                got.chunks.append(message["body"])
            got.ended = not message.get("more_body", False)
            if leave_after is not None and len(got.chunks) >= leave_after:
                left.set()

        path, _, query = url.partition("?")
        given = {"host": self._host, "content-type": "application/json", **(headers or {})}
        if method != "GET" and pieces is None:
            given.setdefault("content-length", str(len(sent)))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": self._root + path,
            "raw_path": (self._root + path).encode(),
            "query_string": query.encode(),
            "root_path": self._root,
            "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in given.items()],
            "client": self._client,
            "server": ("127.0.0.1", 8642),
        }
        await self._app(scope, receive, send)
        return got

    def __call__(self, *args: Any, **options: Any) -> Got:
        """:meth:`ask`, on a loop of its own, which must be left without a task."""

        async def run() -> Got:
            got = await self.ask(*args, **options)
            await asyncio.sleep(0)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]  # there is a current one
            assert not [task for task in tasks if not task.cancelling()], "tasks left behind"
            return got

        return asyncio.run(run())


def events(body: bytes) -> list[Any]:
    """The data of a stream of events, parsed; marks that are no JSON as text."""
    found: list[Any] = []
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = b"\n".join(line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:"))
        if data:
            found.append(json.loads(data) if data[:1] in b"{[" and data != b"[DONE]" else data.decode())
    return found
