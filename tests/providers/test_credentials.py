"""Tokens exchanged for credentials: by their form, once for many calls, renewed in time, refused in words.

Credentials are made up here; the key is made for the run. The forms are those of RFC 7523 and RFC 6749, section 6.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import sys
import threading
from collections.abc import Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from modelmux import Endpoint, Mux, _google_auth
from modelmux._credentials import EARLY, TokenSource
from modelmux._driver import Driver
from modelmux._effects import NextBytes, Send, Sleep
from modelmux._http import HttpHead, HttpRequest
from modelmux._resolve import Surroundings, resolve
from modelmux.errors import AttemptTimeout, AuthError, ConfigError, ConnectionFailed, MalformedResponse, ServerError
from modelmux.providers import vertex, watsonx
from modelmux.testing import FakeClock
from modelmux.testing.server import VendorServer

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
URI = "https://oauth2.googleapis.com/token"


def pem(key: Any) -> str:
    form, bare = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, bare).decode()


SERVICE = {
    "type": "service_account",
    "client_email": "robot@my-project.iam.example",
    "private_key_id": "key-1",
    "private_key": pem(RSA),
    "token_uri": URI,
}
USER = {"type": "authorized_user", "client_id": "id", "client_secret": "a secret", "refresh_token": "1//refresh"}


@pytest.fixture
def credentials(tmp_path: Path) -> Any:
    def write(held: Any) -> dict[str, str]:
        path = tmp_path / "credentials.json"
        path.write_text(held if isinstance(held, str) else json.dumps(held), "utf-8")
        return {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}

    return write


def unpadded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


# --- what is asked -----------------------------------------------------------------------------------------------


def test_a_service_account_signs_an_assertion(credentials) -> None:
    request = _google_auth.source(credentials(SERVICE)).ask(1_800_000_000.9)
    assert (request.method, request.url) == ("POST", URI)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    form = {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert set(form) == {"grant_type", "assertion"}
    header, claims, signature = form["assertion"].split(".")
    assert json.loads(unpadded(header)) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    assert json.loads(unpadded(claims)) == {
        "iss": "robot@my-project.iam.example",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": URI,
        "iat": 1_800_000_000,
        "exp": 1_800_003_600,
    }
    said = f"{header}.{claims}".encode()
    RSA.public_key().verify(unpadded(signature), said, padding.PKCS1v15(), hashes.SHA256())  # raises where it is wrong


def test_a_users_login_is_exchanged_by_its_refresh_token(credentials) -> None:
    request = _google_auth.source(credentials(USER)).ask(0.0)
    assert request.url == URI
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["id"],
        "client_secret": ["a secret"],
        "refresh_token": ["1//refresh"],
    }


def test_the_tools_own_file_is_found_and_else_the_metadata_server_is_asked(tmp_path: Path) -> None:
    home = {"CLOUDSDK_CONFIG": str(tmp_path)}
    request = _google_auth.source(home).ask(0.0)
    assert request.method == "GET"
    assert request.url == ("http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token")
    assert request.headers["metadata-flavor"] == "Google"
    elsewhere = _google_auth.source({**home, "GCE_METADATA_HOST": "127.0.0.1:1"})
    assert elsewhere.ask(0.0).url.startswith("http://127.0.0.1:1/computeMetadata/")
    tmp_path.joinpath("application_default_credentials.json").write_text(json.dumps(USER), "utf-8")
    assert _google_auth.source(home).ask(0.0).url == URI


def test_calls_with_the_same_credentials_share_a_source(credentials) -> None:
    environ = credentials(USER)
    assert _google_auth.source(environ) is _google_auth.source(dict(environ))


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({**SERVICE, "type": "external_account"}, "external_account.*service_account and authorized_user"),
        ({**SERVICE, "client_email": None}, "lacks client_email"),
        ({**USER, "refresh_token": ""}, "lacks refresh_token"),
        ({**SERVICE, "private_key": "no key"}, "private_key cannot be read"),
        ({**SERVICE, "private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "no RSA key"),
        ([], "type None"),
        ("{", "cannot be read"),
    ],
)
def test_credentials_that_cannot_be_used_are_named(credentials, held: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _google_auth.source(credentials(held)).ask(0.0)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        _google_auth.source({"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/at-all.json"})


def test_without_the_extra_it_is_named(credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"modelmux\[vertex\].*VERTEX_ACCESS_TOKEN"):
        _google_auth.source(credentials(SERVICE)).ask(0.0)


def test_credentials_go_to_google_only(credentials) -> None:
    environ = {**credentials(USER), "GOOGLE_CLOUD_PROJECT": "mine"}
    where = Surroundings({}, environ)
    own = resolve(Endpoint("vertex/gemini-2.5-flash"), where)
    assert vertex.token_source(own, None, environ) is not None
    assert vertex.token_source(own, own.key, {}) is not None
    for address in ("https://proxy.example/projects/mine", "https://evilgoogleapis.com/v1/projects/mine"):
        foreign = resolve(Endpoint("vertex/gemini-2.5-flash", base_url=address), where)
        assert vertex.token_source(foreign, None, environ) is None
    assert vertex.token_source(resolve(Endpoint("vertex/gemini-2.5-flash"), Surroundings({}, {})), None, {}) is None


def test_an_api_key_of_ibm_is_exchanged_and_a_token_is_not() -> None:
    def source(key: str, **at: Any) -> TokenSource | None:
        target = resolve(Endpoint("watsonx/ibm/granite", api_key=key, **at), Surroundings({}, {}))
        return watsonx.token_source(target, target.key, {})

    found = source("test-key")
    assert found is not None
    assert found is source("test-key")
    assert found is not source("another-key")
    request = found.ask(0.0)
    assert (request.method, request.url) == ("POST", "https://iam.cloud.ibm.com/identity/token")
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["urn:ibm:params:oauth:grant-type:apikey"],
        "apikey": ["test-key"],
    }
    assert source("head.claims.signature") is None
    assert source("test-key", base_url="https://proxy.example/ml/v1") is None


# --- when and how often ------------------------------------------------------------------------------------------


class Desk:
    """Answers a generator's effects: the n-th request for a token gets the token ``t<n>``."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.clock = FakeClock()
        self.asked: list[HttpRequest] = []
        self.answers = list(answers)
        self.source = TokenSource("the desk", lambda now: HttpRequest("POST", f"https://desk.example/{now:.0f}"))

    def obtain(self, deadline: float | None = None) -> str:
        return self.run(self.source.obtain(self.clock, deadline))

    def run(self, core: Generator[Any, Any, Any], effect: Any = None) -> str:
        """What ``core`` returns; ``effect`` is the one it waits at, if it was begun."""
        try:
            effect = effect or next(core)
            while True:
                effect = core.send(self.perform(effect))
        except StopIteration as stop:
            return stop.value.reveal()

    def perform(self, effect: Any) -> Any:
        if isinstance(effect, Send):
            self.asked.append(effect.request)
            body = json.dumps({"access_token": f"t{len(self.asked)}", "expires_in": 3600}).encode()
            status, body = self.answers.pop(0) if self.answers else (200, body)
            self.rest = [body[:5], body[5:], b""]
            return HttpHead(status, {})
        if isinstance(effect, Sleep):
            return self.clock.sleep(effect.until - self.clock.monotonic())
        assert isinstance(effect, NextBytes)
        return self.rest.pop(0)


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    desk = Desk()
    assert [desk.obtain(), desk.obtain()] == ["t1", "t1"]
    desk.clock.advance(3600 - EARLY - 1)
    assert desk.obtain() == "t1"
    desk.clock.advance(1)
    assert [desk.obtain(), desk.obtain()] == ["t2", "t2"]
    assert len(desk.asked) == 2


