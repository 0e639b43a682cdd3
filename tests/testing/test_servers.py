"""The embedded vendors, asked over real HTTP by a caller that writes and reads the formats by hand."""

from __future__ import annotations

import json
import re
import socket
import threading
import time

import pytest

from corpus import body_of, recordings
from modelmux.testing import Answer, RecordedRequest, Vendors, VendorServer

VENDORS = ("openai", "anthropic", "gemini")

# Where each vendor keeps what a test looks at: text, finish and the model, in a whole answer.
TEXT = {
    "openai": lambda body: body["choices"][0]["message"]["content"],
    "anthropic": lambda body: "".join(b["text"] for b in body["content"] if b["type"] == "text"),
    "gemini": lambda body: "".join(p["text"] for p in body["candidates"][0]["content"]["parts"] if "text" in p),
}
DELTAS = {
    "openai": lambda e: "".join(c["delta"].get("content") or "" for c in e["choices"]),
    "anthropic": lambda e: e.get("delta", {}).get("text", ""),
    "gemini": lambda e: "".join(p.get("text", "") for p in e["candidates"][0]["content"]["parts"]),
}


def address(server):
    return "127.0.0.1", int(server.origin.rpartition(":")[2])


@pytest.fixture(params=VENDORS)
def server(request):
    with VendorServer(request.param) as server:
        yield server


def test_without_a_script_it_repeats_the_last_message_with_a_usage(server, caller):
    got = caller.ask(server, "Guten Tag")
    assert got.status == 200
    assert TEXT[server.vendor](got.json) == "You said: Guten Tag"
    usage = got.json.get("usage") or got.json.get("usageMetadata")
    counts = [usage[name] for name in ("prompt_tokens", "input_tokens", "promptTokenCount") if name in usage]
    assert counts == [3]
    assert got.headers["content-length"] == str(len(got.body))


def test_a_stream_says_the_same_as_the_whole_answer(server, caller):
    server.reply(text="Eins, zwei drei\n vier.", times=2)
    whole, stream = caller.ask(server), caller.ask(server, stream=True)
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["transfer-encoding"] == "chunked"
    pieces = [DELTAS[server.vendor](event) for event in stream.events]
    assert "".join(pieces) == TEXT[server.vendor](whole.json) == "Eins, zwei drei\n vier."
    assert len([piece for piece in pieces if piece]) > 1


def test_the_same_request_gives_the_same_bytes_on_every_server(caller):
    for vendor in VENDORS:
        bodies = set()
        for _ in range(2):
            with VendorServer(vendor) as server:
                bodies.add(caller.ask(server, stream=True).body)
        assert len(bodies) == 1


def test_a_cap_on_output_cuts_the_default_answer(server, caller):
    got = caller.ask(server, "word " * 40, cap=5)
    assert len(TEXT[server.vendor](got.json)) == 20
    assert any(f'"{name}"' in got.body.decode() for name in ("length", "max_tokens", "MAX_TOKENS"))


def test_openai_reports_a_streams_usage_only_when_asked(caller):
    with VendorServer("openai") as server:
        silent = caller.ask(server, stream=True, usage=False)
        told = caller.ask(server, stream=True, usage=True)
    assert not any(event.get("usage") for event in silent.events)
    assert told.events[-1]["usage"]["total_tokens"] == sum(
        told.events[-1]["usage"][name] for name in ("prompt_tokens", "completion_tokens")
    )
    assert told.events[-1]["choices"] == []
    assert told.body.endswith(b"data: [DONE]\n\n")


def test_usage_is_counted_each_vendors_way(caller):
    units = {"input": 100, "cache_read": 40, "cache_write_5m": 7, "output": 20, "reasoning": 11}
    with Vendors() as vendors:
        got = {}
        for server in vendors:
            server.reply(text="x", reasoning="hm", usage=units)
            got[server.vendor] = caller.ask(server).json
    usage = got["openai"]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (140, 31)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 40
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 11
    usage = got["anthropic"]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (100, 40, 31)
    assert usage["cache_creation_input_tokens"] == usage["cache_creation"]["ephemeral_5m_input_tokens"] == 7
    usage = got["gemini"]["usageMetadata"]
    assert (usage["promptTokenCount"], usage["cachedContentTokenCount"]) == (140, 40)
    assert (usage["candidatesTokenCount"], usage["thoughtsTokenCount"], usage["totalTokenCount"]) == (20, 11, 171)


