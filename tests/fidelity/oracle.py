"""The oracle: what a recording says, found by plain path look-ups over its bytes.

It imports nothing of the library it judges.
"""

from __future__ import annotations

from typing import Any

from corpus import body_of
from fidelity import anthropic, chat, gemini, refusals
from fidelity.expected import Expected, documents

NATIVE = frozenset({"cohere.chat", "cohere.chat_v1", "cohere.chat_v2", "ollama.chat"})
"""Chat calls in a format of their own."""


def covers(api: str) -> bool:
    """Whether recordings of this api are in one of the three formats judged here."""
    named = ("anthropic.messages", "gemini.generateContent", "vertex.generateContent")
    return api in named or (api.endswith(".chat") and api not in NATIVE)


def expect(row: dict[str, Any]) -> Expected:
    """What a recording should decode to."""
    api, response = row["api"], row["response"]
    body = body_of(response)
    if response["status"] >= 400:
        return refusals.refusal(response["status"], body.decode())
    found = list(documents(body))
    for document in found:
        failure = refusals.inside(document)
        if failure:
            return failure
    if api == "anthropic.messages":
        whole = anthropic.read(found)
    elif api.endswith(".generateContent"):
        whole = gemini.read(found)
    else:
        whole = chat.read(api, found, stream=bool(row["stream"]))
    return whole or refusals.NOT_AN_ANSWER
