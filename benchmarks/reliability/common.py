"""What the checks share: results, and the servers that fail."""

from __future__ import annotations

from typing import NamedTuple, Self

from modelmux.testing import VendorServer

TOKENS = [f"t{n} " for n in range(60)]
OTHER = [f"u{n} " for n in range(60)]
WHOLE, FALLBACK = "".join(TOKENS), "".join(OTHER)


class Result(NamedTuple):
    group: str
    name: str
    passed: bool
    detail: str


class Servers:
    """A primary and two more of its kind, and one of another vendor."""

    def __init__(self) -> None:
        self.alike = [VendorServer("openai", key=f"canary-key-{n}") for n in range(3)]
        self.other = VendorServer("anthropic", key="canary-key-other")

    def __enter__(self) -> Self:
        for server in (*self.alike, self.other):
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (*self.alike, self.other):
            server.stop()

    def fresh(self) -> tuple[VendorServer, VendorServer]:
        """The primary and its fallback, well again and without memory."""
        for server in (*self.alike, self.other):
            server.reset()
        for server in self.alike:
            server.reply(text=TOKENS, usage={"input": 7, "output": 60})
        self.other.reply(text=OTHER, usage={"input": 8, "output": 61})
        return self.alike[0], self.other

    @property
    def targets(self) -> list[dict[str, str]]:
        primary, other = self.alike[0], self.other
        return [
            {"name": "primary", "model": "openai/gpt-5-mini", "url": primary.base_url, "key": primary.key},
            {"name": "fallback", "model": "anthropic/claude-haiku-4-5", "url": other.base_url, "key": other.key},
        ]

    @property
    def equals(self) -> list[dict[str, str]]:
        return [
            {"name": f"equal{n}", "model": "openai/gpt-5-mini", "url": server.base_url, "key": server.key}
            for n, server in enumerate(self.alike)
        ]
