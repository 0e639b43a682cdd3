"""Parts that say nothing to whoever reads an answer."""

from __future__ import annotations

from modelmux.types import Part, Text


def hollow(part: Part) -> bool:
    """Whether this is a text without a word, there for its vendor's signature only, as at the end of Gemini's streams.
    Clients that parse each text of an answer as JSON would fail on it.
    """
    return isinstance(part, Text) and part.signature is not None and not part.text and not part.citations
