"""Why an answer ended, in a format's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelmux.types import FinishReason
from modelmux.wire._kept import word


class Finishes:
    """``meanings``: the vendor's words -> what they mean; a word nobody knows means ``stop``. ``words``: what is said
    of a finish that came from elsewhere, at least of ``stop``. ``spelt`` brings a word to the spelling of the table.
    """

    __slots__ = ("_meanings", "_spelt", "_words")

    def __init__(
        self,
        meanings: Mapping[str, FinishReason],
        words: Mapping[FinishReason, str],
        spelt: Callable[[str], str] | None = None,
    ) -> None:
        self._meanings, self._words, self._spelt = meanings, words, spelt

    def read(self, said: Any, *, called: bool = False) -> tuple[FinishReason, str | None]:
        """The canonical finish, and the vendor's word. ``called``: whether the answer calls tools, for which some
        formats have no word.
        """
        raw = word(said)
        key = raw or ""
        reason = self._meanings.get(self._spelt(key) if self._spelt is not None else key, "stop")
        return ("tool_calls" if reason == "stop" and called else reason), raw

    def say(self, reason: FinishReason, raw: str | None) -> str:
        """The vendor's word: the one it used itself where that still means the same."""
        if raw is not None and self._meanings.get(raw) == reason:
            return raw
        return self._words.get(reason, self._words["stop"])
