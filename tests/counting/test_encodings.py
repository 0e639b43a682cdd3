"""The packed vocabularies are the published ones, and need neither network nor environment."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmux.counting.count import size, text_tokens
from modelmux.counting.encodings import PUBLISHED, encoding, is_built
from modelmux.errors import UnknownName

BLOBS = "https://openaipublic.blob.core.windows.net/encodings/"
NAMES = sorted(PUBLISHED)
SHA256 = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}


def as_downloaded(name: str) -> bytes:
    """The vocabulary as tiktoken downloads it, written from the encoding."""
    tokens = encoding(name)._mergeable_ranks.items()
    return b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in tokens)


@pytest.mark.parametrize("name", NAMES)
def test_vocabularies_are_the_published_ones(name):
    assert hashlib.sha256(as_downloaded(name)).hexdigest() == SHA256[name] == PUBLISHED[name].sha256


@pytest.mark.parametrize("name", NAMES)
def test_everything_else_is_as_tiktoken_has_it(name, tmp_path, monkeypatch):
    """tiktoken's own definition, with the vocabulary where it would have stored it: it checks the hash itself."""
    stored = hashlib.sha1(f"{BLOBS}{name}.tiktoken".encode()).hexdigest()
    (tmp_path / stored).write_bytes(as_downloaded(name))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    theirs, ours = tiktoken.get_encoding(name), encoding(name)
    assert theirs is not ours
    assert ours._pat_str == theirs._pat_str
    assert ours._special_tokens == theirs._special_tokens
    assert ours._mergeable_ranks == theirs._mergeable_ranks


def test_packed_small():
    packed = files("modelmux.counting").joinpath("vocabularies")
    assert sum(len(packed.joinpath(f"{name}.xz").read_bytes()) for name in NAMES) < 1_500_000


def test_an_encoding_is_built_once_whatever_the_threads():
    with ThreadPoolExecutor(4) as pool:
        assert len({id(found) for found in pool.map(encoding, ["o200k_base"] * 8)}) == 1
    assert is_built("o200k_base")
    assert not is_built("o200k")


def test_an_unknown_encoding_is_told():
    with pytest.raises(UnknownName, match="o200k_base"):
        encoding("o200k_bass")


def test_no_tokenizer_before_something_is_counted():
    code = (
        "import sys, modelmux; mux = modelmux.Mux(['openai/gpt-4o']); mux.explain('hi', keys={'openai': 'test-key'});"
        "assert 'tiktoken' not in sys.modules; mux.count_tokens('hi'); assert 'tiktoken' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={}, timeout=60)
    assert done.returncode == 0, done.stderr


# --- texts


def test_a_recorded_count_of_korean():
    """The one recording in Korean: a completion, with nothing around the text (DataDog/dd-trace-py, BSD-3-Clause)."""
    assert size("안녕,\n 지금 몇 시야?", "cl100k_base") == 13


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("o200k_base", "antidisestablishmentarianism", 6),
        ("cl100k_base", "antidisestablishmentarianism", 6),
        ("o200k_base", "2 + 2 = 4", 7),
        ("cl100k_base", "2 + 2 = 4", 7),
        ("o200k_base", "お誕生日おめでとう", 8),
        ("cl100k_base", "お誕生日おめでとう", 9),
    ],
)
def test_counts_of_the_cookbook(name, text, count):
    """OpenAI cookbook, "How to count tokens with tiktoken": comparing encodings."""
    assert size(text, name) == count


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(words=st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=40))
def test_a_large_text_counts_as_it_would_in_one_piece(name, words):
    text = " ".join(["some", *words, "words"]) + " and more"
    large = text * (300_000 // len(text) + 1)
    assert size(large, name) == len(encoding(name).encode_ordinary(large))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", [" " * 1_200_000, "\n" * 1_200_000, "=" * 600_000, "\ud83d" * 10])
def test_texts_that_hurt_tokenizers(name, text):
    assert 0 < size(text, name) <= len(text.encode("utf-8", "surrogatepass"))


def test_special_tokens_in_a_text_are_text():
    assert size("<|endoftext|>", "o200k_base") > 1


@pytest.mark.parametrize(
    ("model", "method", "tokens"),
    [("openai/gpt-4o", "tiktoken", 2), ("gpt-4", "tiktoken", 2), ("anthropic/claude-haiku-4-5", "estimate", None)],
)
def test_a_bare_text(model, method, tokens):
    counted = text_tokens("hello world", model)
    assert counted.method == method
    assert counted.tokens == (tokens if tokens is not None else counted.tokens)
    assert 0 < counted.tokens <= counted.upper <= counted.bound == 11
    assert counted.estimated == (() if method == "tiktoken" else ("tokenizer",))


def test_an_empty_text_is_no_token():
    assert [text_tokens("", model).tokens for model in ("gpt-4o", "claude-haiku-4-5")] == [0, 0]


def test_korean_takes_fewer_tokens_in_the_newer_encoding():
    text = "이 라이브러리는 요청마다 알맞은 모델을 고르도록 돕습니다. 서울의 날씨에 대해 물어볼 수 있습니다."
    assert (size(text, "o200k_base"), size(text, "cl100k_base")) == (31, 55)
