"""Random conversations whose turns were made by vendors at random, as canonical requests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from crossing import native
from modelmux import wire
from modelmux._fold import fold, unfold
from modelmux.types import (
    Cache,
    Media,
    Message,
    Output,
    Part,
    Reasoning,
    ReasoningOptions,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

NO_REQUESTS: frozenset[str] = frozenset()
"""Wires whose requests are not written here."""

MODELS = {
    "openai.chat": ("gpt-5-mini",),
    "openai.responses": ("gpt-5-mini",),
    "openai.completions": ("gpt-3.5-turbo-instruct",),
    "anthropic.messages": ("claude-sonnet-4-5", "claude-opus-4-6", "claude-3-5-haiku-latest"),
    "gemini.generateContent": ("gemini-2.5-flash", "gemini-3-pro-preview", "gemini-2.0-flash"),
    "gemini.interactions": ("gemini-2.5-flash",),
    "bedrock.converse": ("anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0"),
    "bedrock.invoke": ("anthropic.claude-sonnet-4-5-20250929-v1:0",),
    "cohere.chat_v2": ("command-a-03-2025",),
    "ollama.chat": ("qwen3",),
}
"""Models asked on each wire: the body depends on their abilities."""

WIRES = tuple(name for name in wire._FORMATS.names() if name not in NO_REQUESTS)
TARGETS = tuple((name, model) for name in WIRES for model in MODELS.get(name, ("a-model",)))

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"

_IDS = (
    "call_{0:024d}",  # OpenAI
    "toolu_01{0:022d}",  # Anthropic
    "tooluse_{0:022d}",  # Bedrock
    "{0:09d}",  # Mistral
    "chatcmpl-tool-{0:032d}",  # vLLM: 46 characters
    "functions.search:{0}",  # Kimi
    "fc_{0:067d}",
    "call é {0}",
)
_NAMES = ("search", "get_weather", "read-file", "x", "get.weather", "7 days", "größe", "long-" * 30)

_words = st.sampled_from(("Hello.", "What is 2 + 2?", "Grüße — 你好", "a\nb", "tail ", '{"a": 1}', "x"))
_texts = st.one_of(_words, _words, st.sampled_from(("", " ", "\n")))
_cache = st.sampled_from((None, None, None, Cache(), Cache("1h")))
_arguments = st.sampled_from(({}, {"q": "é"}, {"n": 1, "deep": {"list": [1, None, "x"]}}))

_media = st.sampled_from(
    (
        Media("image", "image/png", PNG),
        Media("image", None, PNG, detail="low"),
        Media("image", None, None, "https://example.org/a.png"),
        Media("document", "application/pdf", PDF, name="paper.pdf"),
        Media("document", "application/pdf", PDF, name="paper.pdf"),
        Media("document", None, None, "https://example.org/a.pdf"),
        Media("document", "text/plain", text="plain words", name="notes"),
        Media("image", None, None, None, "file-123"),
        Media("audio", "audio/wav", "UklGRgAAAAA="),
        Media("video", "video/mp4", "AAAAIGZ0eXA="),
        Media("file", None, "AAAA", name="data.bin"),
    )
)


@st.composite
def _user_parts(draw: st.DrawFn) -> tuple[Part, ...]:
    parts = draw(st.lists(st.one_of(st.builds(Text, _texts, cache=_cache), _media), min_size=1, max_size=3))
    return (*parts, Text(draw(_words)))


@st.composite
def turn_of(draw: st.DrawFn, maker: str, number: int) -> tuple[Part, ...]:
    """An assistant's turn as the codec of ``maker`` decodes it, whole or streamed."""
    style = draw(st.sampled_from(_IDS))
    names = draw(st.lists(st.sampled_from(_NAMES), max_size=3))
    # Models that number their calls anew in every turn, or give none, give the same id twice in a conversation.
    base = draw(st.sampled_from((number * 10, number * 10, 0)))
    calls = tuple((style.format(base + place), name, draw(_arguments)) for place, name in enumerate(names))
    said = native.Said(draw(_words) if not calls else draw(_texts), draw(st.sampled_from(("", "Hm."))), calls, number)
    if maker not in native.ANSWERS:
        return _plain_turn(said)
    codec = wire.get(maker)
    answer = codec.decode_response(native.ANSWERS[maker](said))
    if draw(st.booleans()):
        answer = fold(codec.decode_stream(codec.encode_stream(unfold(answer))))
    return answer.content


