"""What the package named on the command line sends and gives back, case by case (see ``dropin/worker.py``)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from dropin.anthropic.calls import CASES
from dropin.loopback import Loopback
from dropin.worker import failure, main, outcome, plain, settled

HEADERS = (
    "accept",
    "anthropic-beta",
    "anthropic-user-profile-id",
    "anthropic-version",
    "anthropic-workspace-id",
    "authorization",
    "content-type",
    "user-agent",
    "x-extra",
    "x-stainless-async",
    "x-stainless-helper",
    "x-stainless-helper-method",
    "x-stainless-lang",
    "x-stainless-package-version",
    "x-stainless-read-timeout",
    "x-stainless-retry-count",
    "x-stainless-runtime",
    "x-stainless-stream-helper",
    "x-stainless-timeout",
)
"""The headers that matter."""


async def helped(manager: Any) -> list[Any]:
    """The events of a stream's helper, and the message that they make."""
    items: list[Any] = []
    try:
        if hasattr(manager, "__aenter__"):
            async with manager as stream:
                items += [named(event) async for event in stream]
                items += [plain_message(await stream.get_final_message()), await stream.get_final_text()]
        else:
            with manager as stream:
                items += [named(event) for event in stream]
                items += [plain_message(stream.get_final_message()), stream.get_final_text()]
        items.append(stream.request_id)
    except Exception as error:
        items.append(failure(error))
    return items


def named(event: Any) -> list[Any]:
    return [type(event).__name__.partition("[")[0], event.to_dict()]


def plain_message(message: Any) -> Any:
    return [type(message).__name__.partition("[")[0], message.to_dict()]


async def made(client: Any, case: dict[str, Any]) -> Any:
    if case["how"] == "helper":
        target = client
        for name in case["call"].split("."):
            target = getattr(target, name)
        return await helped(target(**case["kwargs"]))
    if case["how"] == "bytes":
        reply = await settled(client.beta.files.download(*case["args"]))
        return [type(reply).__name__.removeprefix("Async"), repr(await settled(reply.read())), reply.request_id]
    if case["call"].endswith("results") and case["how"] == "page":
        target = client.beta.messages.batches if case["call"].startswith("beta") else client.messages.batches
        found = await settled(target.results(*case["args"], **case["kwargs"]))
        return [plain(item) async for item in found] if hasattr(found, "__aiter__") else [plain(item) for item in found]
    return await outcome(client, case)


def client(kind: type, server: Loopback) -> Any:
    return kind(api_key="test-key", base_url=server.url.removesuffix("/v1"))


if __name__ == "__main__":
    main("Anthropic", CASES, HEADERS, client, made)
