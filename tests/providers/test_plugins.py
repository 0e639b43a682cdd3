"""Vendors, formats and policies that come from elsewhere work as those of the package do, with no edit to it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from modelmux import Mux, config, providers, wire
from modelmux.errors import ConfigError, UnknownName
from modelmux.providers import _plugins, parse_row
from modelmux.testing.server import VendorServer
from modelmux.types import Message, Request, Text

ROW = """\
id = "acme"
name = "Acme Models"
aliases = ["acme-ai"]
base_url = "{address}"
key_env = ["ACME_API_KEY"]
docs = "https://acme.example/docs"

[calls.chat]
wire = "{wire}"
path = "/chat/completions"
"""


@pytest.fixture
def server() -> Iterator[VendorServer]:
    with VendorServer("openai", key="acme-test-key", models=("acme-1",)) as server:
        yield server


@pytest.fixture(autouse=True)
def _as_new(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What was found is found anew, and what a test registers is gone after it."""
    monkeypatch.setattr(providers, "_registered", {})
    providers._outside.cache_clear()
    yield
    providers._outside.cache_clear()


def row_of(server: VendorServer, format_id: str = "openai.chat") -> str:
    return ROW.format(address=server.base_url, wire=format_id)


def asked(server: VendorServer, mux: Mux) -> None:
    """One call each way, whole and streamed, and that it went where and as the row says."""
    reply = mux.chat("hello there")
    assert (reply.provider, reply.text) == ("acme", "You said: hello there")
    with mux.stream("hello again") as stream:
        assert "".join(stream.text) == "You said: hello again"
    assert [request.path.rpartition("/v1")[2] for request in server.requests] == ["/chat/completions"] * 2
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer acme-test-key"}
    assert reply.usage["input"] > 0
    assert reply.cost is None


def test_a_registered_row_is_a_vendor(server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "acme-test-key")
    with pytest.raises(UnknownName):
        Mux(["acme/acme-1"])
    providers.register(parse_row(tomllib.loads(row_of(server)), origin="test"))
    with Mux(["acme/acme-1"]) as mux:
        asked(server, mux)
    assert "acme" in providers.names()
    assert providers.get("acme-ai").name == "Acme Models"


def test_a_row_registered_in_anothers_place_is_spoken_as_it_says() -> None:
    def row(limit: str) -> providers.Row:
        chat = {"wire": "openai.chat", "path": "/chat/completions", "dialect": {"max_tokens": [limit]}}
        return parse_row({"id": "acme", "name": "Acme", "calls": {"chat": chat}}, origin="test")

    for limit in ("max_tokens", "max_completion_tokens"):
        providers.register(row(limit))
        asked = Request((Message("user", (Text("hi"),)),), max_tokens=5)
        body, _ = wire.get("acme.chat").encode_request(asked, model="acme-1")
        assert body[limit] == 5
        assert wire.get("acme.chat") is wire.get("acme.chat")


