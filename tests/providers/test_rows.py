"""Every row, whatever it speaks: it parses, its names are its own, it is short, it leads somewhere."""

from __future__ import annotations

import statistics
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from modelmux import providers, wire
from modelmux._resolve import Surroundings, chat_call
from modelmux.errors import ConfigError

FOLDER = Path(providers.__file__).parent
FILES = sorted(FOLDER.glob("*.toml"))
ASKED = [
    "openai",
    "azure",
    "azure_ai",
    "anthropic",
    "gemini",
    "vertex",
    "bedrock",
    "bedrock_openai",
    "meta_llama",
    "mistral",
    "cohere",
    "groq",
    "xai",
    "deepseek",
    "perplexity",
    "openrouter",
    "together",
    "fireworks",
    "huggingface",
    "cerebras",
    "sambanova",
    "moonshot",
    "zai",
    "alibaba",
    "minimax",
    "ai21",
    "databricks",
    "snowflake",
    "watsonx",
    "nvidia",
    "deepinfra",
    "novita",
    "hyperbolic",
    "baseten",
    "modal",
    "replicate",
    "predibase",
    "inflection",
    "cloudflare",
    "github_models",
    "vercel_gateway",
    "venice",
    "writer",
    "litellm_proxy",
    "portkey",
    "ollama",
    "ollama_openai",
    "vllm",
    "llamacpp",
    "lmstudio",
    "tgi",
    "clova",
    "upstage",
    "kakao",
]
"""The vendors that the project set out to reach."""

NOT_CALLED = {"replicate", "voyage"}
"""Known for their prices only: what they serve is no chat format."""


def own_lines(path: Path) -> int:
    """Lines of a row up to its usage readers."""
    text = path.read_text("utf-8").partition("# --- usage readers")[0].partition("[readers.")[0]
    return len(text.strip().splitlines())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_row_parses_and_its_call_has_a_codec(path: Path) -> None:
    row = providers.parse_row(tomllib.loads(path.read_text("utf-8")), origin=path.name)
    assert row == providers.get(path.stem)
    assert row.evidence in ("recordings", "docs")
    assert row.docs.startswith("https://") or not row.docs
    for name, call in row.calls.items():
        if call.wire:
            assert wire.get(f"{row.id}.{name}").id == call.wire
            assert call.path.startswith("/")
    if row.id in NOT_CALLED:
        with pytest.raises(ConfigError, match="no chat call"):
            chat_call(row, "any")
    else:
        assert row.calls[chat_call(row, "any")].wire
        assert row.key_env or row.auth.optional or row.auth.scheme == "none"


def test_no_two_rows_answer_to_one_name() -> None:
    rows = [providers.get(path.stem) for path in FILES]
    names = Counter(name for row in rows for name in (row.id, *row.aliases))
    assert [name for name, count in names.items() if count > 1] == []


COMPATIBLE = [
    path
    for path in FILES
    if (spoken := {call.wire for call in providers.get(path.stem).calls.values() if call.wire})
    and spoken <= {"openai.chat", "openai.responses", "openai.completions"}
]


@pytest.mark.parametrize("path", COMPATIBLE, ids=lambda path: path.stem)
def test_an_openai_compatible_vendor_takes_40_lines_at_most(path: Path) -> None:
    assert 10 <= own_lines(path) <= 40


def test_most_of_them_take_about_twenty() -> None:
    assert len(COMPATIBLE) > 50
    assert 15 <= statistics.median(map(own_lines, COMPATIBLE)) <= 25


@pytest.mark.parametrize("name", ASKED)
def test_every_vendor_asked_for_has_a_row(name: str) -> None:
    row = providers.get(name)
    assert row.id == name
    assert row.base_url or row.base_url_env
    assert row.id in NOT_CALLED or any(call.wire for call in row.calls.values())


@pytest.mark.parametrize("row", [row for row in map(providers.get, providers.names()) if row.local], ids=lambda r: r.id)
def test_a_local_server_needs_no_key(row: providers.Row) -> None:
    where = Surroundings({}, {})
    assert row.auth.optional or row.auth.scheme == "none"
    assert where.base_url(row).startswith("http://localhost:") or row.note


def test_a_misspelt_word_of_a_call_is_named_with_the_nearest() -> None:
    data = {"id": "acme", "name": "Acme", "calls": {"chat": {"path": "/chat", "modles": ["a"]}}}
    with pytest.raises(ConfigError, match=r"acme\.toml: calls\.chat.*'modles'.*'models'"):
        providers.parse_row(data, origin="acme.toml")


def test_what_has_no_public_contract_says_so() -> None:
    row = providers.get("kogpt")
    assert row.id == "kakao"
    assert not row.base_url
    assert "No public hosted chat contract is known" in row.note
