"""Real recorded streams on a line that can be cut: one for each wire, and what it says by an oracle of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import corpus
from fidelity import oracle
from fidelity.expected import Answer, Whole
from modelmux import Endpoint
from modelmux.testing import FakeProvider
from modelmux.testing._reply import NO_FAULT, Reply
from modelmux.testing._steps import Step, steps
from modelmux.testing.answers import RecordedRequest

PIECE = 97
"""Bytes of one write: no event's length, so that writes end anywhere in one."""

EVENTS = 6
"""The fewest events of a stream that is cut."""

# api of the recordings: endpoint, and which of its provider's calls
ROUTES = {
    "openai.chat": ("openai/gpt-5-mini", "chat"),
    "mistral.chat": ("mistral/mistral-small-latest", "chat"),
    "openai.responses": ("openai/gpt-5-mini", "responses"),
    "openai.completions": ("openai/gpt-3.5-turbo-instruct", "completions"),
    "anthropic.messages": ("anthropic/claude-haiku-4-5", "messages"),
    "gemini.generateContent": ("gemini/gemini-2.5-flash", "generateContent"),
    "gemini.interactions": ("gemini/gemini-2.5-flash", "interactions"),
    "bedrock.converse-stream": ("bedrock/amazon.nova-lite-v1:0", "converse"),
    "bedrock.invoke-stream": ("bedrock/anthropic.claude-3-haiku-20240307-v1:0", "invoke"),
    "cohere.chat_v2": ("cohere/command-r-08-2024", "chat_v2"),
    "ollama.chat": ("ollama/llama3.2", "chat"),
    "clova.chat_v3": ("clova_native/HCX-005", "chat_v3"),
}


@dataclass(frozen=True)
class Recording:
    api: str
    id: str
    body: bytes
    content_type: str
    answer: Answer
    units: dict[str, int]


def _sse(event: str, value: object) -> str:
    return f"event: {event}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


def _clova() -> Recording:
    """Synthetic: shaped by the vendor's documentation, no traffic was at hand."""
    words = ["맑은 ", "하늘이에요, ", "바람은 ", "조금 ", "불어요."]
    said = [
        _sse("token", {"message": {"role": "assistant", "content": w, "thinkingContent": ""}, "finishReason": None})
        for w in words
    ]
    usage = {"promptTokens": 9, "completionTokens": 11, "totalTokens": 20}
    message = {"role": "assistant", "content": "".join(words)}
    said.append(_sse("result", {"message": message, "finishReason": "stop", "created": 1, "usage": usage}))
    said.append(_sse("signal", {"data": "[DONE]"}))
    answer = Answer(text="".join(words))
    body = "".join(said).encode()
    return Recording("clova.chat_v3", "synthetic", body, "text/event-stream", answer, {"input": 9, "output": 11})


@cache
def recording(api: str, *, tools: bool = False) -> Recording:
    """The shortest stream of this api that says its text in some pieces (or, with ``tools``, that calls one)."""
    if api == "clova.chat_v3":
        return _clova()
    found = []
    for row in corpus.recordings(api):
        response = row["response"]
        if not row["stream"] or response["status"] != 200 or not _streams(response):
            continue
        expected = oracle.expect(row)
        if not isinstance(expected, Whole) or len(expected.answers) != 1:
            continue
        answer = expected.answers[0]
        if bool(answer.calls) != tools or answer.refusal or (not tools and len(answer.text) < 12):
            continue
        body, kind = corpus.body_of(response), _kind(response)
        if len(frames(body, kind)) < EVENTS:
            continue
        found.append(Recording(api, row["id"], body, kind, answer, expected.units))
    return min(found, key=lambda one: len(one.body))


def frames(body: bytes, content_type: str) -> list[bytes]:
    """A stream by its events, each with what delimits it."""
    if "eventstream" in content_type:
        found, at = [], 0
        while at < len(body):
            size = int.from_bytes(body[at : at + 4], "big")
            found.append(body[at : at + size])
            at += size
        return found
    if "ndjson" in content_type:
        return body.splitlines(keepends=True)
    return [piece for piece in re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", body) if piece]


def _kind(response: dict) -> str:
    headers = {name.lower(): value for name, value in (response.get("headers") or {}).items()}
    return headers.get("content-type", "")


def _streams(response: dict) -> bool:
    kind = _kind(response)
    return "event-stream" in kind or "eventstream" in kind or "ndjson" in kind


class Tape(FakeProvider):
    """Answers every request with one recorded stream, as far as a fault lets it."""

    def __init__(self, tape: Recording, **options) -> None:
        super().__init__("openai", name="tape", **options)
        self.tape = tape
        self.body = tape.body

    def respond(self, request: RecordedRequest) -> Iterator[Step]:
        pieces = [self.body[at : at + PIECE] for at in range(0, len(self.body), PIECE)]
        answer = Reply(200, {"content-type": self.tape.content_type}, pieces, stream=True)
        return steps(answer, self.next_fault(request) or NO_FAULT)

    def endpoint(self, model: str | None = None, **options) -> Endpoint:
        name, call = ROUTES[self.tape.api]
        return Endpoint(name, call=call, base_url=self.origin, api_key="test-key", http_client=self, **options)
