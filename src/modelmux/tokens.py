"""How many tokens a request comes to, without a tokenizer: three figures, in microseconds.

``expected`` ranks endpoints, ``upper`` holds for 99 % of requests, ``bound`` cannot be exceeded: every token stands
for at least one byte of text, so it counts the UTF-8 bytes and adds allowances for what wires put around them.

A text is measured once, by classes of characters that tokenizers treat alike (ASCII letters, digits, Hangul …); large
texts by samples. From one :class:`Measure` follow the figures for any tokenizer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import mul
from typing import Any, NamedTuple

from modelmux import _json
from modelmux.catalogue.tokenizers import KEPT_BY_VENDOR, SERVED_BY_VENDOR, UNKNOWN, Profile, profile_of
from modelmux.types import (
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    ServerTool,
    ServerToolCall,
    ServerToolResult,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

_DOCUMENT_BOUND = 768
"""Tokens that a vendor adds for a document it is to cite, at most: its instructions for doing so."""

_SAMPLES = 8
_SAMPLE = 256  # characters of each sample; what is no longer than all of them is counted whole


class Estimate(NamedTuple):
    """Tokens in. ``audio`` is the part of ``expected`` that is sound. ``open`` names what has no bound of its own
    (a PDF's pages, media by URL, tools the vendor runs): with it, only the model's window bounds the input. ``looped``:
    not even that, because the vendor calls the model as often as it likes and charges every time.
    """

    expected: int
    upper: int
    bound: int
    audio: int = 0
    open: tuple[str, ...] = ()
    looped: bool = False


# --- characters -----------------------------------------------------------------------------------------------


def _class_table() -> bytes:
    """Byte of UTF-8 -> class letter, by lead byte; continuation bytes are ``x`` and not counted."""
    spans = (
        (0x00, 0x80, "p"), (0x80, 0xC0, "x"), (0xC0, 0xCE, "L"), (0xCE, 0xD0, "R"), (0xD0, 0xD5, "C"),
        (0xD5, 0xE0, "A"), (0xE0, 0xE2, "I"), (0xE2, 0xE3, "S"), (0xE3, 0xE4, "K"), (0xE4, 0xEA, "H"),
        (0xEA, 0xEE, "G"), (0xEE, 0xF0, "F"), (0xF0, 0x100, "E"),
    )  # fmt: skip
    table = bytearray(256)
    for start, stop, letter in spans:
        table[start:stop] = letter.encode() * (stop - start)
    for letters, letter in (("abcdefghijklmnopqrstuvwxyz", "l"), ("0123456789", "d"), (" ", "s"), ("\n\r\t", "n")):
        for byte in letters.encode():
            table[byte] = ord(letter)
    table[ord("A") : ord("Z") + 1] = b"u" * 26
    return bytes(table)


_TABLE = _class_table()
_ASCII = tuple(bytes((ord(letter),)) for letter in "ludsnp")
_ALL = tuple(bytes((ord(letter),)) for letter in "ludsnpLRCAISKHGFE")  # the order of tokenizers.CLASSES


def _count(texts: Sequence[str]) -> tuple[int, list[float]]:
    """The UTF-8 length of all texts and how many characters of each class they hold (ASCII classes only if all are)."""
    length = sum(map(len, texts))
    plain = all(map(str.isascii, texts))
    size = length if plain else sum([len(text.encode("utf-8", "surrogatepass")) for text in texts])
    if length <= _SAMPLES * _SAMPLE:
        sample, scale = "".join(texts), 1.0
    else:
        sample = _sample(texts, length)
        scale = length / len(sample)
    count = sample.encode("utf-8", "surrogatepass").translate(_TABLE).count
    counts = [float(count(letter)) for letter in (_ASCII if plain else _ALL)]
    return size, [number * scale for number in counts] if scale != 1.0 else counts


def _sample(texts: Sequence[str], length: int) -> str:
    """Pieces of the texts, evenly spaced. Nothing large is copied on the way."""
    ends = list(accumulate(map(len, texts)))
    step = (length - _SAMPLE) // (_SAMPLES - 1)
    pieces = []
    for start in range(0, step * _SAMPLES, step):
        index, wanted = bisect_right(ends, start), _SAMPLE
        offset = start - (ends[index - 1] if index else 0)
        while wanted > 0 and index < len(texts):
            piece = texts[index][offset : offset + wanted]
            pieces.append(piece)
            wanted -= len(piece)
            index, offset = index + 1, 0
    return "".join(pieces)


# --- requests -------------------------------------------------------------------------------------------------


class Measure(NamedTuple):
    """The size of a request, whatever the tokenizer. ``media`` are (kind, part, decoded bytes); ``served`` names what
    makes the vendor fetch input of its own, ``kept`` input that it holds already. ``signed`` is the length of all
    signatures, ``documents`` the number of documents given as text, ``schema_counts`` the characters of the answer's
    schema, empty where there is none.
    """

    size: int
    counts: Sequence[float]
    messages: int
    calls: int = 0
    tools: int = 0
    tool_size: int = 0
    tool_counts: Sequence[float] = ()
    media: tuple[tuple[str, Media, int], ...] = ()
    schema_counts: Sequence[float] = ()
    served: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    signed: int = 0
    documents: int = 0

    @property
    def open(self) -> tuple[str, ...]:
        """What has no bound of its own."""
        if not (self.media or self.served or self.kept):
            return ()
        return (*self.served, *self.kept, *[why for kind, part, _ in self.media if (why := _open(kind, part))])

    @property
    def media_kinds(self) -> tuple[str, ...]:
        return tuple([kind for kind, _, _ in self.media])

    def estimate(self, profile: Profile | None = None) -> Estimate:
        """Tokens by ``profile`` (see :func:`profile`); by cautious figures when it is None."""
        profile = profile or UNKNOWN
        return self._estimate(profile, sum(map(mul, profile.weights, self.counts)))

    def estimates(self, profiles: Sequence[Profile]) -> list[Estimate]:
        """Tokens by each of ``profiles``."""
        texts = {weights: sum(map(mul, weights, self.counts)) for weights in {p.weights for p in profiles}}
        return [self._estimate(profile, texts[profile.weights]) for profile in profiles]

    def _estimate(self, profile: Profile, text: float) -> Estimate:
        add = profile.overhead
        expected = text + add.request + add.message * self.messages
        bound = self.size + add.request_bound + add.message_bound * self.messages
        slack = add.slack
        if self.calls:
            expected += add.call * self.calls
            bound += add.call_bound * self.calls
        if self.schema_counts:
            expected += add.output + add.answer * sum(map(mul, profile.weights, self.schema_counts))
            bound += add.output_bound
            slack += add.output_bound // 2
        if self.tools:
            schemas = sum(map(mul, profile.weights, self.tool_counts))
            expected += add.tools + add.tool * self.tools + add.schema * schemas
            bound += 2 * self.tool_size + add.tools_bound + add.tool_bound * self.tools
            slack += add.tools_slack
        if self.signed or self.documents:
            expected += add.signed * self.signed
            bound += self.signed + _DOCUMENT_BOUND * self.documents
            slack += _DOCUMENT_BOUND * self.documents + int(self.signed * add.signed)
        upper = expected * profile.upper + slack
        audio = 0.0
        if self.media:
            seen, seen_upper, seen_bound, audio = _media_tokens(self.media, profile)
            expected, upper, bound = expected + seen, upper + seen_upper, bound + seen_bound
        open_ = self.open
        if profile.agentic:
            open_ = (*open_, "what the model looks up")
        most = int(upper) if open_ else min(int(upper), bound)
        looped = profile.agentic or bool(self.served)
        return Estimate(int(expected), most, bound, int(audio), open_, looped)


def measure(request: Request) -> Measure:
    """Measure ``request`` in one pass over its parts."""
    texts: list[str] = []
    add = texts.append
    odd: list[Part] = []
    signed = 0
    for message in request.messages:
        for part in message.content:
            if type(part) is Text:
                add(part.text)
                if part.signature:
                    signed += len(part.signature)
            else:
                odd.append(part)
    calls = documents = 0
    media: tuple[tuple[str, Media, int], ...] = ()
    if odd:
        calls, media, documents = _odd_parts(odd, texts)
        signed += sum([len(getattr(part, "signature", None) or "") for part in odd])
    size, counts = _count(texts)
    answer: Sequence[float] = ()
    if request.output is not None and request.output.schema:
        schema_size, answer = _count([_json.dumps_str(request.output.schema)])
        size += schema_size
    count = len(request.messages)
    if not (request.tools or request.extra):
        return Measure(
            size, counts, count, calls, media=media, schema_counts=answer, signed=signed, documents=documents
        )
    functions = [tool for tool in request.tools if type(tool) is Tool]
    tool_size, tool_counts = _count(list(map(_tool_text, functions))) if functions else (0, [])
    served = tuple([tool.kind for tool in request.tools if type(tool) is ServerTool])
    fields = [key for extra in request.extra.values() for key in extra]
    return Measure(
        size,
        counts,
        count,
        calls,
        len(functions),
        tool_size,
        tool_counts,
        media,
        answer,
        (*served, *[field for field in fields if field in SERVED_BY_VENDOR]),
        tuple([field for field in fields if field in KEPT_BY_VENDOR]),
        signed,
        documents,
    )


def _tool_text(tool: Tool) -> str:
    schema = _json.dumps_str(tool.parameters) if tool.parameters else ""
    return f"{tool.name} {tool.description or ''} {schema}\n"


def _odd_parts(parts: list[Part], texts: list[str]) -> tuple[int, tuple[tuple[str, Media, int], ...], int]:
    """Adds the text of every part to ``texts``; gives the number of tool calls and results, the media, and the number
    of documents given as text.
    """
    calls = documents = 0
    media: list[tuple[str, Media, int]] = []
    queue = list(parts)
    for part in queue:  # grows while results are unpacked
        if isinstance(part, Media):
            documents += _medium(part, texts, media)
        elif isinstance(part, ToolResult):
            calls += 1
            queue.extend(part.content)
        elif (spell := _CALLS.get(type(part))) is not None:
            calls += 1
            texts.append(spell(part))
        elif (spell := _WORDS.get(type(part))) is not None:
            texts.append(spell(part))
    return calls, tuple(media), documents


_CALLS: Mapping[type, Any] = {
    ToolCall: lambda part: f"{part.name} {part.raw or _json.dumps_str(part.arguments)}\n",
    ServerToolCall: lambda part: f"{part.name} {_json.dumps_str(part.arguments)}\n",
    ServerToolResult: lambda part: _json.dumps_str(part.content),
}
_WORDS: Mapping[type, Any] = {
    Text: lambda part: part.text,
    Refusal: lambda part: part.text,
    Reasoning: lambda part: part.text or part.redacted or "",
    Opaque: lambda part: _json.dumps_str(part.value),
}


# --- media ----------------------------------------------------------------------------------------------------


def _medium(part: Media, texts: list[str], media: list[tuple[str, Media, int]]) -> bool:
    """Files a piece of media under text or media; True when it was text."""
    if part.text is not None:
        texts.append(part.text)
        return True
    kind: str = part.kind
    if kind in ("document", "file"):
        top = (part.media_type or "application/pdf").partition("/")[0]
        if top == "text" and part.data:
            texts.append(part.data)  # base64 of text: longer than the text, so still a bound
            return True
        kind = top if top in ("image", "audio", "video") else "pdf"
    media.append((kind, part, len(part.data) * 3 // 4 if part.data else 0))
    return False


def _open(kind: str, part: Media) -> str:
    """Why a piece of media has no bound of its own, "" when it has."""
    if part.file_id:
        return f"{kind} by file id"
    if kind == "image":
        return ""  # every vendor scales images down to a size it charges at most
    if part.url:
        return f"{kind} by URL"
    return "" if kind == "audio" else kind


_SOUND = {"wav": 48_000, "x-wav": 48_000, "wave": 48_000, "pcm": 48_000, "l16": 48_000, "aiff": 96_000, "flac": 40_000}
_PACKED_SOUND = 12_000  # bytes of a second of MP3, AAC or Opus
_THINNEST_SOUND = 500  # bytes of a second at the lowest rate that speech codecs reach
_DENSEST_SOUND = 32  # tokens of a second, the most of any vendor
_CLIP = 512  # tokens of the shortest clip: some models count in blocks of half a minute
_PAGE = 40_000  # bytes of a page of PDF
_VIDEO = 100_000  # bytes of a second of video
_VIDEO_TOKENS = 290


def _media_tokens(media: tuple[tuple[str, Media, int], ...], profile: Profile) -> tuple[float, float, int, float]:
    """Expected, upper and bound of all media, and the expected tokens of sound among them."""
    add = profile.overhead
    expected = upper = audio = 0.0
    bound = 0
    for kind, part, size in media:
        if kind == "image":
            expected += 85 if part.detail == "low" else add.image
            upper += add.image_bound
            bound += add.image_bound
        elif kind == "audio":
            sub = (part.media_type or "").partition("/")[2]
            heard = add.audio * max(1.0, size / _SOUND.get(sub, _PACKED_SOUND))
            most = _CLIP + _DENSEST_SOUND * size // _THINNEST_SOUND
            audio += heard
            expected, upper, bound = expected + heard, upper + min(4 * heard + _CLIP, most), bound + most
        elif kind == "video":
            seconds = max(10.0, size / _VIDEO)
            expected, upper = expected + _VIDEO_TOKENS * seconds, upper + 4 * _VIDEO_TOKENS * seconds
        else:
            pages = max(1.0, size / _PAGE)
            expected, upper = expected + add.page * pages, upper + 4 * add.page * pages
    return expected, upper, bound, audio


# --- by model -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def profile(model: str, wire: str | None = None, *, family: str = "", provider: str = "") -> Profile:
    """How ``model`` counts when ``provider`` is asked over ``wire``. ``family`` names its tokenizer where known."""
    return profile_of(model, wire, family, provider)


def estimate(request: Request, model: str | None = None, *, wire: str | None = None) -> Estimate:
    """Tokens in of ``request`` for ``model`` over ``wire``; by cautious figures when ``model`` is None."""
    return measure(request).estimate(None if model is None else profile(model, wire))


# --- output ---------------------------------------------------------------------------------------------------

_ANSWER = 400
_THINKING = {"minimal": 64, "low": 500, "medium": 2_000, "high": 6_000, "xhigh": 12_000, "max": 16_000}


def predict_output(request: Request, cap: int | None = None) -> int:
    """Tokens expected out, by a plain rule: 400 for the answer, and what the asked effort of reasoning usually takes
    (half of a ``budget``); never more than ``cap`` or the request's own ``max_tokens``.
    """
    expected = _ANSWER
    asked = request.reasoning
    if asked is not None and asked.enabled is not False:
        if asked.budget is not None:
            expected += max(0, asked.budget) // 2
        elif asked.effort is not None:
            expected += _THINKING.get(asked.effort, 0)
        elif asked.enabled:
            expected += _THINKING["medium"]
    for limit in (cap, request.max_tokens):
        if limit is not None:
            expected = min(expected, limit)
    return max(expected, 1)
