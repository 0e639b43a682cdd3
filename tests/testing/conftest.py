"""A caller that knows the vendors' formats by hand: it shares nothing with the library or with the server."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from modelmux.testing import VendorServer

HEADERS = {
    "openai": lambda key: {"authorization": f"Bearer {key}"},
    "anthropic": lambda key: {"x-api-key": key, "anthropic-version": "2023-06-01"},
    "gemini": lambda key: {"x-goog-api-key": key},
}


@dataclass
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of every server-sent event that is JSON."""
        lines = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]


def question(vendor: str, text: str, *, stream: bool, model: str, usage: bool, cap: int | None) -> tuple[str, Any]:
    """Path and body of a one-message request, written down by hand."""
    if vendor == "openai":
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
        if stream and usage:
            body["stream_options"] = {"include_usage": True}
        return "/chat/completions", body if cap is None else {**body, "max_completion_tokens": cap}
    if vendor == "anthropic":
        content = [{"type": "text", "text": text}]
        messages = [{"role": "user", "content": content}]
        return "/messages", {"model": model, "max_tokens": cap or 500, "messages": messages, "stream": stream}
    action = "streamGenerateContent?alt=sse" if stream else "generateContent"
    gemini: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    if cap is not None:
        gemini["generationConfig"] = {"maxOutputTokens": cap}
    return f"/models/{model}:{action}", gemini


@dataclass
class Caller:
    """Keeps its connections open, one per server."""

    open: dict[str, http.client.HTTPConnection] = field(default_factory=dict)

    def send(self, server: VendorServer, method: str, path: str, body: Any = None, **headers: str) -> Got:
        host = server.origin.removeprefix("http://")
        connection = self.open.setdefault(host, http.client.HTTPConnection(host, timeout=5))
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, data, {"content-type": "application/json", **headers})
            response = connection.getresponse()
            return Got(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except BaseException:
            connection.close()
            raise

    def ask(
        self,
        server: VendorServer,
        text: str = "Hello there",
        *,
        stream: bool = False,
        model: str | None = None,
        key: str | None = None,
        usage: bool = True,
        cap: int | None = None,
    ) -> Got:
        model = model or server.models[0]
        path, body = question(server.vendor, text, stream=stream, model=model, usage=usage, cap=cap)
        headers = HEADERS[server.vendor](key or server.key)
        return self.send(server, "POST", server.base_url.removeprefix(server.origin) + path, body, **headers)

    def hurry(self, server: VendorServer, seconds: float) -> None:
        host = server.origin.removeprefix("http://")
        old = self.open.pop(host, None)
        if old is not None:
            old.close()
        self.open[host] = http.client.HTTPConnection(host, timeout=seconds)


@pytest.fixture
def new_caller():
    made: list[Caller] = []

    def make() -> Caller:
        made.append(Caller())
        return made[-1]

    yield make
    for caller in made:
        for connection in caller.open.values():
            connection.close()


@pytest.fixture
def caller(new_caller):
    return new_caller()
