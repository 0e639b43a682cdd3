"""The rows of the vendors that speak this wire."""

from __future__ import annotations

import pytest

import corpus
from modelmux import providers, wire
from modelmux.errors import ConfigError
from modelmux.wire.openai_chat import make

ROWS = [
    row
    for row in (providers.get(name) for name in providers.names())
    if "chat" in row.calls and row.calls["chat"].wire == "openai.chat"
]


def test_every_recorded_vendor_has_a_row() -> None:
    spoken = {row["vendor"] for row in corpus.recordings() if row["api"].endswith(".chat")} - {"ollama"}
    assert spoken <= {row.id for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_says_where_and_how(row: providers.Row) -> None:
    codec = wire.get(f"{row.id}.chat")
    assert (codec.id, codec.provider) == ("openai.chat", row.id)
    assert row.base_url.startswith("https://") or row.local or row.note or row.auth.optional
    assert row.key_env or row.auth.optional
    assert row.calls["chat"].path.startswith("/")
    assert not row.base_url.endswith("/")
    assert row.evidence in ("recordings", "docs")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_leads_where_the_recordings_went(row: providers.Row) -> None:
    went = {recorded["request"]["url"].partition("#")[0] for recorded in corpus.recordings(f"{row.id}.chat")}
    if not went:
        assert row.evidence == "docs"
        return
    assert row.evidence == "recordings"
    path = row.calls["chat"].path
    assert any(url.endswith(path) for url in went)
    if row.base_url:
        assert row.base_url + path in went


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"max_token": ["x"]}, "max_token"),
        ({"max_tokens": "max_tokens"}, "list of strings"),
        ({"max_tokens": []}, "at least one"),
        ({"developer": "no"}, "developer"),
        ({"required": "must"}, "required"),
        ({"reasoning": ["mind"]}, "mind"),
    ],
)
def test_a_wrong_dialect_option_is_named(options: dict[str, object], word: str) -> None:
    with pytest.raises(TypeError, match=word):
        make(provider="p", usage="openai.chat", **options)
    with pytest.raises(ConfigError, match=word):
        wire.make("openai.chat", "p", options, "openai.chat")


def test_dialects_are_frozen_values() -> None:
    assert make(provider="p", usage="u").dialect == make(provider="q", usage="v").dialect
