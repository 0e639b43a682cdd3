"""TLS: who is trusted, and the same promises under encryption. Certificates are made for each run."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from engines.loopback import CLOSE, HANG, Caller, Seen, Server, answer, chunked, post
from modelmux._engines import Options, _tls
from modelmux._engines._socket import Connection
from modelmux._engines._wire import Wire
from modelmux.errors import AttemptTimeout, ConfigError, ConnectionFailed, ConnectionLost

AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def trusting(callers: Callable[..., Caller], ca_file: str) -> Caller:
    return callers(Options(verify=ca_file))


def test_a_trusted_server_is_served_and_its_connection_kept(trusting: Caller, server_context: ssl.SSLContext) -> None:
    body = b"x" * 300_000
    with Server(lambda seen: [answer(seen.body)], tls=server_context) as server:
        for _ in range(3):
            assert trusting.fetch(post(server.url, body))[1] == body
    assert server.connections == 1


def test_an_unknown_authority_is_refused(caller: Caller, server_context: ssl.SSLContext) -> None:
    with Server(tls=server_context) as server:
        with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
            caller.open(post(server.url))
        assert server.seen == []


def test_a_wrong_name_is_refused(trusting: Caller) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("vendor.invalid").configure_cert(context)
    with Server(tls=context) as server, pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
        trusting.open(post(server.url))
    assert server.seen == []


def test_verify_false_and_contexts_of_ones_own(callers: Callable[..., Caller], server_context: ssl.SSLContext) -> None:
    own = ssl.create_default_context()
    AUTHORITY.configure_trust(own)
    with Server(tls=server_context) as server:
        for verify in (False, own):
            assert callers(Options(verify=verify)).fetch(post(server.url))[0].status == 200


def test_the_environment_names_authorities(
    callers: Callable[..., Caller], server_context: ssl.SSLContext, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    with Server(tls=server_context) as server:
        assert callers().fetch(post(server.url))[0].status == 200
        with pytest.raises(ConnectionFailed):
            callers(Options(trust_env=False)).open(post(server.url))


def test_client_certificates(
    callers: Callable[..., Caller], server_context: ssl.SSLContext, ca_file: str, tmp_path: Path
) -> None:
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(strict)
    AUTHORITY.configure_trust(strict)
    strict.verify_mode = ssl.CERT_REQUIRED
    pem = tmp_path / "client.pem"
    AUTHORITY.issue_cert("someone@vendor.invalid").private_key_and_cert_chain_pem.write_to_path(str(pem))
    with Server(tls=strict) as server:
        assert callers(Options(verify=ca_file, cert=str(pem))).fetch(post(server.url))[0].status == 200
        with pytest.raises((ConnectionFailed, ConnectionLost)):
            callers(Options(verify=ca_file)).fetch(post(server.url))
    assert len(server.seen) == 1


@pytest.mark.parametrize("options", [Options(verify="/nowhere/ca.pem"), Options(cert="/nowhere/client.pem")])
def test_a_file_that_is_not_there_is_named(callers: Callable[..., Caller], options: Options) -> None:
    with pytest.raises(ConfigError, match="certificates"):
        callers(options).open(post("https://127.0.0.1:1/"))


def test_one_context_serves_all_engines(monkeypatch: pytest.MonkeyPatch, ca_file: str) -> None:
    assert _tls.context_for(Options(verify=ca_file)) is _tls.context_for(Options(verify=ca_file, max_idle=3))
    assert _tls.context_for(Options(verify=ca_file)) is not _tls.context_for(Options(verify=False))


def test_a_handshake_that_never_comes_ends_by_the_deadline(trusting: Caller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        start = time.monotonic()
        with pytest.raises(AttemptTimeout) as caught:
            trusting.open(post(f"https://127.0.0.1:{listener.getsockname()[1]}/"), 0.2)
        assert caught.value.phase == "connect"
        assert time.monotonic() - start < 0.5


def test_a_dripping_handshake_ends_by_the_deadline(trusting: Caller) -> None:
    """A TLS record announced as 16 KB, which comes a byte at a time."""
    drip = [step for _ in range(40) for step in (b"\x00", 0.02)]
    with Server([]) as server:
        server._talk = lambda conn, number: server._play(conn, [b"\x16\x03\x03\x3f\xff", *drip])  # type: ignore[method-assign]
        start = time.monotonic()
        with pytest.raises(AttemptTimeout) as caught:
            trusting.open(post(server.url.replace("http:", "https:")), 0.2)
        assert caught.value.phase == "connect"
        assert time.monotonic() - start < 0.5


def test_a_port_that_speaks_no_tls_is_a_failed_connection(trusting: Caller) -> None:
    with Server([]) as server:
        server._talk = lambda conn, number: server._play(conn, [b"HTTP/1.1 400 Bad Request\r\n\r\n"])  # type: ignore[method-assign]
        with pytest.raises(ConnectionFailed):
            trusting.open(post(server.url.replace("http:", "https:")))


def test_drips_cuts_and_aborts_under_tls(trusting: Caller, server_context: ssl.SSLContext) -> None:
    with Server(tls=server_context) as server:
        server.script = [b"HTTP/1.1 200 OK\r\n\r\n", *(step for _ in range(30) for step in (b"x", 0.02))]
        start = time.monotonic()
        with pytest.raises(AttemptTimeout):
            trusting.fetch(post(server.url), 0.2)
        assert time.monotonic() - start < 0.5
        server.script = [chunked(b"x", end=b""), CLOSE]
        with pytest.raises(ConnectionLost) as caught:
            trusting.fetch(post(server.url))
        assert caught.value.answered
        server.script = [chunked(b"x", end=b""), HANG]
        opened = trusting.open(post(server.url))
        assert opened.read() == b"x"
        threading.Timer(0.05, opened.abort).start()
        with pytest.raises(ConnectionLost, match="aborted"):
            opened.read(5)
        opened.close()


def test_a_close_that_crosses_the_request_is_retried_under_tls(
    trusting: Caller, server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    for connection in (Connection, Wire):
        monkeypatch.setattr(connection, "alive", lambda self: True)
    with Server(tls=server_context) as server:
        trusting.fetch(post(server.url))
        server.hang_up()
        deadline = time.monotonic() + 2
        while server.live and time.monotonic() < deadline:
            time.sleep(0.005)
        assert trusting.fetch(post(server.url))[0].status == 200
    assert (server.connections, len(server.seen)) == (2, 2)


def test_a_request_that_was_read_is_never_sent_twice_under_tls(
    trusting: Caller, server_context: ssl.SSLContext
) -> None:
    def script(seen: Seen) -> list[bytes | str]:
        return [answer()] if len(server.seen) == 1 else [CLOSE]

    with Server(script, tls=server_context) as server:
        trusting.fetch(post(server.url))
        with pytest.raises(ConnectionLost):
            trusting.fetch(post(server.url))
    assert len(server.seen) == 2