def _plain_turn(said: native.Said) -> tuple[Part, ...]:
    """A turn that the caller wrote: no wire's stamps."""
    thought = (Reasoning(said.thought),) if said.thought else ()
    return (*thought, Text(said.text), *(ToolCall(i, name, arguments) for i, name, arguments in said.calls))


@st.composite
def _results(draw: st.DrawFn, calls: list[ToolCall]) -> list[Message]:
    """The results of one turn's calls: in one turn, in one each, or beside the user's words; in any order."""
    content = st.one_of(
        st.builds(lambda text: (Text(text),), _texts),
        st.sampled_from(((), (Text("see"), Media("image", "image/png", PNG)), (Media("image", "image/png", PNG),))),
    )
    results = [
        ToolResult(call.id, draw(content), draw(st.sampled_from((None, call.name))), draw(st.booleans()), draw(_cache))
        for call in draw(st.permutations(calls))
    ]
    form = draw(st.sampled_from(("each", "one turn", "user", "user, words first")))
    if form == "each":
        return [Message("tool", (result,)) for result in results]
    if form == "one turn":
        return [Message("tool", tuple(results))]
    words = (Text(draw(_words)),)
    return [Message("user", (*results, *words) if form == "user" else (*words, *results))]


@st.composite
def histories(draw: st.DrawFn) -> tuple[Message, ...]:
    roles = draw(st.lists(st.sampled_from(("system", "developer")), max_size=2))
    messages = [Message(role, (Text(draw(_texts), cache=draw(_cache)),)) for role in roles]
    if draw(st.integers(0, 9)):
        messages.append(Message("user", draw(_user_parts()), draw(st.sampled_from((None, None, "ann")))))
    for number in range(draw(st.integers(0, 3))):
        maker = draw(st.sampled_from((*WIRES, "caller")))
        parts = draw(turn_of(maker, number))
        messages.append(Message("assistant", parts))
        calls = [part for part in parts if isinstance(part, ToolCall)]
        if calls:
            messages.extend(draw(_results(calls)))
        if not calls or draw(st.booleans()):
            messages.append(Message("user", draw(_user_parts())))
        if not draw(st.integers(0, 7)):
            messages.append(Message("system", (Text("A later rule."),)))
            messages.append(Message("user", (Text("Go on."),)))
    if not any(message.role == "user" for message in messages):
        messages.append(Message("user", (Text("Hi."),)))
    return tuple(messages)


_SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
_tools = tuple(Tool(name, f"does {name}", _SCHEMA if name != "x" else None) for name in _NAMES)
_outputs = (Output(), Output(_SCHEMA, "shape"), Output(_SCHEMA, "shape", "as told", True))
_choices = (
    None,
    ToolChoice("auto"),
    ToolChoice("none"),
    ToolChoice("required"),
    ToolChoice("tool", ("search",)),
    ToolChoice("allowed", ("search", "x")),
)
_thinking = (
    None,
    ReasoningOptions("high"),
    ReasoningOptions("none"),
    ReasoningOptions(budget=2000),
    ReasoningOptions(enabled=True, include=True),
    ReasoningOptions(enabled=False),
)


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    """Everything beside the conversation, each option now and then."""
    some: dict[str, Any] = {
        "max_tokens": 4321,
        "temperature": draw(st.sampled_from((0.25, 1.7))),
        "top_p": 0.9137,
        "top_k": 37,
        "stop": draw(st.sampled_from((("STOP",), tuple("abcdef"), (" ", "END")))),
        "seed": 918_273,
        "n": 3,
        "presence_penalty": 0.513,
        "frequency_penalty": 0.417,
        "logprobs": True,
        "top_logprobs": 4,
        "user": "user-42",
        "service_tier": draw(st.sampled_from(("auto", "flex", "priority"))),
        "parallel_tool_calls": draw(st.booleans()),
        "cache": Cache(),
        "output": draw(
            st.sampled_from((Output(), Output(_SCHEMA, "shape"), Output(_SCHEMA, "shape", "as told", True)))
        ),
        "modalities": ("text", "audio"),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(some)), max_size=6))
    given = {name: some[name] for name in chosen}
    given["reasoning"] = draw(st.sampled_from(_thinking))
    given["tool_choice"] = draw(st.sampled_from(_choices))
    return given


@st.composite
def requests(draw: st.DrawFn) -> Request:
    return Request(draw(histories()), tools=_tools, **draw(options()))
