"""What some models answer beyond their fields."""

from __future__ import annotations

from typing import Any


class Response:
    """Of the Responses API."""

    output: Any

    @property
    def output_text(self) -> str:
        """All text of the output's messages, joined."""
        found = []
        for item in self.__dict__.get("output") or ():
            if getattr(item, "type", None) == "message":
                for part in item.__dict__.get("content") or ():
                    text = getattr(part, "text", None)
                    if getattr(part, "type", None) == "output_text" and text:
                        found.append(text)
        return "".join(found)


class ParsedResponse:
    """Of a call that was parsed."""

    output: Any

    @property
    def output_parsed(self) -> Any:
        """The first text that was parsed; None when there was none."""
        for item in self.__dict__.get("output") or ():
            if getattr(item, "type", None) == "message":
                for part in item.__dict__.get("content") or ():
                    if getattr(part, "type", None) == "output_text" and part.__dict__.get("parsed") is not None:
                        return part.parsed
        return None
