"""The guard against real network, and the pytest plugin that brings it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys

import httpx
import pytest

from modelmux.testing import NetworkForbidden, VendorServer, forbid_network
from modelmux.testing.guard import allow_network, is_local

ELSEWHERE = "192.0.2.7"  # TEST-NET-1 (RFC 5737): belongs to nobody


LOCAL = ["127.0.0.1", "127.9.9.9", "::1", "localhost", "a.localhost", "", None, "0.0.0.0", b"::1"]
FAR = [ELSEWHERE, "example.com", "10.0.0.1", "2001:db8::1", "localhost.example.com", "::ffff:10.0.0.1"]


@pytest.mark.parametrize("host", LOCAL)
def test_this_machine_is_local(host):
    assert is_local(host)


@pytest.mark.parametrize("host", FAR)
def test_everything_else_is_not(host):
    assert not is_local(host)


def test_every_door_is_shut_and_the_error_names_the_address():
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        for attempt in (
            lambda: tcp.connect((ELSEWHERE, 443)),
            lambda: tcp.connect_ex((ELSEWHERE, 443)),
            lambda: udp.sendto(b"x", (ELSEWHERE, 443)),
            lambda: socket.getaddrinfo(ELSEWHERE + ".example.com", 443),
            lambda: socket.create_connection((ELSEWHERE, 443), timeout=1),
            lambda: httpx.get(f"http://{ELSEWHERE}/"),
            lambda: httpx.get("http://no-such-vendor.example.com/"),
        ):
            with pytest.raises(NetworkForbidden, match=r"192\.0\.2\.7|no-such-vendor"):
                attempt()


def test_an_event_loop_is_guarded_too():
    async def go():
        await asyncio.open_connection("no-such-vendor.example.com", 443)

    with pytest.raises(NetworkForbidden, match="no-such-vendor"):
        asyncio.run(go())


def test_loopback_and_unix_sockets_stay_open():
    with VendorServer("openai") as server:
        assert httpx.get(server.base_url + "/models", headers={"authorization": "Bearer test-key"}).status_code == 200
    left, right = socket.socketpair()
    left.sendall(b"x")
    assert right.recv(1) == b"x"
    left.close()
    right.close()


def test_the_doors_are_the_original_ones_afterwards():
    code = (
        "import socket; from modelmux.testing import forbid_network\n"
        "before = socket.getaddrinfo, socket.socket.connect\n"
        "with forbid_network():\n"
        "    with forbid_network(): pass\n"
        "    assert socket.getaddrinfo is not before[0]\n"
        "assert (socket.getaddrinfo, socket.socket.connect) == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_exception_can_be_made():
    with socket.socket() as sock, allow_network(), forbid_network():
        sock.settimeout(0.001)
        with pytest.raises(OSError, match=r".*") as caught:
            sock.connect((ELSEWHERE, 9))
    assert not isinstance(caught.value, NetworkForbidden)


PLUGIN_TESTS = """
import socket
import pytest

def leave():
    socket.create_connection(("192.0.2.7", 9), timeout=0.001)

{mark}
def test_guarded():
    with pytest.raises(RuntimeError, match="192.0.2.7"):
        leave()

@pytest.mark.modelmux_allow_network
def test_allowed():
    with pytest.raises(OSError):
        leave()

def test_vendors(modelmux_vendors, modelmux_clock):
    modelmux_vendors.openai.reply("x", times=1)
    assert len(modelmux_vendors.endpoints()) == 3
    modelmux_clock.sleep(5)

def test_vendors_again(modelmux_vendors):
    assert modelmux_vendors.requests() == []
"""


@pytest.mark.parametrize("mark", ["", "@pytest.mark.modelmux_block_network"], ids=["ini", "marker"])
def test_the_plugin_serves_users(tmp_path, mark):
    (tmp_path / "test_mine.py").write_text(PLUGIN_TESTS.format(mark=mark))
    ini = "[pytest]\naddopts = --strict-markers --strict-config -W error\n"
    (tmp_path / "pytest.ini").write_text(ini + ("" if mark else "modelmux_block_network = true\n"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_plugin_loads_nothing_until_it_is_used():
    code = (
        "import sys, json, pytest\nbefore = set(sys.modules)\nimport modelmux.testing.plugin\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    heavy = {"httpx", "pydantic", "pydantic_core", "asyncio", "ssl", "sqlite3", "tiktoken", "tenacity"}
    assert not heavy & set(loaded)
    assert [name for name in loaded if name.startswith("modelmux")] == [
        "modelmux",
        "modelmux.testing",
        "modelmux.testing.plugin",
    ]
