"""Recorded requests crossed to every other wire and back: what came through, what was reported, what was neither.

A request is taken apart into :data:`FIELDS`: plain values that every wire's decoder gives alike for what means the
same. Nothing here encodes anything.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import corpus
from crossing import bodies
from crossing.histories import TARGETS
from modelmux import wire
from modelmux.errors import ModelmuxError
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
    Warning,
)

# --- a request as plain values -------------------------------------------------------------------------------


def _parts(request: Request, *roles: str) -> Iterator[Part]:
    for message in request.messages:
        if not roles or message.role in roles:
            for part in message.content:
                yield part
                if isinstance(part, ToolResult):
                    yield from part.content


def _words(text: str) -> str:
    """Without white space: formats differ in what stands between two texts of a turn."""
    return "".join(text.split())


def _said(*roles: str) -> Callable[[Request], Any]:
    def take(request: Request) -> Any:
        parts = (p for m in request.messages if m.role in roles for p in m.content)
        return _words(" ".join(p.text for p in parts if isinstance(p, Text | Refusal)))

    return take


def _calls(request: Request) -> Any:
    return [(part.name, part.arguments) for part in _parts(request) if isinstance(part, ToolCall)]


def _pairs(request: Request) -> Any:
    """Which call each result belongs to, and its words. One without an id is the oldest waiting call's."""
    calls: dict[str, int] = {}
    waiting: list[int] = []
    found = []
    number = 0
    for part in _parts(request):
        if isinstance(part, ToolCall):
            calls[part.id] = number
            waiting.append(number)
            number += 1
        elif isinstance(part, ToolResult):
            call = calls.get(part.id) if part.id else (waiting or [None])[0]
            if call in waiting:
                waiting.remove(call)
            # The words of a document given as text may stand as a document or among the others.
            texts = (
                _content(p) if isinstance(p, Media) and _is_text(p) else getattr(p, "text", "") for p in part.content
            )
            found.append((call, _words(" ".join(text or "" for text in texts))))
    return sorted(found, key=str)


def _is_text(part: Media) -> bool:
    return part.text is not None or (part.media_type or "").startswith("text/")


def _loose(request: Request) -> Any:
    """Arguments that are no JSON object."""
    calls = [part for part in _parts(request) if isinstance(part, ToolCall) and not part.arguments]
    return [part.raw for part in calls if (part.raw or "{}").strip() not in ("", "{}")]


def _errors(request: Request) -> Any:
    return sum(1 for part in _parts(request) if isinstance(part, ToolResult) and part.is_error)


def _media(request: Request) -> Any:
    found = (part for part in _parts(request) if isinstance(part, Media))
    return sorted(_content(part) for part in found)


def _content(part: Media) -> str:
    """What it holds. A text may travel as such or as its bytes."""
    if part.data is not None and (part.media_type or "").startswith("text/"):
        return base64.b64decode(part.data).decode("utf-8", "replace")
    return part.data or part.url or part.file_id or part.text or ""


def _titles(request: Request) -> Any:
    named = (p for p in _parts(request) if isinstance(p, Media) and p.name and p.kind in ("document", "file"))
    return sorted(re.sub(r"\.\w+$|\W", "", str(part.name)) for part in named)


def _attribute(name: str) -> Callable[[Request], Any]:
    def take(request: Request) -> Any:
        return [value for part in _parts(request) if (value := getattr(part, name, None)) is not None]

    return take


def _count(*kinds: type) -> Callable[[Request], Any]:
    return lambda request: sum(isinstance(part, kinds) for part in _parts(request))


def _cache(request: Request) -> Any:
    marks = sum(getattr(part, "cache", None) is not None for part in _parts(request))
    return marks + sum(tool.cache is not None for tool in request.tools) + (request.cache is not None)


def _names(request: Request) -> Any:
    return [message.name for message in request.messages if message.name is not None]


def _tools(request: Request) -> Any:
    empty = {"type": "object", "properties": {}}
    return [
        (tool.name, tool.description or None, {"type": "object", **(tool.parameters or empty)})
        for tool in request.tools
        if isinstance(tool, Tool)
    ]


def _of(holder: str, name: str) -> Callable[[Request], Any]:
    return lambda request: getattr(getattr(request, holder), name, None)


def _choice(request: Request) -> Any:
    choice = request.tool_choice
    return None if choice is None else (choice.mode, sorted(choice.names))


def _plain(name: str) -> Callable[[Request], Any]:
    return lambda request: getattr(request, name)


