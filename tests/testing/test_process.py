"""A server in a process of its own, as the benchmarks run it."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import time

import pytest


@contextlib.contextmanager
def process(*options):
    command = [sys.executable, "-W", "error", "-m", "modelmux.testing.server", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            host, _, path = child.stdout.readline().strip().removeprefix("http://").partition("/")
            connection = http.client.HTTPConnection(host, timeout=5)
            yield connection, "/" + path
            connection.close()
        finally:
            child.terminate()


def post(connection, path, *, stream=False, size=10):
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * size}], "max_tokens": 9, "stream": stream}
    headers = {"anthropic-version": "2023-06-01"}
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    assert response.status == 200
    return response.read()


def test_it_prints_where_it_listens_and_answers():
    with process("--wire", "anthropic") as (connection, path):
        assert path == "/v1"
        assert json.loads(post(connection, path + "/messages"))["type"] == "message"


@pytest.mark.parametrize("pace", ["0", "0.002"])
def test_the_fast_one_answers_whole_and_streamed_on_one_connection(pace):
    with process("--fast", "--text", "abcdefgh", "--events", "4", "--pace", pace) as (connection, path):
        for size in (10, 300_000):
            whole = json.loads(post(connection, path + "/chat/completions", size=size))
            assert whole["choices"][0]["message"]["content"] == "abcdefgh"
            started = time.monotonic()
            stream = post(connection, path + "/chat/completions", stream=True, size=size)
            took = time.monotonic() - started
            events = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: {")]
            text = [choice["delta"].get("content", "") for event in events for choice in event["choices"]]
            assert text == ["", "ab", "cd", "ef", "gh", ""]
            assert stream.endswith(b"data: [DONE]\n\n")
            assert took >= float(pace) * 7


def test_a_gemini_stream_is_known_by_its_path():
    with process("--fast", "--wire", "gemini.generateContent", "--text", "abcd") as (connection, path):
        whole = post(connection, path + "/models/m:generateContent")
        stream = post(connection, path + "/models/m:streamGenerateContent?alt=sse")
    assert json.loads(whole)["candidates"][0]["content"]["parts"] == [{"text": "abcd"}]
    assert stream.startswith(b"data: ")
