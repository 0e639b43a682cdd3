"""The configuration file, safe binds, and the command."""

from __future__ import annotations

import re
import sys

import pytest
from typer.testing import CliRunner

from modelmux import Mux, config, gateway
from modelmux.cli.app import app
from modelmux.errors import ConfigError
from modelmux.gateway import server
from modelmux.gateway.settings import check_bind, is_loopback

FILE = """
models = ["openai/gpt-5-mini"]

[gateway]
host = "0.0.0.0"
deadline = 120

[[gateway.keys]]
name = "team-a"
sha256 = "{hash}"
models = ["openai/*"]
options = ["tags"]
max_cost = "0.25"
tags = {{ team = "a" }}
"""


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    for name in ("MODELMUX_CONFIG", "MODELMUX_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


def test_a_file_holds_the_gateway_beside_its_mux(tmp_path):
    path = tmp_path / "modelmux.toml"
    path.write_text(FILE.format(hash="ab" * 32))
    given = config.from_file(path)
    settings = gateway.parse(given.gateway)
    assert (settings.host, settings.deadline) == ("0.0.0.0", 120)
    (key,) = settings.keys
    assert (key.name, key.models, str(key.max_cost), key.tags) == ("team-a", ("openai/*",), "0.25", {"team": "a"})
    assert [key.may_set(option) for option in ("tags", "policy")] == [True, False]
    assert "gateway" not in given.arguments()
    with Mux.from_config(path) as mux:
        assert mux.endpoints == ("openai/gpt-5-mini",)


GOOD = {"name": "a", "sha256": "ab" * 32}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"hots": "0.0.0.0"}, "did you mean 'host'"),
        ({"keys": [{**GOOD, "model": ["x"]}]}, "did you mean 'models'"),
        ({"keys": [{**GOOD, "sha256": "secret-itself"}]}, "sha256"),
        ({"keys": [{**GOOD, "name": "a b"}]}, "name"),
        ({"keys": [{**GOOD, "options": ["polcy"]}]}, "did you mean 'policy'"),
        ({"deadline": 0}, "deadline"),
        ({"port": 70000}, "port"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(table, says):
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        gateway.parse(table)
    assert "secret-itself" not in str(caught.value)


def test_keywords_are_settings_too():
    assert gateway.app(Mux(["openai/gpt-5-mini"]), keys=[GOOD], deadline=5).settings.deadline == 5
    with pytest.raises(ConfigError, match="did you mean 'deadline'"):
        gateway.app(Mux(["openai/gpt-5-mini"]), deadlin=5)
    with pytest.raises(ConfigError, match="twice"):
        gateway.app(Mux(["openai/gpt-5-mini"]), keys=[GOOD, GOOD])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_loopback_needs_no_key(host):
    check_bind(gateway.Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "gateway.test", "localhost.test", ""])
def test_a_public_bind_needs_keys(host):
    assert not is_loopback(host)
    with pytest.raises(ConfigError, match="--new-key"):
        check_bind(gateway.Settings(host=host))
    check_bind(gateway.Settings(host=host, anyone=True))
    check_bind(gateway.Settings(host=host, keys=[GOOD]))


# --- the command ---------------------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(app, ["serve", *arguments])


def test_the_command_makes_keys_that_its_file_takes():
    done = run("--new-key", "team-a")
    assert done.exit_code == 0
    key = re.search(r"^key: (\S+)$", done.stdout, re.MULTILINE)[1]
    entry = done.stdout.partition("[[gateway.keys]]")[2]
    assert f'sha256 = "{gateway.digest(key)}"' in entry
    assert key not in entry
    assert run("--new-key", "a b").exit_code == 1


def test_the_command_refuses_a_public_bind_without_keys():
    done = run("--host", "0.0.0.0", "-m", "openai/gpt-5-mini")
    assert done.exit_code == 1
    assert "--new-key" in done.stderr


def test_the_command_refuses_a_file_that_is_wrong(tmp_path):
    path = tmp_path / "modelmux.toml"
    path.write_text("[gateway]\nprot = 1\n")
    done = run("--config", str(path))
    assert (done.exit_code, "did you mean 'port'" in done.stderr) == (1, True)


def test_without_uvicorn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigError, match=r"pip install 'modelmux\[gateway\]'"):
        server.serve(gateway.app(Mux(["openai/gpt-5-mini"])))


def test_a_port_that_is_taken_says_so():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = gateway.Settings(port=taken.getsockname()[1])
        with pytest.raises(ConfigError, match="cannot listen"):
            server.serve(gateway.app(Mux(["openai/gpt-5-mini"]), settings=settings))