@dataclass(frozen=True)
class Field:
    """``take`` gives the value; ``named`` are the beginnings of a warning's field that speak of it; values in
    ``nothing`` ask for what happens anyway, so one may become another unreported.
    """

    take: Callable[[Request], Any]
    named: tuple[str, ...]
    nothing: tuple[Any, ...] = (None,)


def _thinks(request: Request) -> Any:
    """Whether reasoning is asked for. Words and numbers of it become one another by the tables of the wires."""
    said = request.reasoning
    if said is None or (said.effort, said.budget, said.enabled) == (None, None, None):
        return None
    return not (said.enabled is False or said.effort == "none" or said.budget == 0)


def _thinking(name: str) -> Callable[[Request], Any]:
    """How it is to think. Where it is not to, there is nothing more to say; to want a summary is to want to see it."""

    def take(request: Request) -> Any:
        said = request.reasoning
        if said is None or _thinks(request) is False:
            return None
        return True if name == "include" and said.include is None and said.summary else getattr(said, name)

    return take


def _schema(request: Request) -> Any:
    """Without the description, which stands in the schema where a format has no other place for it."""
    schema = request.output and request.output.schema
    return schema and {key: value for key, value in schema.items() if key != "description"}


_MEDIA = ("media", r"messages\.(image|document|audio|video|file|media)", "tool_result")
_TOOLS = ("tools", "tool_choice")

FIELDS: dict[str, Field] = {
    **{name: Field(_plain(name), (name,)) for name in ("max_tokens", "temperature", "top_p", "top_k", "seed", "user")},
    "stop": Field(_plain("stop"), ("stop",), ((),)),
    "n": Field(_plain("n"), ("n",), (None, 1)),
    "presence_penalty": Field(_plain("presence_penalty"), ("presence_penalty",), (None, 0, 0.0)),
    "frequency_penalty": Field(_plain("frequency_penalty"), ("frequency_penalty",), (None, 0, 0.0)),
    "logprobs": Field(_plain("logprobs"), ("logprobs", "top_logprobs"), (None, False)),
    "top_logprobs": Field(_plain("top_logprobs"), ("top_logprobs", "logprobs"), (None, 0)),
    "service_tier": Field(
        _plain("service_tier"), ("service_tier",), (None, "auto", "default", "standard", "standard_only")
    ),
    "parallel_tool_calls": Field(_plain("parallel_tool_calls"), ("parallel_tool_calls", "tool_choice"), (None, True)),
    "modalities": Field(_plain("modalities"), ("modalities",), ((), ("text",))),
    "cache": Field(_cache, ("cache", *_TOOLS), ()),  # a mark goes with its tool
    "reasoning.on": Field(_thinks, ("reasoning",), ()),
    "reasoning.include": Field(_thinking("include"), ("reasoning",), (None, True)),
    **{f"reasoning.{name}": Field(_thinking(name), ("reasoning",)) for name in ("effort", "budget")},
    "reasoning.summary": Field(_thinking("summary"), ("reasoning",), (None, "auto")),  # "auto" asks for any at all
    "output": Field(lambda r: r.output is None, ("output",), ()),
    "output.schema": Field(_schema, ("output",)),
    "tools": Field(_tools, _TOOLS, ()),
    "tools.strict": Field(lambda r: [bool(t.strict) for t in r.tools if isinstance(t, Tool)], _TOOLS, ()),
    "tools.server": Field(lambda r: sorted(t.kind for t in r.tools if isinstance(t, ServerTool)), ("tools",), ()),
    "tool_choice": Field(_choice, ("tool_choice", "tools"), (None, ("auto", []))),
    "instructions": Field(_said("system", "developer"), ("messages$", "messages.system", "content"), ()),
    "user's words": Field(_said("user"), ("messages$", "messages.system", "media", "tool_result", "content"), ()),
    "assistant's words": Field(_said("assistant"), ("messages$", "messages.system", "refusal"), ()),
    "developers": Field(
        lambda r: sum(m.role == "developer" for m in r.messages), ("messages.role", "messages$", "messages.system"), ()
    ),
    "names": Field(_names, ("messages.name",), ()),
    "tool_calls": Field(_calls, ("messages.tool_calls", "tool_calls", "tools.name"), ()),
    "tool_calls.raw": Field(_loose, ("messages.tool_calls.arguments", "tool_call.arguments", "tool_calls"), ()),
    "tool_results": Field(_pairs, ("tool_result", "tool_calls", "messages$"), ()),
    "tool_results.is_error": Field(_errors, ("tool_result", "tool_calls"), ()),
    "media": Field(_media, _MEDIA, ()),
    "media.detail": Field(lambda r: [d for d in _attribute("detail")(r) if d != "auto"], _MEDIA, ()),
    "media.name": Field(_titles, _MEDIA, ()),
    "reasoning": Field(
        lambda r: _words(" ".join(p.text for p in _parts(r) if isinstance(p, Reasoning))),
        ("reasoning", "messages.reasoning"),
        (),
    ),
    "signatures": Field(
        lambda r: sum(bool(s) for s in (*_attribute("signature")(r), *_attribute("redacted")(r))),
        ("signature", "reasoning", "messages.reasoning"),
        (),
    ),
    "citations": Field(lambda r: sum(len(p.citations) for p in _parts(r) if isinstance(p, Text)), ("citations",), ()),
    "server tools' calls": Field(
        _count(ServerToolCall, ServerToolResult),
        ("server_tool_call", "server_tool_result", "messages.server_tools"),
        (),
    ),
    "opaque": Field(_count(Opaque), ("opaque", "content", "messages.content", "messages.system"), ()),
}


