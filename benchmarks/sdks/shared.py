"""What the runs of all SDKs share: vendors on loopback, and a Mux over them. Run by ``tests/full/test_sdks.py``."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from modelmux import Mux
from modelmux.testing import Vendors

MODELS = ("openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash")
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = [{"name": "get_weather", "arguments": {"city": "Seoul"}}]
STATUSES = (400, 404, 429, 500)


@contextmanager
def served(**options: Any) -> Iterator[tuple[Vendors, Mux]]:
    with Vendors() as vendors, Mux(vendors.endpoints(), **options) as mux:
        yield vendors, mux


def vendor_of(model: str) -> str:
    return model.partition("/")[0]


def each_status(ask: Callable[[Mux, str], Any], kinds: Mapping[int, type[Exception]]) -> None:
    """Every vendor's error, whichever it is, is of the SDK's own class, and no try of ours is multiplied."""
    for model in MODELS:
        for status, kind in kinds.items():
            with served() as (vendors, mux):
                server = vendors[vendor_of(model)]
                server.reply(status=status, text="as told")
                with pytest.raises(kind, match="as told"):
                    ask(mux, model)
                assert len(server.requests) <= 3, (model, status, len(server.requests))


def run(names: Mapping[str, Any]) -> None:
    """Run every ``check_…`` of a script; leave with what failed."""
    failed = 0
    for name, check in list(names.items()):
        if name.startswith("check_"):
            try:
                asyncio.run(check()) if asyncio.iscoroutinefunction(check) else check()
                print("ok    ", name)
            except Exception:
                failed += 1
                print("FAILED", name)
                traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed else 0)
