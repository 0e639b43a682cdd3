"""The units of use that a cost is the sum of. They are disjoint: a token or an event is counted in exactly one.

====================== ============================================================================
unit                   what one is
====================== ============================================================================
input                  a token read, not covered by any unit below
cache_read             a token read from the prompt cache
cache_write_5m         a token written to the prompt cache for the vendor's short lifetime
cache_write_1h         a token written to the prompt cache for an hour
input_audio            a token of audio read; ``cache_read_audio`` the same from the cache
input_image            a token of an image read; ``cache_read_image`` the same from the cache
input_video            a token of video read; ``cache_read_video`` the same from the cache
tool_input             a token that a vendor-run tool put into the prompt, beside the prompt counter
output                 a token written that is none of the following
reasoning              a token of reasoning, shown or not
output_audio           a token of audio written
output_image           a token of an image written
output_video           a token of video written
citation               a token of cited material, where the vendor bills it apart from the prompt
search                 a web search run by the vendor
search_prompt          a call that searched at all (some models are billed so, instead of by ``search``)
file_search            a search in stored files run by the vendor
request                a call, where there is a fee for each; ``request_low``, ``request_medium`` and
                       ``request_high`` one that was to search little, some or much
search_unit            a rerank of up to the vendor's number of documents
image                  an image made, where images are sold by the piece
page                   a page of a document read; ``annotated_page`` one read with annotations
character              a character of text
audio_ms               a millisecond of audio, read or written, where audio is sold by time
cache_storage          a token kept in an explicit cache for an hour
====================== ============================================================================
"""

from __future__ import annotations

from collections.abc import Mapping

MILLION = 1_000_000

INPUT_TOKENS = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "input_audio",
    "cache_read_audio",
    "input_image",
    "cache_read_image",
    "input_video",
    "cache_read_video",
    "tool_input",
)
OUTPUT_TOKENS = ("output", "reasoning", "output_audio", "output_image", "output_video")
TOKENS = (*INPUT_TOKENS, *OUTPUT_TOKENS, "citation")

PER: Mapping[str, int] = {
    **dict.fromkeys(TOKENS, MILLION),
    "search": 1000,
    "search_prompt": 1000,
    "file_search": 1000,
    **dict.fromkeys(("request", "request_low", "request_medium", "request_high"), 1000),
    "search_unit": 1000,
    "image": 1,
    "page": 1000,
    "annotated_page": 1000,
    "character": MILLION,
    "audio_ms": 3_600_000,
    "cache_storage": MILLION,
}
"""Unit -> how many of it a rate is the price of: tokens by the million, calls by the thousand, audio by the hour."""

FALLBACK: Mapping[str, str] = {
    "reasoning": "output",
    "output_audio": "output",
    "output_image": "output",
    "output_video": "output",
    "cache_read": "input",
    "cache_write_5m": "input",
    "cache_write_1h": "cache_write_5m",
    "input_audio": "input",
    "input_image": "input",
    "input_video": "input",
    "tool_input": "input",
    "cache_read_audio": "input_audio",
    "cache_read_image": "cache_read",
    "cache_read_video": "cache_read",
    "citation": "input",
    "request_low": "request",
    "request_medium": "request",
    "request_high": "request",
    "annotated_page": "page",
}
"""Whose rate stands for a unit that has none of its own: vendors list a modality or a cache class only where its
price differs. Never cheaper than what the vendor may bill, except one-hour cache writes (which see
``catalogue``: every model that has them lists them)."""

SOLD_BY: Mapping[str, str] = {"input_audio": "audio_ms"}
"""A unit without a price of its own that is paid for where the other one is counted beside it."""

ALTERNATIVES: Mapping[str, tuple[str, ...]] = {
    "search": ("search_prompt",),
    "search_prompt": ("search",),
    **dict.fromkeys(("request", "request_low", "request_medium", "request_high"), ("search",)),
    "audio_ms": ("input_audio", "input"),
    "image": ("output_image", "output"),
}
"""Other measures of the same thing: a model sold by one of them has no charge for the unit itself."""