UNASKED: dict[tuple[str, str], tuple[Any, ...]] = {
    ("openai.completions", "reasoning.on"): (None, False),  # its models do not think
    ("openai.chat", "reasoning.include"): (None, False),  # reasoning is not shown, or nobody can prevent it
    ("openai.responses", "reasoning.include"): (None, False),  # a summary is made when it is asked for
}
"""What happens anyway at one wire."""

LABELS = ("media.name",)
"""Where more than was said is no harm: some formats want a name for every document."""


@dataclass
class Crossing:
    """What became of the requests of one wire at another."""

    requests: int = 0
    equal: Counter[str] = field(default_factory=Counter)
    reported: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    silent: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=dict)
    idle: dict[str, list[str]] = field(default_factory=dict)


def compare(target: str, before: Request, after: Request, warnings: list[Warning]) -> Iterator[tuple[str, str]]:
    """(field, ``equal`` | ``reported`` | ``silent``) for every field that the request says."""
    for name, what in FIELDS.items():
        old, new = what.take(before), what.take(after)
        nothing = UNASKED.get((target, name), what.nothing)
        if _same(name, old, new):
            if old and old not in nothing:
                yield name, "equal"
        elif not (old in nothing and new in nothing):
            yield name, "reported" if any(_speaks_of(w, what) for w in warnings) else "silent"
    left = _own_fields(after)
    for (origin, name), values in _own_fields(before).items():
        if origin != target:
            same = left.get((origin, name)) == values  # the two wires share a format
            told = any(w.field == name for w in warnings)
            yield "vendor's own", "equal" if same else "reported" if told else "silent"


def _same(name: str, old: Any, new: Any) -> bool:
    return old == new or (name in LABELS and set(old) <= set(new))


def _speaks_of(warning: Warning, what: Field) -> bool:
    return any(re.match(rf"(?:{start})(?![a-z_])", warning.field) for start in what.named)


_OF_THE_FORM = {"model", "stream", "stream_options", "anthropic_version"}
"""What every format has its own form of, and no reader of a reply misses."""


_OF_PARTS = {"defer_loading", "eager_input_streaming", "allowed_callers", "input_examples", "citations", "context"}
"""What vendors let be asked of a tool or a document. The other fields of parts are their ids and states."""


def _own_fields(request: Request) -> dict[tuple[str, str], list[Any]]:
    """What only one wire understands, where it says something: (wire, field) -> values."""
    media = [part for part in _parts(request) if isinstance(part, Media)]
    tools = [tool for tool in request.tools if isinstance(tool, Tool)]
    found: dict[tuple[str, str], list[Any]] = {}
    for prefix, holders in (("", [request]), ("tools.", tools), ("media.", media)):
        for holder in holders:
            for origin, fields in holder.extra.items():
                for name, value in fields.items():
                    known = name[:1] == "$" or name in _OF_THE_FORM or (prefix and name not in _OF_PARTS)
                    if not known and _says_something(value) and not (prefix and value is False):
                        found.setdefault((origin, prefix + name), []).append(value)
    return found


def _says_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_says_something(inner) for key, inner in value.items() if key[:1] != "$")
    return value not in (None, "", [])


ONE_FORM = {("bedrock.invoke", "anthropic.messages")}
"""From and to: what Claude takes on Bedrock is its own format."""

