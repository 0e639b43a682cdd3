"""The checks, in groups: each function asks a system and yields what passed and what did not."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from answers import cancelled, odd
from common import FALLBACK, WHOLE, Result, Servers

from modelmux.testing import Fault, VendorServer
from modelmux.testing.faults import NEVER

DEADLINE = 1.5
LATE = 0.05
"""Seconds after a plain timer in the same process by which a call with a deadline has to end."""


# --- one: sixteen scenarios -------------------------------------------------------------------------------------

_PREFILLED = Fault(status=400, message="This model does not support assistant message prefill.")

SCENARIOS: dict[str, tuple[Fault, int | None, dict[str, Any]]] = {
    "429 with Retry-After once": (Fault(status=429, retry_after=1), 1, {"after": 1.0}),
    "429 always": (Fault(status=429, retry_after=1), None, {"after": 1.0}),
    "500 once": (Fault(status=500), 1, {}),
    "503 always": (Fault(status=503), None, {}),
    "reset before headers once": (Fault(reset=True), 1, {}),
    "no response at all": (Fault(latency=NEVER), None, {"silent": True}),
    "first token after 20 s": (Fault(first_token_after=20), None, {"silent": True, "within": 17.0}),
    "stream cut after 40 of 60 tokens": (Fault(cut_after=40, unit="tokens"), None, {}),
    "stall of 30 s after 20 tokens": (Fault(stall_after=20, unit="tokens", stall_for=30), None, {"silent": True}),
    "malformed chunk": (Fault(malformed_after=20), None, {}),
    "no [DONE]": (Fault(without=frozenset({"end"})), None, {"primary": True}),
    "context length 400": (Fault(status=400, code="context_length_exceeded"), None, {}),
    "content filter 400": (Fault(status=400, code="content_filter"), None, {"refused": True}),
    "cut stream, fallback rejects prefill": (Fault(cut_after=40, unit="tokens"), None, {"prefill": True}),
    "accounting after failover": (Fault(cut_after=40, unit="tokens"), None, {"books": True}),
}


def failover(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """The caller gets the whole answer, however the first vendor fails. modelmux: ``on_break="buffer"``."""
    own = {"on_break": "buffer"} if peer.system == "modelmux" else {}
    yield from _scenarios("failover", peer, servers, own, (True, False))
    yield from _down_and_up("failover", peer, servers, 60.0 if full else 6.0)


def restarts(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """The same with ``on_break="restart"``, which only modelmux has."""
    if peer.system == "modelmux":
        yield from _scenarios("restarts", peer, servers, {"on_break": "restart"}, (False,))


def defaults(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """The same with default settings: the whole answer or an error of the library's own, nothing truncated, no hang."""
    if peer.system != "modelmux":
        return  # the others have no other settings: it is what they were asked first
    for name, (fault, times, also) in SCENARIOS.items():
        primary, _ = servers.fresh()
        primary.fail(fault, times=times)
        peer.setup(targets=servers.targets)
        said = peer.ask("stream", patience=40.0)
        if said.get("error"):
            wrong = "" if peer.own(said) else f"{said['error']}: {said.get('message', '')[:80]}"
        else:
            # A stall in front of the caller, with nowhere to go on, may be waited for.
            wrong = _wrong(said, primary, also)
        yield Result("defaults", name, not wrong, wrong or said.get("error") or "whole answer")


def _scenarios(
    group: str, peer: Any, servers: Servers, own: dict[str, Any], flavours: tuple[bool, ...]
) -> Iterator[Result]:
    for name, (fault, times, also) in SCENARIOS.items():
        for sync in flavours:
            primary, other = servers.fresh()
            primary.fail(fault, times=times)
            if also.get("prefill"):
                other.fail(_PREFILLED, when=lambda request: request.json["messages"][-1]["role"] == "assistant")
            peer.setup(targets=servers.targets, sync=sync, **own)
            said = peer.ask("stream", patience=40.0)
            wrong = _wrong(said, primary, also)
            yield Result(group, f"{name}, {'sync' if sync else 'async'}", not wrong, wrong or "whole answer")


