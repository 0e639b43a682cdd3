"""Words of this format that requests and answers share."""

from __future__ import annotations

from modelmux.types import FinishReason
from modelmux.wire._finish import Finishes
from modelmux.wire._kept import Keeper

WIRE = "openai.completions"

KEEPER = Keeper(WIRE)
ours, fields_of, kept = KEEPER.of, KEEPER.fields, KEEPER.keep

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filtered",
    "abort": "error",
    "error": "error",
}
_WORDS: dict[FinishReason, str] = {"length": "length", "filtered": "content_filter", "error": "error"}


finish_of = Finishes(_FINISH, _WORDS, str.lower).read


def word_of(finish: FinishReason, raw: str | None) -> str:
    """The finish word to say: the vendor's own where it is one of this format's and still means the same."""
    if raw is not None and _FINISH.get(raw.lower()) == finish:
        return raw
    return _WORDS.get(finish, "stop")
