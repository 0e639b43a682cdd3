"""Byte-pair encodings from vocabularies packed into this package: no network, no cache directory, no variable.

What makes an encoding is data: its tokens in order of rank (``vocabularies/``, see the README there), the pattern
that splits a text before pairs are merged, and its special tokens. Patterns and special tokens are as published with
tiktoken (MIT licence), which does the counting; it is imported with the first encoding that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from modelmux.errors import UnknownName

if TYPE_CHECKING:
    from tiktoken import Encoding


@dataclass(frozen=True, slots=True)
class Published:
    """``sha256`` is that of the vocabulary as tiktoken downloads it; the script that packs it checks it."""

    sha256: str
    pattern: str
    special: Mapping[str, int]


_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_BEFORE_A_WORD = r"[^\r\n\p{L}\p{N}]?"

PUBLISHED: Mapping[str, Published] = {
    "o200k_base": Published(
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        "|".join(
            (
                f"{_BEFORE_A_WORD}{_UPPER}*{_LOWER}+{_CONTRACTION}",
                f"{_BEFORE_A_WORD}{_UPPER}+{_LOWER}*{_CONTRACTION}",
                r"\p{N}{1,3}",
                r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
                r"\s*[\r\n]+",
                r"\s+(?!\S)",
                r"\s+",
            )
        ),
        {"<|endoftext|>": 199_999, "<|endofprompt|>": 200_018},
    ),
    "cl100k_base": Published(
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        r"'(?i:[sdmt]|ll|ve|re)"
        r"|[^\r\n\p{L}\p{N}]?+\p{L}++"
        r"|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$"
        r"|\s*[\r\n]"
        r"|\s+(?!\S)"
        r"|\s",
        {
            "<|endoftext|>": 100_257,
            "<|fim_prefix|>": 100_258,
            "<|fim_middle|>": 100_259,
            "<|fim_suffix|>": 100_260,
            "<|endofprompt|>": 100_276,
        },
    ),
}

_built: dict[str, Encoding] = {}


def encoding(name: str) -> Encoding:
    """The encoding called ``name``, built once per process: some 0.3 s and 50 MB, then a dictionary look-up.

    May be called from any thread; threads that race build it twice and then share one. Raises UnknownName.
    """
    found = _built.get(name)
    if found is None:
        # No lock: one held at a fork would stay held in the child for ever.
        found = _built.setdefault(name, _build(name))
    return found


def is_built(name: str) -> bool:
    """Whether :func:`encoding` gives this one at once."""
    return name in _built


def _build(name: str) -> Encoding:
    published = PUBLISHED.get(name)
    if published is None:
        raise UnknownName("encoding", name, PUBLISHED)
    from tiktoken import Encoding

    return Encoding(
        name, pat_str=published.pattern, mergeable_ranks=_ranks(name), special_tokens=dict(published.special)
    )


def _ranks(name: str) -> dict[bytes, int]:
    """Token -> rank. A packed vocabulary is every token in order of rank, each behind its length as one byte."""
    import lzma  # loads a shared library, for the first count only

    packed = lzma.decompress(files("modelmux.counting").joinpath("vocabularies", f"{name}.xz").read_bytes())
    ranks: dict[bytes, int] = {}
    at, end = 0, len(packed)
    while at < end:
        stop = at + 1 + packed[at]
        ranks[packed[at + 1 : stop]] = len(ranks)
        at = stop
    return ranks
