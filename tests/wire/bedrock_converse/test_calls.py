"""Whole calls against a small server of the test's own: addresses, keys, signatures, frames."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from modelmux import Endpoint, Mux, errors
from modelmux._eventstream import encode_event, encode_message
from modelmux._resolve import Surroundings, resolve
from modelmux._upstream import http_request

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PATH = "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/"
USAGE = {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Two."}]}},
    "stopReason": "end_turn",
    "usage": USAGE,
    "metrics": {"latencyMs": 1},
}
EVENTS = (
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Tw"}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "o."}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
)


class Bedrock(ThreadingHTTPServer):
    """Answers converse and converse-stream, and keeps what was asked. ``broken`` ends streams with an exception."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Bedrock

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, headers, body))
        if self.path.endswith("/converse"):
            kind, answer = "application/json", json.dumps(ANSWER).encode()
        else:
            kind = "application/vnd.amazon.eventstream"
            answer = b"".join(encode_event(name, json.dumps(event).encode()) for name, event in EVENTS)
            if self.server.broken:
                headers = {":message-type": "exception", ":exception-type": "throttlingException"}
                answer = encode_message(b'{"message":"Too many tokens"}', headers)
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    server = Bedrock()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_whole_call(bedrock: Bedrock):
    with Mux(Endpoint(f"bedrock/{MODEL}", base_url=bedrock.url, api_key="test-key")) as mux:
        reply = mux.chat("One and one?", max_tokens=5)
    assert (reply.text, dict(reply.usage), reply.finish) == ("Two.", {"input": 7, "output": 2}, "stop")
    assert reply.cost is not None
    ((path, headers, body),) = bedrock.asked
    assert path == PATH + "converse"
    assert headers["authorization"] == "Bearer test-key"
    assert body == {
        "messages": [{"role": "user", "content": [{"text": "One and one?"}]}],
        "inferenceConfig": {"maxTokens": 5},
    }


def test_a_streamed_call(bedrock: Bedrock):
    with (
        Mux(Endpoint(f"bedrock/{MODEL}", base_url=bedrock.url, api_key="test-key")) as mux,
        mux.stream("One and one?") as stream,
    ):
        pieces = [event.text for event in stream if hasattr(event, "text")]
        reply = stream.reply
    assert (pieces, reply.text, dict(reply.usage)) == (["Tw", "o."], "Two.", {"input": 7, "output": 2})
    ((path, headers, _),) = bedrock.asked
    assert path == PATH + "converse-stream"
    assert headers["accept"] == "application/vnd.amazon.eventstream"


def test_an_exception_in_a_stream_is_an_error_of_the_call(bedrock: Bedrock):
    bedrock.broken = True
    with (
        Mux(Endpoint(f"bedrock/{MODEL}", base_url=bedrock.url, api_key="test-key")) as mux,
        pytest.raises(errors.RateLimited, match="Too many tokens"),
        mux.stream("One and one?", deadline=1) as stream,
    ):
        list(stream)


def test_signed_calls(bedrock: Bedrock, monkeypatch: pytest.MonkeyPatch):
    for name, value in {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
        "AWS_ACCESS_KEY_ID": "test-id",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_SESSION_TOKEN": "test-session",
        "AWS_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    with Mux(f"bedrock/{MODEL}") as mux:
        assert mux.chat("One and one?").text == "Two."
    headers = bedrock.asked[0][1]
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-id/")
    assert (
        "/eu-central-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"
        in (headers["authorization"])
    )
    assert headers["x-amz-security-token"] == "test-session"
    assert headers["host"] == bedrock.url.removeprefix("http://")


# --- without a server ----------------------------------------------------------------------------------------


ACCESS = {"AWS_ACCESS_KEY_ID": "test-id", "AWS_SECRET_ACCESS_KEY": "test-secret"}


def asked(endpoint: Endpoint, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, stream: bool = False) -> Any:
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "AWS_REGION", "AWS_DEFAULT_REGION", *ACCESS, "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return http_request(resolve(endpoint, Surroundings({}, environ)), {"messages": []}, stream=stream, now=0)


def test_an_explicit_key_comes_before_the_environments_and_that_before_a_signature(monkeypatch: pytest.MonkeyPatch):
    environ = {**ACCESS, "AWS_BEARER_TOKEN_BEDROCK": "from-environment"}
    explicit = asked(Endpoint(f"bedrock/{MODEL}", api_key="explicit"), environ, monkeypatch)
    bearer = asked(Endpoint(f"bedrock/{MODEL}"), environ, monkeypatch)
    signed = asked(Endpoint(f"bedrock/{MODEL}"), ACCESS, monkeypatch)
    assert explicit.headers["authorization"] == "Bearer explicit"
    assert bearer.headers["authorization"] == "Bearer from-environment"
    assert "Credential=test-id/19700101/us-east-1/bedrock/aws4_request" in signed.headers["authorization"]
    assert not any("test-secret" in value for value in signed.headers.values())
    assert "test-id" not in repr(signed)


def test_the_environments_access_key_goes_to_aws_only(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(errors.MissingKey, match="AWS_BEARER_TOKEN_BEDROCK"):
        asked(Endpoint(f"bedrock/{MODEL}", base_url="https://example.com"), ACCESS, monkeypatch)
    with pytest.raises(errors.MissingKey):
        asked(Endpoint(f"bedrock/{MODEL}", base_url="https://amazonaws.com.example.com"), ACCESS, monkeypatch)


@pytest.mark.parametrize(
    ("region", "environ", "expected"),
    [
        (None, {}, "us-east-1"),
        (None, {"AWS_DEFAULT_REGION": "ap-northeast-2"}, "ap-northeast-2"),
        (None, {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "ap-northeast-2"}, "eu-west-1"),
        ("sa-east-1", {"AWS_REGION": "eu-west-1"}, "sa-east-1"),
    ],
)
def test_the_region(region: str | None, environ: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch):
    request = asked(Endpoint(f"bedrock/{MODEL}", region=region), environ | ACCESS, monkeypatch)
    assert request.url == f"https://bedrock-runtime.{expected}.amazonaws.com{PATH}converse"
    assert f"/{expected}/bedrock/" in request.headers["authorization"]


def test_the_id_of_a_profile_is_wholly_encoded(monkeypatch: pytest.MonkeyPatch):
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-v1:0"
    request = asked(Endpoint(f"bedrock/{arn}", api_key="test-key"), {}, monkeypatch, stream=True)
    path = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-v1%3A0"
    assert request.url.endswith(f"/model/{path}/converse-stream")