def test_tool_calls_are_written_each_vendors_way(caller):
    calls = [{"name": "weather", "arguments": {"city": "Seoul"}, "id": "a1"}, {"name": "clock", "arguments": {}}]
    with Vendors() as vendors:
        whole, stream = {}, {}
        for server in vendors:
            server.reply(tool_calls=calls)
            whole[server.vendor] = caller.ask(server).json
            stream[server.vendor] = caller.ask(server, stream=True).events
    choice = whole["openai"]["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert [call["function"]["name"] for call in choice["message"]["tool_calls"]] == ["weather", "clock"]
    assert json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == {"city": "Seoul"}
    pieces = [d for e in stream["openai"] for c in e["choices"] for d in c["delta"].get("tool_calls", ())]
    arguments = "".join(p["function"]["arguments"] for p in pieces if p["index"] == 0)
    assert json.loads(arguments) == {"city": "Seoul"}
    assert pieces[0]["id"] == "a1"

    assert whole["anthropic"]["stop_reason"] == "tool_use"
    assert whole["anthropic"]["content"][0] == {
        "type": "tool_use",
        "id": "a1",
        "name": "weather",
        "input": {"city": "Seoul"},
    }
    partial = [e["delta"].get("partial_json", "") for e in stream["anthropic"] if e.get("index") == 0 and "delta" in e]
    assert json.loads("".join(partial)) == {"city": "Seoul"}

    parts = whole["gemini"]["candidates"][0]["content"]["parts"]
    assert [part["functionCall"]["name"] for part in parts] == ["weather", "clock"]


def test_answers_come_in_order_and_the_last_one_stays(server, caller):
    server.reply("one")
    server.reply(Answer(text="two", model="another-model"))
    server.reply(lambda request: f"three: {request.asked.last}")
    said = [TEXT[server.vendor](caller.ask(server).json) for _ in range(4)]
    assert said == ["one", "two", "three: Hello there", "three: Hello there"]


def test_an_answer_for_so_many_times_gives_way_to_the_default(server, caller):
    server.reply("twice", times=2)
    said = [TEXT[server.vendor](caller.ask(server).json) for _ in range(3)]
    assert said == ["twice", "twice", "You said: Hello there"]


def test_an_error_is_in_the_vendors_shape(caller):
    with Vendors() as vendors:
        for server in vendors:
            server.reply(status=503, text="come back later", headers={"x-extra": "1"})
        got = {server.vendor: caller.ask(server, stream=True) for server in vendors}
    assert {g.status for g in got.values()} == {503}
    assert {g.headers["x-extra"] for g in got.values()} == {"1"}
    assert {g.json["error"]["message"] for g in got.values()} == {"come back later"}
    assert got["anthropic"].json["type"] == "error"
    assert got["gemini"].json["error"]["status"] == "UNAVAILABLE"


def test_recordings_are_played_to_the_byte(caller):
    apis = {"openai": "openai.chat", "anthropic": "anthropic.messages", "gemini": "gemini.generateContent"}
    for vendor, api in apis.items():
        rows = [row for row in recordings(api) if row["response"].get("body")]
        sample = [row for row in rows if row["stream"]][:5] + [row for row in rows if row["response"]["status"] >= 400][
            :3
        ]
        assert len(sample) == 8
        with VendorServer(vendor, pace=0.0001) as server:
            server.play(*sample)
            for row in sample:
                got = caller.ask(server)
                assert got.status == row["response"]["status"]
                assert got.body == body_of(row["response"])
                for name in ("retry-after", "x-request-id", "request-id"):
                    assert (
                        name not in row["response"]["headers"] or got.headers[name] == row["response"]["headers"][name]
                    )


def test_a_wrong_key_is_refused_as_the_vendor_does(caller):
    with Vendors() as vendors:
        got = {server.vendor: caller.ask(server, key="another-key") for server in vendors}
    assert (got["openai"].status, got["openai"].json["error"]["code"]) == (401, "invalid_api_key")
    assert (got["anthropic"].status, got["anthropic"].json["error"]["type"]) == (401, "authentication_error")
    # recorded: Gemini answers 400, and only the details say why
    assert (got["gemini"].status, got["gemini"].json["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")


def test_only_the_models_it_is_given_are_served(server, caller):
    with VendorServer(server.vendor, models=("this-one",)) as picky:
        assert caller.ask(picky, model="this-one").status == 200
        assert caller.ask(picky, model="that-one").status == 404
    assert caller.ask(server, model="any-at-all").status == 200


@pytest.mark.parametrize(
    ("vendor", "path", "body", "word"),
    [
        ("openai", "/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}, "model"),
        ("openai", "/v1/chat/completions", {"model": "m", "messages": []}, "messages"),
        ("openai", "/v1/chat/completions", {"model": "m", "messages": [{"role": "robot"}]}, "role"),
        (
            "openai",
            "/v1/chat/completions",
            {"model": "m", "messages": [{"role": "tool", "content": ""}]},
            "tool_call_id",
        ),
        ("openai", "/v1/chat/completions", b"{not json", "read"),
        ("openai", "/v1/chat/completions", [], "object"),
        ("anthropic", "/v1/messages", {"model": "m", "messages": [{"role": "user", "content": "x"}]}, "max_tokens"),
        ("anthropic", "/v1/messages", {"model": "m", "max_tokens": 1, "messages": [{"role": "system"}]}, "role"),
        ("gemini", "/v1beta/models/m:generateContent", {"contents": []}, "contents"),
        ("gemini", "/v1beta/models/m:generateContent", {"contents": [{"role": "user", "parts": []}]}, "parts"),
    ],
)
def test_what_the_vendor_would_refuse_is_refused(caller, vendor, path, body, word):
    with VendorServer(vendor, key=None) as server:
        got = caller.send(server, "POST", path, body, **{"anthropic-version": "2023-06-01"})
    assert got.status == 400
    assert word in got.json["error"]["message"]


def test_models_are_listed_and_other_paths_are_not_found(caller):
    with VendorServer("openai", key=None, models=("a", "b")) as server:
        assert [row["id"] for row in caller.send(server, "GET", "/v1/models").json["data"]] == ["a", "b"]
        assert caller.send(server, "POST", "/v1/images/generations", {}).status == 404
        assert caller.send(server, "GET", "/v1/chat/completions").status == 404


def test_requests_are_kept_as_they_came(server, caller):
    caller.ask(server, "first")
    caller.ask(server, "second", stream=True)
    first, second = server.requests
    assert isinstance(first, RecordedRequest)
    assert (first.number, second.number) == (1, 2)
    assert first.method == "POST"
    assert first.path.startswith(server.base_url.removeprefix(server.origin))
    assert first.headers["content-type"] == "application/json"
    assert first.asked.last == "first"
    assert (first.asked.stream, second.asked.stream) == (False, True)
    assert json.loads(first.body) == first.json
    assert first.outcome == second.outcome == "answered"
    assert first.at < second.at


def test_a_connection_serves_many_requests_and_any_prefix(caller):
    with VendorServer("openai", key=None) as server:
        _, body = ("", {"model": "m", "messages": [{"role": "user", "content": "x"}]})
        for prefix in ("", "/v1", "/openai/deployments/x"):
            assert caller.send(server, "POST", prefix + "/chat/completions", body).status == 200
        assert len(server.connections) == 1


def test_a_large_body_and_a_chunked_body_arrive_whole(caller):
    text = "x" * 1_000_000
    with VendorServer("openai") as server:
        caller.ask(server, text)
        connection = caller.open[server.origin.removeprefix("http://")]
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "chunked"}]}).encode()
        parts = iter([body[:7], body[7:30], body[30:]])
        headers = {"authorization": f"Bearer {server.key}"}
        connection.request("POST", "/v1/chat/completions", parts, headers, encode_chunked=True)
        assert json.loads(connection.getresponse().read())["choices"][0]["message"]["content"] == "You said: chunked"
        assert len(server.requests[0].asked.last) == 1_000_000


