"""`modelmux serve` in a process of its own, over a vendor on loopback; and callers on plain sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.asgi import events
from modelmux.testing import VendorServer


class Served:
    """A gateway that runs. ``port`` is where; ``errors`` what it wrote, once it has ended."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port
        self.errors = ""

    def signal(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 10) -> int:
        _, self.errors = self.process.communicate(timeout=seconds)
        return self.process.returncode


@contextmanager
def serving(vendor: VendorServer, place: Path, more: str = "") -> Iterator[Served]:
    """``more`` are lines of the table ``[gateway]``."""
    path = place / "modelmux.toml"
    path.write_text(
        f'ledger = "sqlite:///{place}/ledger.db"\n'
        f'[[endpoints]]\nmodel = "openai/gpt-5-mini"\nbase_url = "{vendor.base_url}"\napi_key = "{vendor.key}"\n'
        f"[gateway]\nport = 0\n{more}\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELMUX_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "modelmux.cli", "serve", "--config", str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        assert "gateway on http://127.0.0.1:" in said, said + process.stderr.read()
        yield Served(process, int(said.partition("127.0.0.1:")[2].split()[0]))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Connection:
    """One connection of a caller."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        sent = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(sent)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + sent)
        head = await self._reader.readuntil(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1])
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        self._left = int(length) if length else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises IncompleteReadError where it breaks off."""
        if self._left is not None:
            yield await self._reader.readexactly(self._left)
            return
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            yield await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    def close(self) -> None:
        self._writer.close()


async def get(port: int, path: str) -> tuple[int, bytes]:
    connection = await Connection.to(port)
    await connection.ask("GET", path)
    body = await connection.read()
    connection.close()
    return connection.status, body


# --- streams whose every event is known ----------------------------------------------------------------------

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


def words(number: int, count: int) -> str:
    return " ".join(f"s{number}w{place}" for place in range(count))


async def streamed(port: int, number: int, count: int) -> str:
    """What stream ``number`` said. The vendor repeats its prompt, word by word; every other one crosses formats."""
    connection = await Connection.to(port)
    path = MESSAGES if number % 2 else CHAT
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": words(number, count)}], "stream": True}
    await connection.ask("POST", path, {**body, "max_tokens": 10_000} if path == MESSAGES else body)
    assert connection.status == 200, await connection.read()
    found = events(await connection.read())
    connection.close()
    return _text(path, found).removeprefix("You said: ")


def _text(path: str, found: list[Any]) -> str:
    if path == CHAT:
        assert found.pop() == "[DONE]"
        return "".join(choice["delta"].get("content") or "" for event in found for choice in event["choices"])
    assert found[-1]["type"] == "message_stop"
    return "".join(event["delta"].get("text", "") for event in found if event["type"] == "content_block_delta")


async def many(port: int, streams: int, count: int) -> list[int]:
    """Numbers of the streams that lost or reordered anything."""
    said = await asyncio.gather(*(streamed(port, number, count) for number in range(streams)))
    return [number for number, text in enumerate(said) if text != words(number, count)]