LOSSES = ("dropped", "clamped", "capped")
"""What a warning says was done where something must be missing or other than it was. The rest may come back equal."""


def idle(target: str, before: Request, after: Request, warnings: list[Warning]) -> list[Warning]:
    """Warnings of a loss where nothing that they speak of was lost."""
    changed = [f for name, f in FIELDS.items() if not _same(name, f.take(before), f.take(after))]
    own = {name for _, name in _own_fields(before)} | {key for f in before.extra.values() for key in _inside(f)}
    losses = (warning for warning in warnings if warning.action in LOSSES and warning.field not in own)
    return [warning for warning in losses if not any(_speaks_of(warning, what) for what in changed)]


def _inside(fields: Any) -> Iterator[str]:
    """Names among what a codec keeps of an object that it takes apart."""
    for key, value in fields.items():
        if key[:1] == "$" and isinstance(value, dict):
            yield from value


def _whole(request: Request) -> bool:
    """Whether something is asked and every call has its result: some go on with what the vendor keeps on its side."""
    if not _said("system", "developer", "user")(request) and not _media(request):
        return False
    calls = Counter(part.id for part in _parts(request) if isinstance(part, ToolCall))
    return calls == Counter(part.id for part in _parts(request) if isinstance(part, ToolResult))


def requests() -> Iterator[tuple[str, str, Request, dict[str, Any]]]:
    """Id, wire, canonical request and body of every recording whose request is there and was answered well."""
    for row in corpus.recordings():
        body = row["request"].get("body")
        if row["kind"] != "full" or not isinstance(body, dict) or row["response"]["status"] >= 400:
            continue
        try:
            codec = wire.get(row["api"])
            request = codec.decode_request(body)
        except ModelmuxError:
            continue  # no chat wire, or a body recorded for being wrong
        if request.source is not None and request.messages:
            yield row["id"], request.source.wire, replace(request, source=None), body


def targets() -> dict[str, str]:
    """One model for each wire."""
    return dict(reversed(TARGETS))


def cross(every: int = 1) -> dict[tuple[str, str], Crossing]:
    """Every ``every``-th recording's request at every other wire."""
    found: dict[tuple[str, str], Crossing] = {}
    for number, (row_id, origin, request, body) in enumerate(requests()):
        if number % every:
            continue
        for target, model in targets().items():
            if target != origin:
                _cross(found.setdefault((origin, target), Crossing()), row_id, request, body, origin, target, model)
    return found


def back_home(every: int = 1) -> Iterator[tuple[str, str, str, str]]:
    """Requests said to another wire, read there, and said to their own again, as when a conversation fails over and
    returns. (wire, other wire, fault, recording) for what the warnings of neither way speak of, and for rules broken.
    """
    models = targets()
    for number, (row_id, origin, request, asked) in enumerate(requests()):
        for place, (other, model) in enumerate(models.items()):
            if other == origin or (number + place) % every:
                continue
            body, told = wire.get(other).encode_request(request, model=model)
            home = wire.get(origin)
            there = wire.get(other).decode_request(body)
            again, told_again = home.encode_request(there, model=models[origin])
            for name, outcome in compare(origin, request, home.decode_request(again), [*told, *told_again]):
                if outcome == "silent" and (other, name) not in UNASKED:
                    yield origin, other, name, row_id
            broken = bodies.problems(origin, again) if _whole(request) and _whole(there) else []
            taken = bodies.problems(origin, {"model": "m", **asked}) if broken else []
            yield from ((origin, other, problem, row_id) for problem in broken if problem not in taken)


def _cross(entry: Crossing, row_id: str, request: Request, asked: Any, origin: str, target: str, model: str) -> None:
    codec = wire.get(target)
    body, warnings = codec.encode_request(request, model=model)
    entry.requests += 1
    broken = bodies.problems(target, body) if _whole(request) else []
    # What a vendor answered in the very same form on another of its wires breaks no rule of its.
    taken = bodies.problems(target, asked) if broken and (origin, target) in ONE_FORM else []
    for problem in broken:
        if problem not in taken:
            entry.refused.setdefault(problem, []).append(row_id)
    after = codec.decode_request(body)
    for warning in idle(target, request, after, warnings):
        entry.idle.setdefault(f"{warning.field} {warning.action}", []).append(row_id)
    for name, outcome in compare(target, request, after, warnings):
        if outcome == "silent":
            entry.silent.setdefault(name, []).append(row_id)
        else:
            getattr(entry, outcome)[name] += 1
    entry.actions.update({warning.action for warning in warnings})
