"""A key shows nowhere but in the request that it is for, whatever a vendor does with it. All of it is synthetic."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engines.loopback import CLOSE, HANG, RESET, Seen, Server, Step, answer, chunked
from modelmux import Endpoint, Mux
from modelmux.errors import ModelmuxError, ProviderError
from modelmux.providers import Auth, get, register
from security.watch import Watch

CANARY = "canary+one/0123456789=test-key"
SECOND = "canary+two/0123456789=test-key"
JSON = "content-type: application/json\r\n"
SSE = "content-type: text/event-stream\r\n"


def echo(seen: Seen) -> str:
    """What a careless vendor or proxy repeats: the request as it came."""
    return " ".join([seen.line, *(f"{name}: {value}" for name, value in seen.headers.items()), seen.body.decode()])


def refusal(seen: Seen, status: str = "401 Unauthorized") -> bytes:
    said = {"error": {"message": f"Incorrect API key provided: {echo(seen)}", "code": echo(seen), "type": "auth"}}
    key = seen.headers.get("authorization", "").rpartition(" ")[2] or CANARY
    headers = f"{JSON}set-cookie: k={key}\r\nauthorization: {key}\r\nx-request-id: {key}\r\n"
    return answer(json.dumps(said).encode(), status=status, headers=headers)


def in_band(seen: Seen) -> bytes:
    start = {"choices": [{"index": 0, "delta": {"content": "some"}}]}
    error = {"error": {"message": echo(seen), "code": "server_error"}}
    return chunked(*(b"data: %s\n\n" % json.dumps(piece).encode() for piece in (start, error)), headers=SSE)


def malformed_event(seen: Seen) -> bytes:
    return chunked(b"data: {" + echo(seen).encode() + b"\n\n", headers=SSE)


Script = Callable[[Seen], Iterable[Step]]
TROUBLES: dict[str, Script] = {
    "refused": lambda seen: [refusal(seen)],
    "server fault": lambda seen: [refusal(seen, "500 Internal Server Error")],
    "page": lambda seen: [answer(echo(seen).encode(), status="502 Bad Gateway", headers="content-type: text/html\r\n")],
    "page with 200": lambda seen: [answer(echo(seen).encode(), headers="content-type: text/html\r\n")],
    "no json": lambda seen: [answer(b"{" + echo(seen).encode(), headers=JSON)],
    "other json": lambda seen: [answer(json.dumps([echo(seen)]).encode(), headers=JSON)],
    "in-band error": lambda seen: [in_band(seen)],
    "malformed event": lambda seen: [malformed_event(seen)],
    "redirect": lambda seen: [answer(status="302 Found", headers=f"location: http://127.0.0.1:9/?{seen.line[5:]}\r\n")],
    "cut": lambda seen: [refusal(seen)[:-20], CLOSE],
    "reset": lambda seen: [RESET],
    "silence": lambda seen: [HANG],
    "stall": lambda seen: [refusal(seen)[:-20], HANG],
    "not http": lambda seen: [echo(seen).encode() + b"\r\n\r\n", CLOSE],
}


@pytest.fixture
def watch() -> Iterator[Watch]:
    with Watch() as one:
        yield one


def failed(mux: Mux, how: str, **options: Any) -> ModelmuxError:
    async def whole() -> Any:
        return await mux.achat("hello", **options)

    async def streamed() -> Any:
        async with mux.astream("hello", **options) as stream:
            return [event async for event in stream]

    ways: dict[str, Callable[[], Any]] = {
        "chat": lambda: mux.chat("hello", **options),
        "stream": lambda: list(mux.stream("hello", **options)),
        "achat": lambda: asyncio.run(whole()),
        "astream": lambda: asyncio.run(streamed()),
    }
    with pytest.raises(ModelmuxError) as caught:
        ways[how]()
    return caught.value


@pytest.fixture(params=["chat", "stream", "achat", "astream"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def books(folder: Path) -> dict[str, str]:
    return {"ledger": f"sqlite:///{folder}/books.db", "journal": str(folder / "journal")}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_key_shows_nowhere_whatever_goes_wrong(trouble: str, how: str, watch: Watch, tmp_path: Path) -> None:
    with Server(TROUBLES[trouble]) as server:
        models = [
            Endpoint("openai/gpt-5-mini", base_url=server.url, api_key=CANARY),
            Endpoint("openai/gpt-5", base_url=server.url, api_key=SECOND),
        ]
        mux = Mux(models, policy="priority", deadline=0.4, **books(tmp_path))
        error = failed(mux, how)
        watch.error(error)
        watch.value("mux", mux)
        watch.value("rows", mux.ledger.query())
        watch.files(tmp_path)  # as the journal stands, and as it was settled
        mux.close()
        assert any(CANARY in seen.headers["authorization"] for seen in server.seen)
    watch.files(tmp_path)
    assert not watch.found(CANARY, SECOND)


def _with_query_key() -> str:
    row = get("openai")
    from dataclasses import replace

    register(replace(row, id="canary_query", aliases=(), auth=Auth("query", "key"), key_env=(), base_url_env=()))
    return "canary_query/gpt-5-mini"


STYLES: dict[str, Callable[[], str]] = {
    "bearer": lambda: "openai/gpt-5-mini",
    "x-api-key": lambda: "anthropic/claude-haiku-4-5",
    "x-goog-api-key": lambda: "gemini/gemini-2.5-flash",
    "query": _with_query_key,
    "api-key": lambda: "azure/my-gpt",
    "bearer of a hook": lambda: "bedrock/amazon.nova-lite-v1:0",
}


@pytest.mark.parametrize("way", ["own sockets", "users client", "proxy"])
@pytest.mark.parametrize("style", STYLES)
def test_however_it_travels(
    style: str, way: str, watch: Watch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server(TROUBLES["refused"]) as server, httpx.Client(trust_env=False) as client:
        if way == "proxy":
            monkeypatch.setenv("HTTP_PROXY", server.url)
        endpoint = Endpoint(
            STYLES[style](), base_url=server.url, api_key=CANARY, http_client=client if way == "users client" else None
        )
        mux = Mux(endpoint, **books(tmp_path))
        error = failed(mux, "chat")
        assert isinstance(error, ProviderError)
        assert error.status == 401
        assert "[secret]" in str(error)
        watch.error(error)
        mux.close()
        assert server.seen
    watch.files(tmp_path)
    assert not watch.found(CANARY)


@pytest.mark.parametrize("how", ["chat", "achat"])
def test_a_callers_own_key(how: str, watch: Watch, tmp_path: Path) -> None:
    with Server(TROUBLES["refused"]) as server:
        mux = Mux(Endpoint("openai/gpt-5-mini", base_url=server.url), **books(tmp_path))
        watch.error(failed(mux, how, keys={"openai": CANARY}))
        mux.close()
        assert CANARY in server.seen[0].headers["authorization"]
    watch.files(tmp_path)
    assert not watch.found(CANARY)


def test_headers_of_ones_own(watch: Watch) -> None:
    with Server(TROUBLES["refused"]) as server:
        settings = {"openai": {"base_url": server.url, "api_key": SECOND, "headers": {"x-gateway-key": CANARY}}}
        mux = Mux("openai/gpt-5-mini", providers=settings)
        watch.error(failed(mux, "chat"))
        assert server.seen[0].headers["x-gateway-key"] == CANARY
    assert not watch.found(CANARY, SECOND)


def test_a_signature_shows_neither_key_nor_session(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    for name, value in (("ACCESS_KEY_ID", "test-access"), ("SECRET_ACCESS_KEY", CANARY), ("SESSION_TOKEN", SECOND)):
        monkeypatch.setenv(f"AWS_{name}", value)
    with Server(TROUBLES["refused"]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        mux = Mux("bedrock/amazon.nova-lite-v1:0")
        watch.error(failed(mux, "chat"))
        assert server.seen[0].headers["x-amz-security-token"] == SECOND
        signature = server.seen[0].headers["authorization"].rpartition("Signature=")[2]
    assert not watch.found(CANARY, SECOND, signature)


@pytest.mark.parametrize("given", [f"{CANARY}\r\nx-other: 1", f"{CANARY}\0", f"{CANARY}\n", f"{CANARY}é"])
def test_a_key_that_cannot_be_sent_is_not_repeated(given: str, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", given if "\0" not in given else CANARY)
    where = {"base_url": "http://127.0.0.1:9/v1"}
    attempts: list[Callable[[], Any]] = [
        lambda: Mux(Endpoint("openai/gpt-5-mini", api_key=given, **where)),
        lambda: Mux(Endpoint("openai/gpt-5-mini", **where)).chat("hello", keys={"openai": given}),
        lambda: Mux("openai/gpt-5-mini", providers={"openai": {"api_key": given}}),
    ]
    for attempt in attempts:
        with pytest.raises(ModelmuxError) as caught:
            attempt()
        watch.error(caught.value)
    assert not watch.found(CANARY)


def test_content_is_left_as_it_is() -> None:
    """A model may say what looks like a key: only errors are masked."""
    said = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": CANARY}}]}
    with Server([answer(json.dumps(said).encode(), headers=JSON)]) as server:
        mux = Mux(Endpoint("openai/gpt-5-mini", base_url=server.url, api_key=CANARY))
        assert mux.chat("hello").text == CANARY
