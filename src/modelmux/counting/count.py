"""Counting tokens: by the model's own tokenizer where that is public, else an estimate that says so.

Nothing here is on a call's path: a route is chosen by :mod:`modelmux.tokens`, in microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from modelmux import _json, tokens
from modelmux.catalogue.encodings import Rule, encoding_of, picture_of, rule_of
from modelmux.counting import encodings
from modelmux.counting.declarations import declare
from modelmux.counting.pictures import Patches, Tiles, dimensions
from modelmux.types import (
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

if TYPE_CHECKING:
    from modelmux.endpoint import Target

Method = Literal["tiktoken", "estimate", "vendor"]

BLOCKING = 64 * 1024
"""Characters that may be counted on an event loop (some 4 ms); more are counted in a worker thread."""

_PIECE = 256 * 1024
"""Characters given to the tokenizer at once: its splitter gives up on a million spaces in a row."""

_BREAK = re.compile(r"\w(?= \w)")
"""After such a character every encoding begins a new token, so that cutting a text there changes no count."""


class TokenCount(NamedTuple):
    """Tokens in. ``method``: ``tiktoken`` (the model's own tokenizer and what is known of how the vendor puts a request
    together), ``vendor`` (the vendor was asked) or ``estimate``. ``upper`` holds in 99 % of requests, ``bound`` cannot
    be exceeded; None where nothing in the request bounds it. ``estimated`` names what kept a count from being exact.
    """

    tokens: int
    method: Method
    upper: int
    bound: int | None
    estimated: tuple[str, ...] = ()


def text_tokens(text: str, model: str) -> TokenCount:
    """A bare text, as ``model`` counts it, with nothing around it. ``model`` may carry its provider."""
    name = encoding_of(model)
    bound = len(text.encode("utf-8", "surrogatepass"))
    if name is not None:
        count = size(text, name)
        return TokenCount(count, "tiktoken", count, bound)
    profile = tokens.profile(model)
    expected = tokens.measure(Request((Message("user", (Text(text),)),))).estimate(profile).expected
    count = max(0, int(expected - profile.overhead.request - profile.overhead.message))
    return TokenCount(count, "estimate", min(bound, int(count * profile.upper)), bound, ("tokenizer",))


def size(text: str, encoding: str) -> int:
    """Tokens of ``text``, exactly. The first call with an encoding loads it (0.3 s)."""
    encode = encodings.encoding(encoding).encode_ordinary
    if len(text) <= _PIECE:
        return len(encode(text))
    return sum([len(encode(piece)) for piece in _pieces(text)])


def _pieces(text: str) -> Iterator[str]:
    start, end = 0, len(text)
    while end - start > _PIECE:
        found = _BREAK.search(text, start + _PIECE - 1_000, start + _PIECE)
        stop = found.end() if found else start + _PIECE
        yield text[start:stop]
        start = stop
    yield text[start:]


def count_for(request: Request, targets: Sequence[Target]) -> TokenCount:
    """The count for the one of ``targets`` that counts most; a cautious estimate when there is none."""
    ways = {(target.model, target.call.wire, target.provider) for target in targets} or {("", None, "")}
    return max([count_request(request, *way) for way in sorted(ways, key=str)], key=lambda count: count.tokens)


async def acount_for(request: Request, targets: Sequence[Target]) -> TokenCount:
    """:func:`count_for`; in a worker thread where it would keep the event loop waiting."""
    rules = [rule_of(target.model, target.call.wire, target.provider) for target in targets]
    names = {rule.encoding for rule in rules if rule is not None}
    if names and (tokens.measure(request).size > BLOCKING or not all(map(encodings.is_built, names))):
        import asyncio  # a coroutine runs, so it is loaded; nobody else needs it here

        return await asyncio.to_thread(count_for, request, targets)
    return count_for(request, targets)


def count_request(request: Request, model: str, wire: str | None, provider: str = "") -> TokenCount:
    """The count for ``model`` as ``provider`` is asked for it over ``wire``; a cautious estimate without a model."""
    measured = tokens.measure(request)
    guess = measured.estimate(tokens.profile(model, wire, provider=provider) if model else None)
    bound = None if guess.open else guess.bound
    rule = rule_of(model, wire, provider)
    if rule is None:
        return TokenCount(guess.expected, "estimate", guess.upper, bound, ("tokenizer", *guess.open))
    chat = _Chat(rule, picture_of(model))
    chat.add(request)
    count = int(chat.tokens)
    estimated = tuple(dict.fromkeys([*chat.estimated, *guess.open]))
    upper = max(count + chat.slack, guess.upper if guess.open else 0)
    unseen = tuple([medium for medium in measured.media if id(medium[1]) not in chat.seen])
    if unseen:
        seen = _media(measured._replace(media=unseen), model, wire, provider)
        count, upper = count + seen.expected, upper + seen.upper
    if bound is not None:
        upper, bound = min(upper, bound), max(count, bound)
    return TokenCount(count, "estimate" if estimated else "tiktoken", upper, bound, estimated)


def _media(measured: tokens.Measure, model: str, wire: str | None, provider: str) -> tokens.Estimate:
    """What the media come to, by the vendor's rule as far as the parts say how large they are."""
    profile = tokens.profile(model, wire, provider=provider)
    bare = measured._replace(media=())
    with_media, without = measured.estimate(profile), bare.estimate(profile)
    return with_media._replace(
        expected=with_media.expected - without.expected, upper=max(0, with_media.upper - without.upper)
    )


