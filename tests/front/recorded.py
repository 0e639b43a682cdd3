"""The recordings that a front passes through in the format they came in, and the requests they began with."""

from __future__ import annotations

import json
from typing import Any

from corpus import recordings

APIS = (
    *("openai.chat", "openai.responses", "openai.completions", "anthropic.messages", "gemini.generateContent"),
    *("vertex.generateContent", "groq.chat", "mistral.chat", "deepseek.chat", "openrouter.chat", "xai.chat"),
)
HOP = ("connection", "content-encoding", "content-length", "transfer-encoding")


def usable(row: dict[str, Any]) -> bool:
    return row["kind"] == "full" and row["request"]["body_encoding"] == "json" and row["request"]["method"] == "POST"


def rows() -> list[dict[str, Any]]:
    return [row for row in recordings(*APIS) if usable(row)]


def headers_of(row: dict[str, Any]) -> dict[str, str]:
    """The headers that an SDK sends, its key among them."""
    headers = {"content-type": "application/json", "user-agent": "some-sdk/1.0", "x-stainless-lang": "python"}
    headers.update({name: value.replace("REDACTED", "a-test-key") for name, value in row["request"]["headers"].items()})
    return headers


def written(row: dict[str, Any]) -> bytes:
    """The body as the SDK would write it: with blanks, which a re-encoded body would not have."""
    return json.dumps(row["request"]["body"]).encode()
