"""Names of tools under the rules of other vendors: changed on the way out, given back on the way in.

``renaming`` depends on nothing but the request and the rule, so every turn of a conversation gets the same names, and a
prompt cache is not spoilt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelmux.types import (
    Event,
    Message,
    PartEvent,
    Request,
    Response,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Warning,
)

if TYPE_CHECKING:
    from modelmux.wire import Wire
    from modelmux.wire._stream import StreamDecoder

RENAMED = "tools.name"
"""The field of the warning that says that tools were renamed."""


class NameRule:
    """What a vendor allows as the name of a tool.

    ``characters`` and ``first`` (which may begin a name) are insides of a regular expression's brackets.
    """

    __slots__ = ("_allowed", "_first", "_foreign", "longest")

    def __init__(self, characters: str, longest: int, first: str | None = None) -> None:
        first = characters if first is None else first
        self.longest = longest
        self._allowed = re.compile(f"[{first}][{characters}]{{0,{longest - 1}}}")
        self._foreign = re.compile(f"[^{characters}]")
        self._first = re.compile(f"[{first}]")

    def allows(self, name: str) -> bool:
        return self._allowed.fullmatch(name) is not None

    def nearest(self, name: str, number: int = 1) -> str:
        """The name with what is not allowed replaced; ``number`` tells apart those that come out alike."""
        made = self._foreign.sub("_", name) or "_"
        if self._first.match(made) is None:
            made = "_" + made
        tail = f"_{number}" if number > 1 else ""
        return made[: self.longest - len(tail)] + tail


OPENAI_NAMES = NameRule("a-zA-Z0-9_-", 64)
"""``Invalid 'tools[0].function.name': ... Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'``; the length
is in the reference. Bedrock's ToolSpecification has the same rule, and what took over OpenAI's functions is held to it.
"""

ANTHROPIC_NAMES = NameRule("a-zA-Z0-9_-", 128)
"""``tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`` (64 until the summer of 2025)."""

GEMINI_NAMES = NameRule("a-zA-Z0-9_.:-", 64, "a-zA-Z_")
"""``Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores
(_), dots (.), colons (:), or dashes (-), with a maximum length of 64.``
"""


def renaming(req: Request, rule: NameRule, called: Iterable[str] = ()) -> dict[str, str]:
    """The names that have to change, and into what. No two tools get one name. ``called``: those in the conversation.

    Tools come first, so that theirs do not depend on the conversation, which may call some that are there no more.
    """
    offered = [tool.name for tool in req.tools if isinstance(tool, Tool)]
    wrong = [name for name in offered if not rule.allows(name)]
    more = [name for name in dict.fromkeys(called) if name not in offered]
    if not wrong and all(map(rule.allows, more)):
        return {}
    taken = set(offered).difference(wrong)
    out: dict[str, str] = {}
    for name in (*wrong, *more):
        number, made = 1, name
        while made in taken or not rule.allows(made):
            made = rule.nearest(name, number)
            number += 1
        taken.add(made)
        if made != name:
            out[name] = made
    return out


def with_names(req: Request, names: Mapping[str, str]) -> Request:
    """The request with tools, their choice, calls and results under other names."""

    def named(part: Any) -> Any:
        if isinstance(part, ToolCall | ToolResult) and part.name is not None and part.name in names:
            return replace(part, name=names[part.name])
        return part

    def spoken(turn: Message) -> Message:
        content = tuple(map(named, turn.content))
        return turn if content == turn.content else replace(turn, content=content)

    choice = req.tool_choice
    if choice is not None and choice.names:
        choice = replace(choice, names=tuple(names.get(name, name) for name in choice.names))
    tools = (
        replace(tool, name=names[tool.name]) if isinstance(tool, Tool) and tool.name in names else tool
        for tool in req.tools
    )
    return replace(req, messages=tuple(map(spoken, req.messages)), tools=tuple(tools), tool_choice=choice)


def under_own_names(codec: Wire, req: Request, warnings: Iterable[Warning]) -> Wire:
    """The codec to read the answer with: calls come back under the names that the caller gave its tools.

    ``warnings`` are those of encoding ``req``. Where no tool was renamed it is ``codec`` itself.
    """
    if not any(warning.field == RENAMED for warning in warnings):
        return codec
    rule = getattr(codec, "tool_names", None)
    return codec if rule is None else _Renamed(codec, {new: old for old, new in renaming(req, rule).items()})


class _Renamed:
    """A codec whose answers speak of tools by other names than the vendor does."""

    def __init__(self, codec: Wire, names: Mapping[str, str]) -> None:
        self._codec = codec
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)

    def decode_response(self, body: bytes | dict[str, Any], **more: Any) -> Response:
        answer = self._codec.decode_response(body, **more)
        choices = tuple(replace(c, content=tuple(map(self._part, c.content))) for c in answer.choices)
        return replace(answer, choices=choices)

    def stream_decoder(self, content_type: str | None = None) -> StreamDecoder:
        decoder: Any = _RenamedStream(self._codec.stream_decoder(content_type), self._event)
        return decoder  # type: ignore[no-any-return]  # it has all of a StreamDecoder that is used of one

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        return map(self._event, self._codec.decode_stream(chunks, content_type))

    def _part(self, part: Any) -> Any:
        if isinstance(part, ToolCall) and part.name in self._names:
            return replace(part, name=self._names[part.name])
        return part

    def _event(self, event: Event) -> Event:
        if isinstance(event, ToolCallDelta) and event.name is not None and event.name in self._names:
            return replace(event, name=self._names[event.name])
        if isinstance(event, PartEvent):
            return replace(event, value=self._part(event.value))
        return event


class _RenamedStream:
    def __init__(self, decoder: StreamDecoder, event: Any) -> None:
        self._decoder = decoder
        self._event = event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def feed(self, data: bytes) -> list[Event]:
        return list(map(self._event, self._decoder.feed(data)))

    def close(self) -> list[Event]:
        return list(map(self._event, self._decoder.close()))