class _Chat:
    """A request as the vendor puts it together, counted part by part. ``slack`` is what a count may be short of;
    ``seen`` are the ids of the pictures that were counted.
    """

    def __init__(self, rule: Rule, picture: Tiles | Patches | None) -> None:
        self._rule = rule
        self._picture = picture
        self.seen: set[int] = set()
        self.tokens: float = 0
        self.slack = 4
        self.estimated: list[str] = []
        self._names: dict[str, str] = {}

    def add(self, request: Request) -> None:
        self.tokens += self._rule.request
        for message in request.messages:
            self._message(message)
        functions = [tool for tool in request.tools if isinstance(tool, Tool)]
        if functions:
            self._tools(functions, request)
        self.estimated += [tool.kind for tool in request.tools if not isinstance(tool, Tool)]
        if request.output is not None and request.output.schema:
            text = f"{request.output.name or ''} {_json.dumps_str(request.output.schema)}"
            added = self._size(text) * self._rule.schema
            self.tokens += self._rule.output + added
            self.slack += 16 + int(added / 4)
            self.estimated.append("output schema")

    def _size(self, text: str) -> int:
        return size(text, self._rule.encoding)

    def _message(self, message: Message) -> None:
        rule = self._rule
        results = [part for part in message.content if isinstance(part, ToolResult)]
        calls = [part for part in message.content if isinstance(part, ToolCall)]
        rest = [part for part in message.content if not isinstance(part, (ToolResult, ToolCall))]
        if rest or calls or not results:
            self.tokens += rule.message + self._size(message.role)
            self._parts(rest)
        if message.name:
            self.tokens += rule.name + self._size(message.name)
        if message.role == "assistant":
            self.tokens += rule.answer
        if calls:
            self._calls(calls)
        for result in results:
            name = result.name or self._names.get(result.id, "")
            self.tokens += rule.message + self._size("tool") + self._size(name)
            self._parts(result.content)

    def _parts(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if isinstance(part, (Text, Refusal)):
                self.tokens += self._size(part.text)
            elif isinstance(part, Media):
                self._medium(part)
            elif isinstance(part, Reasoning):  # most vendors drop it, some put it back into the prompt
                self.slack += max(len(part.text), len(part.signature or ""), len(part.redacted or "")) // 3
                self.estimated.append("reasoning")
            else:
                self.estimated.append(type(part).__name__)

    def _medium(self, part: Media) -> None:
        if part.kind == "image" and part.data and self._picture is not None:
            size = dimensions(part.data)
            if size is not None:
                self.tokens += self._picture.tokens(*size, part.detail)
                self.seen.add(id(part))
                return
        if part.text is not None:
            self.tokens += self._size(part.text)
        self.estimated.append(part.kind)

    def _calls(self, calls: Sequence[ToolCall]) -> None:
        for call in calls:
            self._names[call.id] = call.name
        arguments = [call.raw or _json.dumps_str(call.arguments) for call in calls]
        if len(calls) == 1:
            self.tokens += self._rule.call + self._size(calls[0].name) + self._size(arguments[0])
            return
        uses = [
            f'{{"recipient_name":"functions.{call.name}","parameters":{text}}}'
            for call, text in zip(calls, arguments, strict=True)
        ]
        self.tokens += self._rule.parallel + self._size(f'{{"tool_uses":[{",".join(uses)}]}}')
        self.slack += 8 * len(calls)

    def _tools(self, functions: Sequence[Tool], request: Request) -> None:
        rule = self._rule
        declared = self._size(declare(functions))
        self.tokens += declared
        self.slack += 8 + declared // 8
        system = next((message for message in request.messages if message.role in ("system", "developer")), None)
        if system is None:
            self.tokens += rule.tools
        else:  # an empty line goes between; the last full stop and it are one token
            end = system.text[-16:]
            self.tokens += rule.tools_in_system + self._size(end + "\n\n") - self._size(end)
        choice = request.tool_choice
        if rule.forced is not None and choice is not None and choice.mode == "tool" and choice.names:
            self.tokens += rule.forced + self._size(choice.names[0])
