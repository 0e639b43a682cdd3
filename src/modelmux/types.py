"""The canonical conversation: what every front decodes into and every wire encodes from.

Plain frozen, slotted dataclasses, no behaviour beyond convenience. Three rules hold everywhere:

* **Nothing is lost.** A field a codec understands gets a name here; what it does not understand stays in
  ``extra`` (keyed by wire id, so it is written back only to the wire it came from) or, for a whole content
  block, in :class:`Opaque`. Keys of an ``extra`` mapping that start with ``$`` are shape hints for re-encoding
  (for example ``{"$content": "string"}``), never vendor fields.
* **Usage units are disjoint**, so a cost is one sum and nothing can be counted twice.
* **Immutable.** Change a request with :func:`dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from modelmux._quick import quick
from modelmux._usage import NO_USAGE as NO_USAGE
from modelmux._usage import Usage as Usage

if TYPE_CHECKING:
    from modelmux.money import Money
    from modelmux.receipt import Receipt

Extra: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Fields kept for one wire: ``{wire id: {field: value}}``."""

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "filtered", "pause", "error"]

NO_EXTRA: Extra = {}


# --- parts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cache:
    """A prompt-cache mark: everything up to and including the marked part may be cached.

    ``ttl`` is the lifetime the vendor is asked for (``"5m"``, ``"1h"``), None for the vendor's default.
    """

    ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A source the model names for a piece of text.

    ``start`` and ``end`` are character offsets into the text of the part that carries the citation, where the
    vendor gives them; ``raw`` is the vendor's own object, always kept.
    """

    url: str | None = None
    title: str | None = None
    text: str | None = None
    start: int | None = None
    end: int | None = None
    raw: Any = None


@quick
@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text. ``signature`` is an opaque vendor token that must travel back with it."""

    text: str
    citations: tuple[Citation, ...] = ()
    cache: Cache | None = None
    signature: str | None = None
    extra: Extra = field(default_factory=dict)


@quick
@dataclass(frozen=True, slots=True)
class Reasoning:
    """The model's reasoning as far as the vendor shows it.

    ``signature`` proves to the vendor that the text is unchanged; ``redacted`` is an encrypted block shown to
    nobody. Both must be sent back unchanged to the vendor that made them, and to no other.
    """

    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    id: str | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Text in which the model says that it will not answer."""

    text: str
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """An image, document, audio clip, video or other file, given by exactly one of data, url, file_id or text.

    ``data`` is base64 without a ``data:`` prefix; ``media_type`` an IANA type such as ``image/png``;
    ``text`` the content of a document given as plain text.
    """

    kind: Literal["image", "document", "audio", "video", "file"]
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    text: str | None = None
    name: str | None = None
    detail: str | None = None
    cache: Cache | None = None
    signature: str | None = None
    extra: Extra = field(default_factory=dict)


@quick
@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one of the caller's tools, asked for by the model.

    ``arguments`` is always a dict. Where the model's argument text was not a JSON object (cut by the token
    limit, or free text), ``arguments`` is empty and ``raw`` keeps that text; where it was, ``raw`` keeps its
    spelling if that is not the compact one (:func:`modelmux._json.parse_arguments`). Two calls that differ only in
    spelling are equal.
    """

    id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    raw: str | None = field(default=None, compare=False)
    signature: str | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool call gave. ``id`` is the :class:`ToolCall`'s; ``name`` the tool's where it is known."""

    id: str
    content: tuple[Part, ...] = ()
    name: str | None = None
    is_error: bool = False
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerToolCall:
    """A tool the vendor runs itself (web search, code execution): the call as the model made it."""

    id: str | None
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerToolResult:
    """What a tool run by the vendor gave, as the vendor's own value."""

    id: str | None
    name: str
    content: Any = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opaque:
    """A content block no codec understands, kept whole so that its own wire can send it back."""

    wire: str
    value: Any


Part: TypeAlias = (
    Text | Reasoning | Refusal | Media | ToolCall | ToolResult | ServerToolCall | ServerToolResult | Opaque
)


# --- requests ------------------------------------------------------------------------------------------------


@quick
@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``ToolResult`` parts may stand in a ``tool`` turn (one or more) or inside a ``user`` turn."""

    role: Role
    content: tuple[Part, ...]
    name: str | None = None
    extra: Extra = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.content if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may ask the caller to run. ``parameters`` is a JSON Schema of type object."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool the vendor runs. ``kind`` is canonical (``web_search``, ``code_execution``, ``url_context``,
    ``file_search``, ``computer``, ``mcp``, or the vendor's own word); ``config`` its object on ``wire``.
    """

    kind: str
    wire: str
    config: dict[str, Any] = field(default_factory=dict)
    cache: Cache | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """``auto`` | ``none`` | ``required`` | ``tool`` (exactly ``names[0]``) | ``allowed`` (one of ``names``)."""

    mode: Literal["auto", "none", "required", "tool", "allowed"]
    names: tuple[str, ...] = ()
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    """Structured output. ``schema`` None asks for any JSON object."""

    schema: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReasoningOptions:
    """How much the model may think. ``effort`` is a word (``none minimal low medium high xhigh max``),
    ``budget`` a number of tokens; ``include`` asks for the reasoning text or a summary of it.
    """

    effort: str | None = None
    budget: int | None = None
    enabled: bool | None = None
    include: bool | None = None
    summary: str | None = None
    extra: Extra = field(default_factory=dict)


@quick
@dataclass(frozen=True, slots=True)
class Source:
    """The body a request was decoded from, and what the request's other fields were then, in their order, to see what
    was changed since.
    """

    wire: str
    body: dict[str, Any]
    said: tuple[Any, ...]