def _wrong(said: dict[str, Any], primary: VendorServer, also: dict[str, Any]) -> str:
    """What is wrong with how a call ended; empty when nothing is."""
    asked = primary.requests
    if also.get("refused"):
        if said.get("text"):
            return "a refused prompt was shopped around"
        return "" if said.get("error") not in (None, "hangs") and len(asked) == 1 else f"{said.get('error')}"
    if said.get("hangs"):
        return "hangs"
    if said.get("error"):
        return f"{said['error']}: {said.get('message', '')[:80]}"
    if said["text"] not in (WHOLE, FALLBACK):
        return f"a truncated or doubled answer passed for a success ({len(said['text'])} characters)"
    if len(asked) > (1 if also.get("silent") else 6):
        return f"{len(asked)} requests to the primary"
    waits = [later.at - earlier.at for earlier, later in pairwise(asked)]
    if waits and waits[0] < also.get("after", 0.0):
        return f"asked again {waits[0]:.2f} s after Retry-After: 1"
    if said["seconds"] > also.get("within", math.inf):
        return f"took {said['seconds']:.1f} s"
    served = ("gpt-5-mini", 60) if said["text"] == WHOLE else ("claude-haiku-4-5", 61)
    if not str(said.get("model")).startswith(served[0]):
        return f"says {said.get('model')} answered"
    return "" if said.get("output") == served[1] else f"says {said.get('output')} tokens, not {served[1]}"


def _down_and_up(group: str, peer: Any, servers: Servers, seconds: float) -> Iterator[Result]:
    """The primary is down for a while under five calls a second, then up: used again within 30 s."""
    primary, _ = servers.fresh()
    primary.fail(Fault(status=503))
    peer.setup(targets=servers.targets)
    began = time.monotonic()
    failed = asked_down = 0
    while time.monotonic() - began < seconds:
        failed += peer.ask("chat").get("error") is not None
        time.sleep(0.2)
    asked_down = len(primary.requests)
    primary.heal()
    healed = time.monotonic()
    back = math.inf
    while time.monotonic() - healed < 31.0:
        if peer.ask("chat").get("text") == WHOLE:
            back = time.monotonic() - healed
            break
        time.sleep(0.2)
    most = 12 + seconds
    passed = failed == 0 and back <= 30.0 and asked_down <= most
    detail = f"{failed} calls failed, {asked_down} requests while down, back after {back:.1f} s"
    yield Result(group, "primary down, then up", passed, detail)


# --- two: the deadline ------------------------------------------------------------------------------------------

SLOW: dict[str, Fault] = {
    "black hole": Fault(latency=NEVER),
    "silent port": Fault(down="silent"),
    "slow head": Fault(head_pace=0.2),
    "drip of the body": Fault(drip=1, pace=0.2),
    "drip inside a line": Fault(drip=1, pace=0.2, drip_from=700),
    "late first token": Fault(first_token_after=20),
    "late first token, pings": Fault(first_token_after=20, ping=0.2),
    "stall": Fault(stall_after=20, unit="tokens"),
    "stall with pings": Fault(stall_after=20, unit="tokens", ping=0.2),
    "stall with comments": Fault(stall_after=20, unit="tokens", ping=0.2, ping_kind="comment"),
    "429 with a long Retry-After": Fault(status=429, retry_after=30),
    "503 after a second": Fault(status=503, latency=1.0),
    "slow tokens": Fault(pace=0.3),
    "endless comments": Fault(flood="comments"),
    "endless interim answers": Fault(flood="interim", pace=0.01),
    "whole, then a hanging connection": Fault(stall_after=10**9),
    "whole, then pings": Fault(stall_after=10**9, ping=0.2),
}

SLOW_WHOLE: dict[str, Fault] = {
    "black hole": Fault(latency=NEVER),
    "slow head": Fault(head_pace=0.2),
    "drip of the body": Fault(drip=1, pace=0.2),
    "stall in the body": Fault(stall_after=40),
    "error that drips": Fault(status=500, drip=1, pace=0.2),
    "refused by nobody": Fault(down="silent"),
}