def test_requests_sent_at_once_are_answered_in_order():
    request = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /v1/none HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    with VendorServer("openai", key=None) as server, socket.create_connection(address(server), timeout=5) as sock:
        sock.sendall(request + request + last)
        data = b"".join(iter(lambda: sock.recv(65536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", data) == [b"200", b"200", b"404"]


def test_what_is_not_http_is_refused():
    with VendorServer("openai") as server, socket.create_connection(address(server), timeout=5) as sock:
        sock.sendall(b"nonsense\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_latency_and_pace_take_their_time(caller):
    with VendorServer("openai", latency=0.03, pace=0.01) as server:
        server.reply(text=["a", "b", "c"])
        started = time.monotonic()
        caller.ask(server, stream=True)
        assert 0.03 + 6 * 0.01 <= time.monotonic() - started < 2
        started = time.monotonic()
        server.reply(text="x", latency=0.0)
        server.latency = 0.0
        caller.ask(server)
        caller.ask(server)
        assert time.monotonic() - started < 0.03 * 20


def test_an_error_in_a_scripted_callable_reaches_the_test(caller):
    def wrong(request):
        raise LookupError("the test is wrong")

    def misuse():
        with VendorServer("openai") as server:
            server.reply(wrong)
            assert caller.ask(server).status == 500

    with pytest.raises(LookupError, match="the test is wrong"):
        misuse()


def test_many_callers_at_once(server, new_caller):
    def work():
        mine = new_caller()
        for _ in range(5):
            mine.ask(server, stream=True)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [request.outcome for request in server.requests] == ["answered"] * 40


def test_vendors_name_their_endpoints_and_environment():
    with Vendors() as vendors:
        endpoints = vendors.endpoints()
        assert [endpoint.model for endpoint in endpoints] == [
            "openai/gpt-5-mini",
            "anthropic/claude-haiku-4-5",
            "gemini/gemini-2.5-flash",
        ]
        assert [endpoint.base_url for endpoint in endpoints] == [server.base_url for server in vendors]
        assert vendors.endpoints("gemini/x")[0].api_key == vendors.gemini.key
        env = vendors.env()
        assert env["OPENAI_BASE_URL"] == vendors.openai.base_url
        assert env["ANTHROPIC_API_KEY"] == vendors.anthropic.key
        assert len({server.key for server in vendors}) == 3


def test_stopping_leaves_no_thread_behind():
    before = set(threading.enumerate())
    with Vendors():
        assert set(threading.enumerate()) - before
    assert set(threading.enumerate()) == before


def test_an_unknown_vendor_is_named():
    with pytest.raises(ValueError, match=r"'nobody'.*anthropic"):
        VendorServer("nobody")
