"""The transport under HTTP clients: sync, async, one object for both, with servers on loopback."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from modelmux import Mux, transport
from modelmux.errors import ConfigError
from modelmux.testing import Vendors

MESSAGES = [{"role": "user", "content": "Hello there"}]


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as servers:
        yield servers


@pytest.fixture
def mux(vendors: Vendors, no_vendor_keys: None) -> Iterator[Mux]:
    vendors.reset()
    with Mux(vendors.endpoints()) as mux:
        yield mux


class Sync:
    name = "sync"

    def __call__(self, mux: Mux, url: str, body: Any, **options: Any) -> tuple[httpx.Response, bytes]:
        with mux.http_client("httpx") as client, client.stream("POST", url, json=body, **options) as response:
            return response, b"".join(response.iter_raw())


class Async:
    name = "async"

    def __call__(self, mux: Mux, url: str, body: Any, **options: Any) -> tuple[httpx.Response, bytes]:
        async def go() -> tuple[httpx.Response, bytes]:
            async with (
                mux.ahttp_client("httpx") as client,
                client.stream("POST", url, json=body, **options) as response,
            ):
                got = b"".join([chunk async for chunk in response.aiter_raw()])
            await mux.aclose()
            return response, got

        return asyncio.run(go())


@pytest.fixture(params=[Sync(), Async()], ids=lambda post: post.name)
def post(request: Any) -> Any:
    return request.param


OPENAI = "https://api.openai.com/v1/chat/completions"


@pytest.mark.parametrize("model", ["gpt-5-mini", "anthropic/claude-haiku-4-5", "auto"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_of_one_vendor_is_answered_by_any(mux, post, model, stream):
    response, body = post(mux, OPENAI, {"model": model, "messages": MESSAGES, "stream": stream})
    assert response.status_code == 200
    assert b"Hello" in body
    assert body.endswith(b"data: [DONE]\n\n") == stream
    receipt = json.loads(response.headers["x-modelmux-receipt"])
    assert receipt["call"] == mux.last_receipts[-1].call_id
    assert mux.last_receipts[-1].cost is not None


def test_errors_are_answers(mux, post, vendors):
    vendors.anthropic.reset()
    response, body = post(mux, OPENAI, {"model": "anthropic/claude-haiku-4-5", "messages": []})
    assert response.status_code == 400
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert response.headers["x-should-retry"] == "false"


def test_no_connection_raises_the_familys_own_error(no_vendor_keys, post):
    mux = Mux(["openai_compatible/x"], providers={"openai_compatible": {"base_url": "http://127.0.0.1:9/v1"}})
    with pytest.raises(httpx.ConnectError):
        post(mux, OPENAI, {"model": "openai_compatible/x", "messages": MESSAGES}, headers={"x-modelmux-deadline": "5"})


def test_an_sdks_retry_of_a_failed_connection_reaches_no_vendor_again(no_vendor_keys, post):
    mux = Mux(["openai_compatible/x"], providers={"openai_compatible": {"base_url": "http://127.0.0.1:9/v1"}})
    body = {"model": "openai_compatible/x", "messages": MESSAGES}
    shared = transport.HttpxTransport(mux)

    def tried(count: str) -> int:
        with httpx.Client(transport=shared) as client, pytest.raises(httpx.ConnectError):
            client.post(OPENAI, json=body, headers={"x-stainless-retry-count": count})
        return len(mux.ledger.query())

    first = tried("0")
    assert first >= 1
    assert tried("1") == first
    assert tried("0") > first


def test_the_clients_read_timeout_is_the_calls_limit(vendors, no_vendor_keys, post):
    with Vendors(latency=3.0) as slow, Mux(slow.endpoints("openai/gpt-5-mini")) as mux:
        body = {"model": "gpt-5-mini", "messages": MESSAGES}
        with pytest.raises(httpx.ReadTimeout):
            post(mux, OPENAI, body, timeout=httpx.Timeout(5.0, read=0.2))


def test_one_object_serves_sync_and_async(mux):
    both = transport.HttpxTransport(mux)
    assert isinstance(both, httpx.BaseTransport)
    assert isinstance(both, httpx.AsyncBaseTransport)
    body = {"model": "gpt-5-mini", "messages": MESSAGES}
    with httpx.Client(transport=both) as client:
        assert client.post(OPENAI, json=body).status_code == 200

    async def ask() -> int:
        async with httpx.AsyncClient(transport=both) as client:
            answers = await asyncio.gather(*[client.post(OPENAI, json=body) for _ in range(5)])
        await mux.aclose()
        return sum(answer.status_code == 200 for answer in answers)

    assert asyncio.run(ask()) == 5


def test_leaving_a_stream_releases_the_vendor(no_vendor_keys):
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "word " * 20}], "stream": True}
    with Vendors(pace=0.05) as slow, Mux(slow.endpoints("openai/gpt-5-mini")) as mux:
        with mux.http_client("httpx") as client, client.stream("POST", OPENAI, json=body) as response:
            next(response.iter_raw())
        assert mux.ledger.query()[0].state == "cancelled"


# --- families ------------------------------------------------------------------------------------------------


@pytest.fixture
def fork(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A second family, as the fork is one: classes of its own, here made by loading the library again (synthetic)."""
    kept = {name: module for name, module in sys.modules.items() if name == "httpx" or name.startswith("httpx.")}
    for name in kept:
        monkeypatch.delitem(sys.modules, name)
    import httpx as again

    again.__name__ = "httpx2"
    loaded = {name: module for name, module in sys.modules.items() if name == "httpx" or name.startswith("httpx.")}
    for name, module in loaded.items():
        monkeypatch.setitem(sys.modules, name.replace("httpx", "httpx2", 1), module)
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__.partition(".")[0] == "httpx":
                value.__module__ = value.__module__.replace("httpx", "httpx2", 1)
    for name, module in kept.items():
        monkeypatch.setitem(sys.modules, name, module)
    assert again.Request is not httpx.Request
    return again


def test_each_request_is_answered_in_its_own_family(mux, fork):
    body = {"model": "gpt-5-mini", "messages": MESSAGES}
    with mux.http_client() as client:
        assert isinstance(client, fork.Client)
        response = client.post(OPENAI, json=body)
        assert isinstance(response, fork.Response)
        with client.stream("POST", OPENAI, json={**body, "stream": True}) as streamed:
            assert b"[DONE]" in streamed.read()
    with mux.http_client("httpx") as client:
        assert isinstance(client.post(OPENAI, json=body), httpx.Response)
    assert transport.family_of(fork.Client) == "httpx2"
    assert transport.family_of(httpx.AsyncClient) == "httpx"


def test_a_face_answers_a_request_of_the_other_family_too(mux, fork):
    request = fork.Request("POST", OPENAI, json={"model": "gpt-5-mini", "messages": MESSAGES})
    answer = transport.HttpxTransport(mux).handle_request(request)
    assert isinstance(answer, fork.Response)


def test_a_family_that_is_not_there_says_what_to_install(mux, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ConfigError, match="pip install httpx2"):
        mux.http_client()
    with pytest.raises(ConfigError, match="family"):
        mux.http_client("requests")
    with pytest.raises(ConfigError, match="neither"):
        transport.family_of(dict)


def test_no_family_is_imported_before_it_is_asked_for():
    code = "import sys, modelmux.transport; print(sorted({'httpx', 'httpx2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