def test_one_call_fetches_while_the_others_wait_or_use_the_old_token() -> None:
    desk = Desk()
    first = desk.source.obtain(desk.clock, None)
    send = next(first)
    second = desk.source.obtain(desk.clock, None)
    assert isinstance(next(second), Sleep)  # there is no token yet
    with pytest.raises(AttemptTimeout, match="the desk"):
        desk.obtain(deadline=desk.clock.monotonic())
    assert desk.run(first, send) == "t1"
    assert desk.run(second) == "t1"
    desk.clock.advance(3600 - EARLY)
    renewing = desk.source.obtain(desk.clock, None)
    assert isinstance(next(renewing), Send)
    assert desk.obtain() == "t1"  # still good for five minutes
    desk.clock.advance(EARLY - 5)
    assert isinstance(next(desk.source.obtain(desk.clock, None)), Sleep)  # too near its end
    assert len(desk.asked) == 1
    renewing.close()  # whoever fetched was cancelled: the next one does it
    assert desk.obtain() == "t2"


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            400,
            b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}',
            AuthError,
            "invalid_grant: the desk gave no access token: Invalid JWT Signature.",
        ),
        (403, b"<html>", AuthError, "no access token"),
        (503, b"", ServerError, "no access token"),
        (429, b"[]", ServerError, "no access token"),
        (200, b'{"id_token": "x"}', MalformedResponse, "without an access token"),
        (200, b'{"access_token": 7}', MalformedResponse, "without an access token"),
    ],
)
def test_a_refusal_is_an_error_and_the_next_call_asks_again(status: int, body: bytes, kind: type, said: str) -> None:
    desk = Desk((status, body))
    with pytest.raises(kind, match=said) as caught:
        desk.obtain()
    assert caught.value.status == status
    assert desk.obtain() == "t2"


def test_a_token_that_was_refused_is_used_no_more() -> None:
    desk = Desk()
    token = desk.source.held(desk.clock.time())
    assert token is None
    assert desk.obtain() == "t1"
    old = desk.source.held(desk.clock.time())
    assert old is not None
    desk.source.forget(old)
    assert desk.obtain() == "t2"
    desk.source.forget(old)  # whoever else was refused with the old one does not take the new one away
    assert desk.obtain() == "t2"