def test_a_directory_of_rows_is_read(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELMUX_PROVIDER_ROWS", str(tmp_path))
    monkeypatch.setenv("ACME_API_KEY", "acme-test-key")
    tmp_path.joinpath("acme.toml").write_text(row_of(server), "utf-8")
    tmp_path.joinpath("notes.txt").write_text("no row", "utf-8")
    with Mux(["acme-ai/acme-1"]) as mux:
        asked(server, mux)
    assert "acme.chat" in providers.api_names()


def test_the_variable_is_one_that_the_configuration_knows(tmp_path: Path) -> None:
    assert config.from_env({"MODELMUX_PROVIDER_ROWS": str(tmp_path)}) == config.from_env({})


def test_a_row_from_elsewhere_takes_no_name_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = providers.get("groq")
    monkeypatch.setenv("MODELMUX_PROVIDER_ROWS", str(tmp_path))
    tmp_path.joinpath("groq.toml").write_text('id = "groq"\nname = "Not Groq"\naliases = ["hf"]\n', "utf-8")
    assert providers.get("groq") is ours
    assert providers.get("hf").id == "huggingface"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('id = "acme"\nname = "A"\nbase_ulr = "x"\n', "no key is called 'base_ulr'.*'base_url'"),
        ("id = ", "Invalid value"),
        ('id = "acme"', "'name'"),
    ],
)
def test_a_wrong_row_of_the_users_is_an_error_that_names_it(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELMUX_PROVIDER_ROWS", str(tmp_path))
    tmp_path.joinpath("acme.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=rf"acme\.toml: .*{said}"):
        providers.get("acme")


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELMUX_PROVIDER_ROWS", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="no such directory"):
        providers.get("acme")
    assert providers.get("openai").id == "openai"


# --- other people's distributions --------------------------------------------------------------------------------

PACKAGE = {
    "acme_models/__init__.py": "",
    "acme_models/hook.py": """\
        def url(target, stream):
            return f"{target.base_url}/chat/completions?by=hook"
        """,
    "acme_models/shout.py": '''\
        """A wire of one's own: another's, with a field more."""
        from modelmux import wire


        class Shout:
            id = "acme.shout"

            def __init__(self, inner):
                self._inner = inner
                self.provider = inner.provider

            def encode_request(self, req, *, model, stream=False):
                body, warnings = self._inner.encode_request(req, model=model, stream=stream)
                return {**body, "shout": True}, warnings

            def __getattr__(self, name):
                return getattr(self._inner, name)


        def make(*, provider, usage, **dialect):
            return Shout(wire.make("openai.chat", provider, dialect, "openai.chat"))
        ''',
    "acme_models/choose.py": """\
        def last_first(needs, candidates, snapshot, rng):
            return candidates.decide(sorted(candidates, key=lambda c: c.name, reverse=True), policy="last_first")
        """,
    "acme_models/broken.py": "raise RuntimeError('no good')",
    "acme_models-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme-models\nVersion: 1.0\n",
    "acme_models-1.0.dist-info/entry_points.txt": """\
        [modelmux.providers]
        acme = acme_models
        broken = acme_models.broken

        [modelmux.wires]
        acme.shout = acme_models.shout

        [modelmux.policies]
        last_first = acme_models.choose:last_first
        """,
}

PROGRAM = """\
    from modelmux import Mux

    with Mux(["acme/acme-0", "acme/acme-1"], policy="last_first") as mux:
        reply = mux.chat("hello there")
        print(reply.provider, reply.model, reply.text)
        with mux.stream("hello again") as stream:
            print("".join(stream.text))
    """


def install(place: Path, row: str) -> None:
    for name, text in {**PACKAGE, "acme_models/acme.toml": row}.items():
        path = place / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text), "utf-8")


def test_a_distribution_brings_a_vendor_a_wire_a_hook_and_a_policy(server, tmp_path: Path) -> None:
    head, rest = row_of(server, "acme.shout").split("\n", 1)
    install(tmp_path, f'{head}\nhook = "acme_models.hook"\n{rest}')
    path = os.pathsep.join([str(tmp_path), str(Path(providers.__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(PROGRAM)],
        env={**os.environ, "PYTHONPATH": path, "ACME_API_KEY": "acme-test-key"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["acme acme-1 You said: hello there", "You said: hello again"]
    assert "broken" in done.stderr
    assert [request.json["shout"] for request in server.requests] == [True, True]
    assert [request.query for request in server.requests] == [{"by": "hook"}] * 2


def test_a_row_itself_may_be_the_entry_point(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"""\
        from modelmux.providers import parse_row

        ROW = parse_row({{"id": "acme2", "name": "Acme", "base_url": {server.base_url!r}}}, origin="acme")
        NONSENSE = 42
        """
    tmp_path.joinpath("acme_row.py").write_text(dedent(code), "utf-8")
    info = tmp_path / "acme_row-1.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: acme-row\nVersion: 1\n", "utf-8")
    info.joinpath("entry_points.txt").write_text(
        "[modelmux.providers]\nacme2 = acme_row:ROW\nnonsense = acme_row:NONSENSE\n", "utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    logger = logging.getLogger("modelmux")
    said: list[str] = []
    monkeypatch.setattr(logger, "warning", lambda text, *args: said.append(text % args))
    assert providers.get("acme2").base_url == server.base_url
    assert len(said) == 1
    assert "nonsense" in said[0]
    assert "int" in said[0]
    assert _plugins.GROUP == "modelmux.providers"
