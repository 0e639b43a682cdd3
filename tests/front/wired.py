"""Recorded exchanges over real sockets: an HTTP client of either family over a Mux, the vendors on loopback.

What the vendor gets is compared with what the client sent, and what the client gets with what the vendor sent. The
oracle is the recording.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from corpus import body_of
from fidelity import oracle
from fidelity.expected import Failure
from front.player import Asked, Played, Player
from front.recorded import HOP, headers_of, written
from front.upstream import cut
from modelmux import Endpoint, Mux
from modelmux.cost.memory import MemoryLedger
from modelmux.testing import FakeClock

KINDS = ("sync", "async")
USAGES = ("as_sent", "exact")
ASKED_FOR = ("openai.chat", "openai.completions", "groq.chat", "deepseek.chat", "openrouter.chat", "xai.chat")
"""Calls that tell a stream's usage only when asked. Mistral's tells it always, and does not know the question."""
ENGINES_OWN = frozenset(("host", "accept", "accept-encoding", "connection", "content-length"))
CLIENT_ADDS = frozenset(("x-should-retry", "x-modelmux-receipt", "x-modelmux-warnings", "content-length"))

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
USAGE_EVENT = json.dumps({"id": "x", "object": "chunk", "model": "x", "choices": [], "usage": USAGE})
"""Synthetic: what a vendor adds to its stream where the request asks for usage."""
_DONE = b"data: [DONE]"
_CHOICELESS = re.compile(rb'data:[^\n]*"choices":\s*\[\s*\][^\n]*"usage":\s*\{[^\n]*\r?\n\r?\n')


@dataclass
class Found:
    """How many exchanges of each kind were as they should be, and what was wrong with the others."""

    counts: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes


class Exchange:
    """One recording, played to one client."""

    def __init__(self, row: dict[str, Any], usage: str) -> None:
        self.row = row
        self.url = row["request"]["url"]
        self.body = written(row)
        self.headers = headers_of(row)
        self.status = row["response"]["status"]
        self.recorded = body_of(row["response"])
        self.failure = isinstance(oracle.expect(row), Failure)
        request = row["request"]["body"]
        told = (request.get("stream_options") or {}).get("include_usage")
        self.asks = usage == "exact" and row["api"] in ASKED_FOR and request.get("stream") is True and told is None
        """Whether modelmux asks for usage where the client did not."""
        asked_for = request.get("stream") is True or ":streamGenerateContent" in self.url
        self.unasked = self.recorded.startswith((b"data:", b"event:")) and not asked_for
        """Whether the answer is a stream that the request, as it was recorded, did not ask for."""

    def mux(self, usage: str) -> Mux:
        """One that has another vendor's endpoint to route to, which nobody asks for. Waits before another try of what
        failed take no time.
        """
        configured = Endpoint("openai_compatible/nobody-asks-for-it", base_url="http://127.0.0.1:9")
        clock = FakeClock() if self.failure else None
        return Mux([configured], usage=usage, ledger=MemoryLedger() if usage == "exact" else None, clock=clock)

    def played(self) -> Played:
        headers = {name: value for name, value in self.row["response"]["headers"].items() if name not in HOP}
        chance = random.Random(self.row["id"])
        body = self.sent
        chunked = self.row["stream"] or "transfer-encoding" in self.row["response"]["headers"]
        pieces = cut(body, chance.sample(range(len(body) + 1), min(len(body), 6)))
        return Played(self.status, headers, pieces, chunked, chance.random() < 0.3)

    @property
    def sent(self) -> bytes:
        """The vendor's bytes: the recorded ones, and in them the event with usage where it was asked for."""
        at = self.recorded.rfind(_DONE)
        if not self.asks or at < 0 or _CHOICELESS.search(self.recorded):
            return self.recorded
        return self.recorded[:at] + f"data: {USAGE_EVENT}\n\n".encode() + self.recorded[at:]

    def judge(self, got: Got, asked: Sequence[Asked]) -> str:
        """What kind of exchange it was. Raises AssertionError."""
        assert asked, got
        for request in asked:
            self._judge_request(request)
        assert len(asked) == 1 or self.failure, f"{len(asked)} requests"
        assert got.status == self.status, got
        wanted = [self.recorded]
        if self.asks:  # it may have come unasked, as another client's would not be told from ours
            wanted.append(_CHOICELESS.sub(b"", self.recorded))
        assert got.body in wanted, f"{got.body[-300:]!r} is not {self.recorded[-300:]!r}"
        recorded = {name: value for name, value in self.row["response"]["headers"].items() if name not in HOP}
        for name, value in recorded.items():
            assert name == "x-should-retry" or got.headers.get(name) == value, name
        assert set(got.headers) - set(recorded) <= CLIENT_ADDS
        assert int(got.headers.get("content-length", len(got.body))) == len(got.body)
        return "errors" if self.failure else "streams" if self.row["stream"] else "whole"

    def _judge_request(self, request: Asked) -> None:
        parts = urlsplit(self.url)
        assert request.method == self.row["request"]["method"]
        assert request.target == parts.path + (f"?{parts.query}" if parts.query else "")
        came = dict(request.headers)
        assert len(came) == len(request.headers), "a header twice"
        assert came["host"] == parts.netloc
        assert {name: value for name, value in came.items() if name not in ENGINES_OWN} == {
            name: value for name, value in self.headers.items() if name not in ENGINES_OWN
        }
        if "accept" in self.headers:
            assert came["accept"] == self.headers["accept"]
        if self.asks:
            body = json.loads(request.body)
            options = body.pop("stream_options")
            assert options.pop("include_usage") is True
            unasked = dict(self.row["request"]["body"])
            before = unasked.pop("stream_options", None) or {}
            assert (body, options) == (unasked, {k: v for k, v in before.items() if k != "include_usage"})
        else:
            assert request.body == self.body  # not even written anew


def run(family: str, kind: str, usage: str, rows: Sequence[dict[str, Any]], player: Player) -> Found:
    """Play all of them to clients of one family."""
    found = Found()
    with player.everywhere():
        if kind == "sync":
            for row in rows:
                _one(family, Exchange(row, usage), usage, player, found)
        else:
            asyncio.run(_all(family, usage, rows, player, found))
    return found


def _one(family: str, exchange: Exchange, usage: str, player: Player, found: Found) -> None:
    player.put_on(exchange.played())
    with exchange.mux(usage) as mux, mux.http_client(family) as client:
        try:
            with client.stream("POST", exchange.url, content=exchange.body, headers=exchange.headers) as response:
                body = b"".join(response.iter_raw())
            found.counts[exchange.judge(Got(response.status_code, dict(response.headers), body), player.asked)] += 1
        except Exception as error:
            found.failed.append(_told(exchange, error))


async def _all(family: str, usage: str, rows: Sequence[dict[str, Any]], player: Player, found: Found) -> None:
    for row in rows:
        exchange = Exchange(row, usage)
        player.put_on(exchange.played())
        mux = exchange.mux(usage)
        async with mux.ahttp_client(family) as client:
            try:
                async with client.stream(
                    "POST", exchange.url, content=exchange.body, headers=exchange.headers
                ) as response:
                    body = b"".join([chunk async for chunk in response.aiter_raw()])
                found.counts[exchange.judge(Got(response.status_code, dict(response.headers), body), player.asked)] += 1
            except Exception as error:
                found.failed.append(_told(exchange, error))
        await mux.aclose()


def _told(exchange: Exchange, error: Exception) -> str:
    return f"{exchange.row['api']} {exchange.row['id']}: {type(error).__name__} {error}"[:500]
