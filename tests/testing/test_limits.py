"""Overload, rate limits, flapping, counters: what a server does over many requests."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from modelmux.testing import FakeClock, Fault, Vendors, VendorServer


@pytest.fixture
def clock():
    return FakeClock(time=1_767_225_600.0, monotonic=0.0)


def statuses(caller, server, count):
    return [caller.ask(server).status for _ in range(count)]


# --- rate limits -----------------------------------------------------------------------------------------------------


def test_requests_a_minute_are_counted_and_come_back_steadily(caller, clock):
    with VendorServer("openai", clock=clock) as server:
        server.limit(rpm=6)
        assert statuses(caller, server, 8) == [200] * 6 + [429] * 2
        clock.advance(9.9)
        assert statuses(caller, server, 1) == [429]
        clock.advance(0.2)
        assert statuses(caller, server, 2) == [200, 429]
        clock.advance(1_000)
        assert statuses(caller, server, 7) == [200] * 6 + [429]
        server.limit()
        assert statuses(caller, server, 3) == [200] * 3


def test_openai_says_where_its_limits_stand_and_when_to_come_back(caller, clock):
    with VendorServer("openai", clock=clock) as server:
        server.reply(text="x", usage={"input": 3, "output": 90, "reasoning": 10})
        server.limit(rpm=10, tpm=600)
        first = caller.ask(server, "x" * 400)  # a hundred tokens, by four characters each
        assert first.headers["x-ratelimit-limit-requests"] == "10"
        assert first.headers["x-ratelimit-remaining-requests"] == "9"
        assert first.headers["x-ratelimit-remaining-tokens"] == "400"
        assert first.headers["x-ratelimit-reset-tokens"] == "20s"
        assert first.headers["x-ratelimit-reset-requests"] == "6s"
        assert "retry-after" not in first.headers
        met = [caller.ask(server, "x" * 1_600), caller.ask(server, "x" * 1_600)][1]
        assert met.status == 429
        assert met.json["error"]["type"] == "tokens"
        assert met.json["error"]["code"] == "rate_limit_exceeded"
        assert "try again in" in met.json["error"]["message"]
        wait = float(met.headers["retry-after-ms"]) / 1000
        assert wait <= int(met.headers["retry-after"]) < wait + 1
        clock.advance(wait - 0.1)
        assert caller.ask(server, "x" * 1_600).status == 429
        clock.advance(0.11)
        assert caller.ask(server, "x" * 1_600).status == 200


def test_anthropic_says_when_in_moments_and_by_dimension(caller, clock):
    with VendorServer("anthropic", clock=clock) as server:
        server.limit(rpm=5, itpm=1_000, otpm=100)
        got = caller.ask(server)
        assert got.headers["anthropic-ratelimit-requests-remaining"] == "4"
        assert got.headers["anthropic-ratelimit-input-tokens-limit"] == "1000"
        assert got.headers["anthropic-ratelimit-output-tokens-limit"] == "100"
        reset = datetime.fromisoformat(got.headers["anthropic-ratelimit-requests-reset"])
        assert reset.timestamp() == clock.time() + 12
        server.reply(text="y" * 800)
        assert statuses(caller, server, 2) == [200, 429]
        met = caller.ask(server)
        assert met.json["error"]["type"] == "rate_limit_error"
        clock.advance(int(met.headers["retry-after"]))
        assert caller.ask(server).status == 200


def test_gemini_says_it_in_the_body_alone(caller, clock):
    with VendorServer("gemini", clock=clock) as server:
        server.limit(rpm=2)
        got = [caller.ask(server) for _ in range(3)]
    assert not any("ratelimit" in name or name == "retry-after" for answer in got for name in answer.headers)
    failure, info = got[-1].json["error"]["details"]
    assert failure["violations"][0]["quotaValue"] == "2"
    assert info["retryDelay"] == "30s"


FORMS = {
    "seconds": lambda headers, _now: float(headers["retry-after"]),
    "ms": lambda headers, _now: float(headers["retry-after-ms"]) / 1000,
    "date": lambda headers, now: parsedate_to_datetime(headers["retry-after"]).timestamp() - now,
    "duration": lambda headers, _now: {"6m0s": 360.0}[headers["retry-after"]],
    "none": lambda headers, _now: None if "retry-after" in headers else 360.0,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_retry_after(caller, clock, form):
    with VendorServer("openai", clock=clock) as server:
        server.limit(tpm=1, retry_after=form)
        server.reply(text="z" * 20)
        assert caller.ask(server, "a").status == 200  # one token asked, five said: five are owed
        met = caller.ask(server, "a")
        assert met.status == 429
        assert FORMS[form](met.headers, clock.time()) == 360.0


def test_a_misspelt_form_says_so():
    with pytest.raises(ValueError, match="duration"):
        VendorServer("openai").limit(rpm=1, retry_after="soon")


# --- overload --------------------------------------------------------------------------------------------------------


def test_above_its_capacity_a_server_refuses_and_counts(new_caller):
    with VendorServer("anthropic", latency=0.3, capacity=3) as server:
        found = []

        def ask():
            found.append(new_caller().ask(server).status)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [200] * 3 + [529] * 5
        assert server.in_flight == 0
        assert server.max_in_flight == 4  # the three, and each that was refused for a moment
        server.overload = Fault(status=429, retry_after=3)
        server.latency = 0.0
        server.capacity = 0
        caller = new_caller()
        assert caller.ask(server).status == 429
        server.capacity = 1
        assert caller.ask(server).status == 200


def test_callers_who_leave_are_counted_and_forgotten(caller):
    with VendorServer("openai") as server:
        server.fail("black hole")
        caller.hurry(server, 0.05)
        with pytest.raises(TimeoutError):
            caller.ask(server)
        assert server.idle()
        assert (server.hung_up, server.in_flight, len(server.requests)) == (1, 0, 1)
        assert server.requests[0].ended - server.requests[0].at < 1
        server.reset()
        assert (server.hung_up, server.max_in_flight, len(server.requests)) == (0, 0, 0)
        assert not server.idle(0.01) or server.in_flight == 0


def test_a_request_forgotten_by_a_reset_is_not_counted_afterwards(caller):
    with VendorServer("openai", latency=0.1) as server:
        port = int(server.origin.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as sock:
            body = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
            head = b"POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer test-key\r\ncontent-length: %d\r\n\r\n"
            sock.sendall(head % len(body) + body)
            while not server.in_flight:
                time.sleep(0.001)
            server.reset()
            assert server.in_flight == 0
            assert sock.recv(100).startswith(b"HTTP/1.1 200")
        assert server.in_flight == 0


# --- up and down -----------------------------------------------------------------------------------------------------


def test_flapping_by_requests(caller):
    with VendorServer("openai") as server:
        server.flap("unavailable", up=3, down=2, unit="requests")
        assert statuses(caller, server, 12) == [200, 200, 200, 503, 503] * 2 + [200, 200]
        server.heal()
        assert statuses(caller, server, 6) == [200] * 6


def test_flapping_by_time(caller, clock):
    with VendorServer("openai", clock=clock) as server:
        server.flap(Fault(status=500), up=10, down=5)
        seen = []
        for _ in range(8):
            seen += statuses(caller, server, 1)
            clock.advance(4)
        assert seen == [200, 200, 200, 500, 200, 200, 200, 500]  # at 0 4 8 12 16 20 24 28


def test_a_fault_for_some_seconds(caller, clock):
    with VendorServer("openai", clock=clock) as server:
        server.fail("unavailable", seconds=60)
        assert statuses(caller, server, 2) == [503, 503]
        clock.advance(60)
        assert statuses(caller, server, 1) == [200]


def test_connections_are_refused_for_a_while_and_by_turns(new_caller):
    def reachable():
        try:
            return new_caller().ask(server).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def until(wanted):
        end = time.monotonic() + 5
        while reachable() is not wanted and time.monotonic() < end:
            time.sleep(0.005)
        return reachable() is wanted or time.monotonic() < end

    with VendorServer("openai") as server:
        server.fail("connection refused", seconds=0.1)
        assert not reachable()
        assert until(True)
        server.flap("connection refused", up=0.05, down=0.05)
        assert until(False)
        assert until(True)
        assert until(False)
        server.heal()
        time.sleep(0.12)
        assert reachable()


@pytest.mark.parametrize("how", ["refuse", "silent", "close", "reset"])
def test_every_way_of_being_down_ends_open_connections_and_can_be_healed(caller, how):
    with VendorServer("openai") as server:
        assert caller.ask(server).status == 200
        server.fail(Fault(down=how))
        with pytest.raises((OSError, http.client.HTTPException)):
            caller.ask(server)
        with pytest.raises((OSError, http.client.HTTPException)):
            socket_of(server)
        server.heal()
        assert caller.ask(server).status == 200


def socket_of(server):
    """Connect, ask, and read: OSError where that does not work."""
    with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2])), timeout=0.05) as sock:
        sock.sendall(b"GET /v1/models HTTP/1.1\r\n\r\n")
        if not sock.recv(10):
            raise ConnectionError


def test_faults_of_connections_do_not_count_requests():
    with VendorServer("openai") as server:
        with pytest.raises(ValueError, match="connections"):
            server.fail("connection refused", times=1)
        with pytest.raises(ValueError, match="requests"):
            server.flap("connection refused", up=1, down=1, unit="requests")
        with pytest.raises(KeyError, match="black hole"):
            server.fail("white hole")


# --- many ------------------------------------------------------------------------------------------------------------


def test_latency_may_depend_on_the_request(caller):
    with VendorServer("openai", latency=lambda request: 0.2 if "slow" in request.asked.last else 0.0) as server:
        took = []
        for text in ("quick", "slow"):
            began = time.monotonic()
            caller.ask(server, text)
            took.append(time.monotonic() - began)
    assert took[1] >= 0.19
    assert took[0] < took[1]


def test_a_hundred_connections_at_once(new_caller):
    with Vendors() as vendors:
        server = vendors.openai
        callers = [new_caller() for _ in range(100)]
        threads = [threading.Thread(target=statuses, args=(caller, server, 3)) for caller in callers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(server.connections), server.accepted, len(server.requests)) == (100, 100, 300)
        assert {request.outcome for request in server.requests} == {"answered"}
