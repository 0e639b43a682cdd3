"""Checks of answers that are odd, and of calls that nobody waits for any more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from common import WHOLE, Result, Servers

from modelmux.testing import FAULTS, Fault

ODD: dict[str, str] = {
    **dict.fromkeys(("html with 200", "empty body", "truncated json", "deep json", "redirect elsewhere"), "error"),
    **dict.fromkeys((f"wrong json, {what}" for what in ("list", "string", "number", "null", "empty object")), "error"),
    **dict.fromkeys(("no finish", "in-band error", "malformed event", "wrong json in an event"), "stream error"),
    **dict.fromkeys(("reset in the body", "broken chunk"), "error"),
    "no usage": "whole",
}
"""What each of the kit's faults has to come to: an error of the library's own, or the whole answer."""


def odd(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """An odd answer is the whole answer or an error of the library's own: never a part, never a foreign exception."""
    for name, due in ODD.items():
        for what in ("stream",) if due == "stream error" else ("chat", "stream"):
            primary, _ = servers.fresh()
            primary.fail(FAULTS[name])
            peer.setup(targets=servers.targets[:1])
            said = peer.ask(what, patience=20.0)
            if said.get("error"):
                passed, detail = due != "whole" and peer.own(said), said["error"]
            else:
                passed = said["text"] == WHOLE and bool(said.get("finish"))
                detail = f"success, {len(said['text'] or '')} of {len(WHOLE)} characters, finish {said.get('finish')}"
            yield Result("odd", f"{name}, {what}", passed, detail)


def cancelled(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """Cancelled calls leave nothing behind: no descriptor, task, thread or request, a second later."""
    calls = 10_000 if full else 500
    for what in ("chat", "stream"):
        for fault in ({"latency": 0.5}, {"pace": 0.02}):
            if what == "chat" and "pace" in fault:
                continue
            primary, _ = servers.fresh()
            primary.fail(Fault(**fault))
            peer.setup(targets=servers.targets[:1], sync=False)
            left = peer.ask("cancel", patience=240.0, calls=calls, at_once=100, streamed=what == "stream")
            time.sleep(1.0)
            under_way = primary.in_flight
            when = "in mid-stream" if "pace" in fault else "before the answer"
            for kind in ("descriptors", "tasks", "threads"):
                count = left.get(kind, -1)
                yield Result("cancelled", f"{what} {when}: {kind}", count == 0, f"{count} more after {calls} calls")
            detail = f"{under_way} still under way at the vendor"
            yield Result("cancelled", f"{what} {when}: requests", under_way == 0, detail)
            primary.heal()
            said = peer.ask("chat", patience=20.0)
            passed = said.get("text") == WHOLE
            yield Result("cancelled", f"{what} {when}: the next call", passed, str(said.get("error") or "whole answer"))
