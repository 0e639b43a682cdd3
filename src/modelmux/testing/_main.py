"""``python -m modelmux.testing.server``: one vendor in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from threading import Event

from modelmux.testing._fast import FastConnection, Prebuilt
from modelmux.testing.server import HOST, SHAPES, VendorServer

TEXT = "The quick brown fox jumps over the lazy dog. " * 4


def main(arguments: list[str] | None = None) -> None:
    """Print the base URL, then serve until interrupted."""
    options = _parser().parse_args(arguments)
    if options.fast:
        asyncio.run(_serve_fast(options))
        return
    server = VendorServer(options.wire, key=options.key, latency=options.latency, pace=options.pace, port=options.port)
    with server:
        _say(server.base_url)
        Event().wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modelmux.testing.server", description=__doc__)
    parser.add_argument("--wire", default="openai", choices=sorted(SHAPES), help="vendor or wire id")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--key", help="the key that requests must carry (default: none is asked for)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before the head (not with --fast)")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between the events of a stream")
    parser.add_argument("--fast", action="store_true", help="prebuilt answers, nothing checked: for benchmarks")
    parser.add_argument("--events", type=int, default=50, help="at most so many text events in a stream (with --fast)")
    parser.add_argument("--text", default=TEXT, help="what every answer says (with --fast)")
    return parser


async def _serve_fast(options: argparse.Namespace) -> None:
    shape = SHAPES[options.wire]()
    answers = Prebuilt(shape, text=options.text, events=options.events, pace=options.pace)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: FastConnection(answers, loop), HOST, options.port, backlog=1024)
    _say(f"http://{HOST}:{server.sockets[0].getsockname()[1]}{shape.prefix}")
    await server.serve_forever()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
