"""The oracle: what a recording says, found by plain path look-ups over its bytes.

It imports nothing of the library it judges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corpus import body_of
from fidelity import anthropic, bedrock, chat, cohere, completions, gemini, interactions, ollama, refusals, responses
from fidelity.expected import Expected, Whole, documents

NATIVE: dict[str, Callable[[list[dict[str, Any]], bool], Whole | None]] = {
    "anthropic.messages": lambda found, stream: anthropic.read(found),
    "gemini.generateContent": lambda found, stream: gemini.read(found),
    "vertex.generateContent": lambda found, stream: gemini.read(found),
    "vertex.anthropic": lambda found, stream: anthropic.read(found),
    "cohere.chat_v2": lambda found, stream: cohere.read(found, stream=stream),
    "ollama.chat": lambda found, stream: ollama.read(found),
    "gemini.interactions": lambda found, stream: interactions.read(found, stream=stream),
}
"""Calls in a format of their own."""

OPENAI: dict[str, Callable[[str, list[dict[str, Any]], bool], Whole | None]] = {
    "chat": lambda api, found, stream: chat.read(api, found, stream=stream),
    "responses": lambda api, found, stream: responses.read(api, found, stream=stream),
    "completions": lambda api, found, stream: completions.read(api, found),
}
"""Calls that many vendors have in OpenAI's format."""

UNREAD = frozenset({"cohere.chat", "cohere.chat_v1"})
"""Chat calls that no codec reads."""


def covers(api: str) -> bool:
    """Whether recordings of this api are in one of the formats judged here."""
    return api in NATIVE or api in bedrock.APIS or (_call(api) in OPENAI and api not in UNREAD)


def expect(row: dict[str, Any]) -> Expected:
    """What a recording should decode to."""
    api, response = row["api"], row["response"]
    body = body_of(response)
    if api in bedrock.APIS:
        return bedrock.expect(response["status"], response.get("headers") or {}, body, stream=bool(row["stream"]))
    if response["status"] >= 400:
        return refusals.refusal(response["status"], body.decode())
    found = list(documents(body)) or list(interactions.documents(body))
    for document in found:
        failure = refusals.inside(document)
        if failure:
            return failure
    stream = bool(row["stream"])
    read = NATIVE.get(api)
    whole = OPENAI[_call(api)](api, found, stream) if read is None else read(found, stream)
    return whole or refusals.NOT_AN_ANSWER


def _call(api: str) -> str:
    return api.partition(".")[2]