def test_threads_share_one_exchange() -> None:
    """Real threads on the real driver; the engine is the only thing made up."""
    counted: list[HttpRequest] = []
    got: list[str] = []
    source = TokenSource("the desk", lambda now: HttpRequest("POST", "https://desk.example/"))
    may_answer = threading.Event()

    class Stream:
        head = HttpHead(200, {})

        def __init__(self) -> None:
            self._pieces = [b'{"access_token": "shared"}', b""]

        def read(self, _deadline: float | None) -> bytes:
            may_answer.wait(10)
            return self._pieces.pop(0)

        def close(self) -> None: ...

    class Engine:
        def send(self, request: HttpRequest, **_: Any) -> Stream:
            counted.append(request)
            return Stream()

    class Waiting(FakeClock):
        def sleep(self, seconds: float) -> None:
            may_answer.wait(10)

    clock = Waiting()

    def call() -> None:
        driver = Driver(source.obtain(clock, None), Engine(), clock, lambda names: None)  # type: ignore[arg-type]
        got.append(driver.run().reveal())  # type: ignore[attr-defined]

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    may_answer.set()
    for thread in threads:
        thread.join(10)
    assert got == ["shared"] * 8
    assert len(counted) == 1


# --- in a call ---------------------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Iterator[tuple[str, list[bytes]]]:
    """A server that hands out tokens, and what it was asked."""
    asked: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["content-length"])))
            body = b'{"access_token": "fresh-token", "expires_in": 3599, "token_type": "Bearer"}'
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["sync", "async"])
def test_a_call_to_a_project_fetches_its_token_first(
    name: str, desk, credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, asked = desk
    with VendorServer("gemini", key=None) as server:
        environ = credentials({**SERVICE, "token_uri": uri})
        environ["GOOGLE_VERTEX_BASE_URL"] = f"{server.base_url}/projects/mine/locations/global"
        for variable in ("VERTEX_API_KEY", "VERTEX_ACCESS_TOKEN"):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)
        mux = Mux(["vertex/gemini-2.5-flash"])
        if name == "sync":
            with mux:
                texts = [mux.chat("hi").text, mux.chat("ho").text]
        else:

            async def both() -> list[str]:
                async with mux:
                    return [reply.text for reply in await asyncio.gather(mux.achat("hi"), mux.achat("ho"))]

            texts = asyncio.run(both())
        assert texts == ["You said: hi", "You said: ho"]
        assert [request.headers["authorization"] for request in server.requests] == ["Bearer fresh-token"] * 2
    assert len(asked) == 1
    assert b"jwt-bearer" in asked[0]


def test_a_call_refused_with_its_token_has_the_next_call_fetch_another(
    desk, credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, asked = desk
    with VendorServer("gemini", key=None) as server:
        environ = credentials({**SERVICE, "token_uri": uri})
        environ["GOOGLE_VERTEX_BASE_URL"] = f"{server.base_url}/projects/mine/locations/global"
        monkeypatch.delenv("VERTEX_API_KEY", raising=False)
        monkeypatch.delenv("VERTEX_ACCESS_TOKEN", raising=False)
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)
        with Mux(["vertex/gemini-2.5-flash"]) as mux:
            assert mux.chat("hi").text == "You said: hi"
            server.key = "another"
            with pytest.raises(AuthError):
                mux.chat("hi")
            server.key = None
            assert mux.chat("hi").text == "You said: hi"
    assert len(asked) == 2


def test_a_failed_exchange_is_the_calls_error(credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which endpoint; nothing reached the model's address, and nothing is on the bill."""
    with VendorServer("gemini", key=None) as server:
        environ = credentials({**SERVICE, "token_uri": f"http://127.0.0.1:{unused_port()}/token"})
        environ["GOOGLE_VERTEX_BASE_URL"] = f"{server.base_url}/projects/mine/locations/global"
        monkeypatch.delenv("VERTEX_API_KEY", raising=False)
        monkeypatch.delenv("VERTEX_ACCESS_TOKEN", raising=False)
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)
        with Mux(["vertex/gemini-2.5-flash"], clock=FakeClock()) as mux, pytest.raises(ConnectionFailed) as caught:
            mux.chat("hi")
        assert caught.value.endpoint == "vertex/gemini-2.5-flash"
        assert caught.value.receipt.attempts == ()
        assert server.requests == []


def test_off_the_cloud_the_error_says_what_else_there_is() -> None:
    """The metadata server of a machine that has none."""
    source = _google_auth.source({"GCE_METADATA_HOST": "metadata.example"})
    core = source.obtain(FakeClock(), None)
    assert isinstance(next(core), Send)
    with pytest.raises(AuthError, match=r"metadata\.example cannot be reached.*VERTEX_ACCESS_TOKEN.*gcloud auth"):
        core.throw(ConnectionFailed("no such host"))


def unused_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_lock_held_at_a_fork_does_not_hold_up_the_child():
    from modelmux import _credentials

    kept = _credentials.shared("a place", lambda: _credentials.TokenSource("a", lambda now: None))
    with _credentials._sources.lock:
        child = os.fork()
        if child == 0:
            made = _credentials.shared("a place", lambda: _credentials.TokenSource("b", lambda now: None))
            os._exit(0 if made is not kept else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert _credentials.shared("a place", lambda: None) is kept