@quick
@dataclass(frozen=True, slots=True)
class Request:
    """What the caller wants said, in no vendor's words. None always means "not given"."""

    messages: tuple[Message, ...]
    model: str | None = None
    tools: tuple[Tool | ServerTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output: Output | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning: ReasoningOptions | None = None
    modalities: tuple[str, ...] = ()
    service_tier: str | None = None
    user: str | None = None
    cache: Cache | None = None
    stream: bool = False
    include_usage: bool | None = None
    extra: Extra = field(default_factory=dict)
    source: Source | None = None


# --- responses -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """Natural-log probability of one output token, and of its ``top`` alternatives."""

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple[TokenLogprob, ...] = ()


@quick
@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of possibly several. ``finish_raw`` is the vendor's own word, None where it gave none."""

    content: tuple[Part, ...] = ()
    finish: FinishReason = "stop"
    finish_raw: str | None = None
    index: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Warning:
    """Something that could not be said, or was changed: which field, what was done, and why.

    ``action``: ``dropped renamed clamped emulated capped merged kept``.
    """

    field: str
    action: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.action}" + (f" ({self.detail})" if self.detail else "")


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer as a wire decoded it. ``raw`` is the body it came from (parsed JSON), None if folded."""

    id: str | None = None
    model: str | None = None
    choices: tuple[Choice, ...] = (Choice(),)
    usage: Usage = NO_USAGE
    created: int | None = None
    service_tier: str | None = None
    extra: Extra = field(default_factory=dict)
    raw: Any = field(default=None, compare=False, repr=False)

    @property
    def content(self) -> tuple[Part, ...]:
        return self.choices[0].content if self.choices else ()

    @property
    def text(self) -> str:
        """All text of the first choice, joined."""
        return "".join(part.text for part in self.content if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """All reasoning text of the first choice, joined."""
        return "".join(part.text for part in self.content if isinstance(part, Reasoning))

    @property
    def refusal(self) -> str | None:
        return "".join(part.text for part in self.content if isinstance(part, Refusal)) or None

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.content if isinstance(part, ToolCall))

    @property
    def citations(self) -> tuple[Citation, ...]:
        return tuple(c for part in self.content if isinstance(part, Text) for c in part.citations)

    @property
    def finish(self) -> FinishReason:
        return self.choices[0].finish if self.choices else "stop"

    @property
    def message(self) -> Message:
        """The first choice as a turn, ready to be appended to the next request's messages."""
        return Message("assistant", self.content)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Response):
    """What a call returns: the answer, what it cost, and how it came about.

    ``cost`` is None when the price or the usage is not known: unknown is never zero.
    ``cost_status``: ``priced | estimated | unknown``. ``parsed`` is the validated object when ``output=`` asked
    for one.
    """

    provider: str = ""
    cost: Money | None = None
    cost_status: Literal["priced", "estimated", "unknown"] = "unknown"
    warnings: tuple[Warning, ...] = ()
    parsed: Any = None
    receipt: Receipt | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """The text of the answer: what ``print(reply)`` is meant to show. ``repr`` has everything."""
        return self.text


# --- stream events -------------------------------------------------------------------------------------------


@quick
@dataclass(frozen=True, slots=True)
class Start:
    """The vendor began an answer. Carries no model output."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    service_tier: str | None = None
    extra: Extra = field(default_factory=dict)


@quick
@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of content block ``part`` of ``choice``. Blocks with the same number join."""

    text: str
    part: int = 0
    choice: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


@quick
@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More reasoning text of a block; ``signature`` and ``redacted`` come whole, once, with it or alone."""

    text: str = ""
    part: int = 0
    choice: int = 0
    signature: str | None = None
    redacted: str | None = None
    id: str | None = None


@quick
@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call. ``id`` and ``name`` come with the block's first piece; ``arguments`` is JSON text
    to be joined. ``index`` numbers the tool calls of a choice from 0.
    """

    index: int = 0
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    part: int = 0
    choice: int = 0
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class AudioDelta:
    """More audio: base64 ``data`` and, where the vendor sends one, more of its transcript.

    ``media_type`` is the IANA type where the vendor states it (raw PCM cannot be played without its rate).
    """

    data: str = ""
    transcript: str = ""
    part: int = 0
    choice: int = 0
    id: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class PartEvent:
    """A block, or an addition to one, that comes whole: media, refusals, server tools, citations, opaque blocks.

    When a block numbered ``part`` already exists, ``value`` replaces it if ``replace`` is set, else its
    citations, signature and extra are added to that block.
    """

    value: Part
    part: int = 0
    choice: int = 0
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Restarted:
    """The stream broke and another attempt begins from nothing: forget what came before (``on_break="restart"``)."""

    reason: str = ""
    provider: str | None = None
    model: str | None = None


@quick
@dataclass(frozen=True, slots=True)
class UsageEvent:
    """The usage of the whole call so far; the last one counts."""

    usage: Usage


@quick
@dataclass(frozen=True, slots=True)
class Finish:
    """A choice is complete. The stream's last event; with several choices one each, in order."""

    reason: FinishReason = "stop"
    raw: str | None = None
    choice: int = 0
    extra: Extra = field(default_factory=dict)
    response_extra: Extra = field(default_factory=dict)


Event: TypeAlias = (
    Start | TextDelta | ReasoningDelta | ToolCallDelta | AudioDelta | PartEvent | Restarted | UsageEvent | Finish
)

MODEL_OUTPUT = (TextDelta, ReasoningDelta, ToolCallDelta, AudioDelta, PartEvent)
"""Events that carry model output: the first one handed over is the commit point of a stream."""