def deadlines(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """``deadline=1.5`` (the others: ``timeout=1.5``) ends no later than 50 ms after a timer of 1.5 s."""
    for what, faults in (("stream", SLOW), ("chat", SLOW_WHOLE)):
        for name, fault in faults.items():
            for sync in (True, False):
                primary, _ = servers.fresh()
                primary.fail(fault)
                peer.setup(targets=servers.targets[:1], sync=sync, deadline=DEADLINE)
                yield _in_time(peer, f"{name}, {what}, {'sync' if sync else 'async'}", what)
                primary.heal()
    for sync in (True, False):
        servers.fresh()
        nowhere = [{**servers.targets[0], "url": "http://slow.localhost:9/v1"}]
        peer.setup(targets=nowhere, sync=sync, deadline=DEADLINE, slow_name="slow.localhost")
        yield _in_time(peer, f"a name that is not resolved, {'sync' if sync else 'async'}", "chat")


def _in_time(peer: Any, name: str, what: str) -> Result:
    said = peer.ask(what, patience=2 * DEADLINE, timer=DEADLINE)
    late = said["seconds"] - said.get("timer", DEADLINE)
    passed = late <= LATE and ("error" in said or said["text"] == WHOLE)
    detail = "hangs" if said.get("hangs") else f"{late * 1000:+.0f} ms, {said.get('error', 'success')}"
    return Result("deadlines", name, passed, detail)


# --- three: cuts ------------------------------------------------------------------------------------------------


def cuts(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """A stream cut at byte N is never a success with something missing, and nothing is said twice."""
    primary, _ = servers.fresh()
    peer.setup(targets=servers.targets[:1])
    length = 60 * 200
    step = 37 if full else 331
    for framing in ("chunked", "close", "length"):
        for sync in (True, False):
            wrong: list[int] = []
            tried = 0
            peer.setup(targets=servers.targets[:1], sync=sync)
            for offset in range(1, length, step):
                primary, _ = servers.fresh()
                primary.fail(Fault(cut_after=offset, framing=framing))
                said = peer.ask("stream")
                tried += 1
                if "error" not in said and said["text"] != WHOLE:
                    wrong.append(offset)
            detail = f"{len(wrong)} of {tried} cuts passed for a whole answer"
            yield Result("cuts", f"{framing} framing, {'sync' if sync else 'async'}", not wrong, detail)
    for framing in ("chunked", "close", "length"):
        peer.setup(targets=servers.targets[:1])
        wrong, tried = [], 0
        for offset in range(1, 600, 7 if full else 29):
            primary, _ = servers.fresh()
            primary.fail(Fault(cut_after=offset, framing=framing))
            said = peer.ask("chat")
            tried += 1
            if "error" not in said and said["text"] != WHOLE:
                wrong.append(offset)
        detail = f"{len(wrong)} of {tried} cuts passed for a whole answer"
        yield Result("cuts", f"{framing} framing, in one piece", not wrong, detail)


# --- four: nobody is hammered -----------------------------------------------------------------------------------


def dead(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """Three dead targets cost three attempts at most."""
    for name, fault in {"503": Fault(status=503), "429": Fault(status=429), "reset": Fault(reset=True)}.items():
        for what in ("chat", "stream"):
            servers.fresh()
            for server in servers.alike:
                server.fail(fault)
            peer.setup(targets=servers.equals)
            said = peer.ask(what)
            asked = sum(len(server.requests) for server in servers.alike)
            passed = "error" in said and asked <= 3
            yield Result("dead", f"three targets answer {name}, {what}", passed, f"{asked} attempts")


# --- five: hostile answers --------------------------------------------------------------------------------------

BOMBS = {
    "gzip bomb": Fault(flood="gzip"),
    "endless line": Fault(flood="line", flood_bytes=512 * 1024 * 1024),
    "endless body": Fault(flood="body", flood_bytes=512 * 1024 * 1024),
    "endless header": Fault(flood="header", flood_bytes=512 * 1024 * 1024),
    "endless headers": Fault(flood="headers", flood_bytes=512 * 1024 * 1024),
    "endless chunk line": Fault(flood="chunk line", flood_bytes=512 * 1024 * 1024),
    "endless interim answers": Fault(flood="interim", flood_bytes=512 * 1024 * 1024),
}


SOON = 2.0
"""Seconds of CPU for a hostile answer, which say more than those on the clock of a busy machine."""


def bombs(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """A hostile body ends in an error after two seconds of CPU at most, in its cap (64 MiB) and 32 MB of memory."""
    for name, fault in BOMBS.items():
        for what in ("chat", "stream"):
            primary, _ = servers.fresh()
            peer.stop()
            peer.setup(targets=servers.targets[:1])
            peer.ask(what)
            before = peer.ask("memory")["peak"]
            primary.fail(fault)
            said = peer.ask(what, patience=30.0)
            grown = math.inf if said.get("hangs") else (peer.ask("memory")["peak"] - before) / 1024
            passed = "error" in said and grown <= 64 * 1.049 + 32 and said.get("cpu", math.inf) <= SOON
            detail = f"{said.get('error', 'success')}, {grown:.0f} MB more, {said.get('cpu', math.inf):.1f} s of CPU"
            yield Result("bombs", f"{name}, {what}", passed, detail)
            primary.heal()


# --- six: secrets -----------------------------------------------------------------------------------------------

LEAKS = {
    "401 that echoes the key": Fault(status=401, message="Incorrect API key provided: canary-key-0."),
    "500": Fault(status=500),
    "connection refused": Fault(down="refuse"),
    "HTML": Fault(status=502, body="<html>canary-key-0</html>", content_type="text/html"),
    "200 that is no answer": Fault(body='"canary-key-0"'),
    "cut body": Fault(cut_after=40),
    "no error at all": Fault(),
}


def leaks(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """The key is in no log at DEBUG, no error's text, traceback, attribute or pickle."""
    for name, fault in LEAKS.items():
        primary, _ = servers.fresh()
        primary.fail(fault)
        peer.setup(targets=servers.targets[:1])
        said = peer.ask("leak", key=primary.key)
        places = said.get("places", ["hangs"])
        yield Result("leaks", name, not places, ", ".join(places) or "nowhere")
        primary.heal()


# --- seven: load ------------------------------------------------------------------------------------------------

BROKEN: dict[str, Fault] = {
    "500": Fault(status=500),
    "503": Fault(status=503),
    "429": Fault(status=429),
    "529": Fault(status=529),
    "401": Fault(status=401),
    "reset": Fault(reset=True),
    "refused": Fault(down="refuse"),
    "cut body": Fault(cut_after=40),
    "HTML": Fault(status=200, body="<html>hi</html>", content_type="text/html"),
    "wrong JSON": Fault(status=200, body="[]", content_type="application/json"),
    "in a millisecond": Fault(status=500, latency=0.0),
    "slow failure": Fault(status=500, latency=0.5),
    "black hole": Fault(latency=NEVER),
}


def load(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """One of three equal backends is broken: no call fails, it is left alone, and it is back soon after it heals."""
    calls = 5000 if full else 1000
    for name, fault in BROKEN.items():
        sick = _sick(servers, fault)
        peer.setup(targets=servers.equals, equals=True)
        began = time.monotonic()
        said = peer.ask("load", patience=150.0, calls=calls, at_once=50)
        failed = said.get("failed", ["hangs"])
        detail = f"{len(failed)} of {calls} failed {' '.join(sorted(set(failed)))}".rstrip()
        yield Result("load", f"{name}: no call fails", not failed, detail)
        touched, later = len(sick.requests), sum(request.at > began + 2.0 for request in sick.requests)
        # Fifty are under way when it is found out; then it is a call in a hundred.
        passed = touched <= 50 + 0.01 * calls and later <= 0.01 * calls
        detail = f"{touched} of {calls} calls touched it, {later} of them after 2 s"
        yield Result("load", f"{name}: left alone", passed, detail)
        sick.heal()
        if full or name in ("503", "refused", "cut body"):
            for server in servers.alike:
                server.latency = 0.2
            peer.ask("load", patience=60.0, calls=2250, at_once=50)  # nine seconds
            before = [len(server.requests) for server in servers.alike]
            peer.ask("load", patience=60.0, calls=600, at_once=50)
            share = [len(s.requests) - b for s, b in zip(servers.alike, before, strict=True)]
            yield Result("load", f"{name}: back 10 s after healing", share[0] >= 100, f"{share} of 600 calls")
    sick = _sick(servers, Fault(status=500, latency=0.001), when=lambda request: request.number % 2 == 0)
    peer.setup(targets=servers.equals, equals=True)
    peer.ask("load", patience=60.0, calls=calls, at_once=50)
    share = len(sick.requests) / (calls / 3)
    yield Result("load", "half of its answers fail in a millisecond", share <= 0.1, f"{share:.0%} of its fair share")


def _sick(servers: Servers, fault: Fault, **when: Any) -> VendorServer:
    """Three equals that take 50 ms, of which the first one is broken."""
    servers.fresh()
    for server in servers.alike:
        server.latency = 0.05
    servers.alike[0].fail(fault, **when)
    return servers.alike[0]


def outage(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """All are down: calls make one attempt each; when one heals it serves within 5 s."""
    servers.fresh()
    for server in servers.alike:
        server.fail(Fault(status=503))
    peer.setup(targets=servers.equals, equals=True)
    seconds = 30 if full else 8
    peer.tell("load", calls=seconds * 100 + 500, rate=100.0)
    began = time.monotonic()
    time.sleep(2.0)
    settled = _asked(servers)
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    attempts, calls = _asked(servers) - settled, (seconds - 2) * 100
    servers.alike[1].heal()
    healed = time.monotonic() - began
    said = peer.hear(120.0) or {"served": [], "failed": ["hangs"]}
    ratio = attempts / calls
    yield Result("outage", "attempts a call after 2 s", ratio <= 1.10, f"{ratio:.2f}")
    first = min((at for at, _ in said["served"]), default=math.inf) - healed
    yield Result("outage", "served again after one heals", first <= 5.0, f"{first:.2f} s")


def _asked(servers: Servers) -> int:
    return sum(Counter(len(server.requests) for server in servers.alike).elements())


def hedging(peer: Any, servers: Servers, full: bool) -> Iterator[Result]:
    """3 % of calls are ten times slower: hedges of 5 % at most take 60 % off the 99th percentile."""
    calls = 2000 if full else 500
    p99: dict[bool, float] = {}
    extra = math.inf
    for hedge in (False, True):
        servers.fresh()
        for server in servers.alike:
            server.latency = 0.05
            server.fail(Fault(latency=0.5), when=_one_in(33))
        own = {"hedge": 0.05} if hedge and peer.system == "modelmux" else {}
        peer.setup(targets=servers.equals, equals=True, **own)
        peer.ask("load", patience=120.0, calls=200, at_once=20)
        before = _asked(servers)
        said = peer.ask("load", patience=180.0, calls=calls, at_once=20)
        took = said["seconds_each"]
        p99[hedge] = took[int(0.99 * len(took))]
        extra = (_asked(servers) - before) / calls - 1
    gain = 1 - p99[True] / p99[False]
    detail = f"p99 {p99[False] * 1000:.0f} to {p99[True] * 1000:.0f} ms, {extra:.1%} more requests"
    yield Result("hedging", "p99 down by 60 %, 5 % more requests", gain >= 0.6 and extra <= 0.05, detail)


def _one_in(number: int) -> Callable[[Any], bool]:
    """Every so many requests to one server; hedges are asked of others, which count for themselves."""
    return lambda request: request.number % number == 7


SETTINGS = frozenset({"restarts", "defaults"})
"""Groups about what only modelmux has: the others were asked the same scenarios as they are."""

GROUPS: dict[str, Callable[[Any, Servers, bool], Iterator[Result]]] = {
    "failover": failover,
    "restarts": restarts,
    "defaults": defaults,
    "deadlines": deadlines,
    "cuts": cuts,
    "odd": odd,
    "cancelled": cancelled,
    "dead": dead,
    "bombs": bombs,
    "leaks": leaks,
    "load": load,
    "outage": outage,
    "hedging": hedging,
}
