"""Tool calls and their results across a conversation, for the formats that are strict about them.

Some vendors number their calls anew in every answer, or give them no ids at all. So a conversation may hold the same
id twice, which others refuse; and where a format has no ids, results belong to calls by their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from modelmux._json import dumps_str
from modelmux.types import Message, Part, ToolCall, ToolResult


def arguments_text(call: ToolCall) -> str:
    """The arguments as text: the model's own, where that says more than they do."""
    return call.raw if call.raw is not None else dumps_str(call.arguments)


def is_loose(call: ToolCall) -> bool:
    """Whether the model's arguments are no JSON object, which most formats cannot say."""
    raw = call.raw
    return raw is not None and not call.arguments and raw.strip() not in ("", "{}")


def with_unique_ids(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation with every call's id given once, and every result's; the very same one where that is so already.

    The first call keeps its id. A result goes with the oldest unanswered call of its id, one without an id with the
    oldest of all.
    """
    ids = [part.id for message in messages for part in message.content if type(part) is ToolCall]
    if len(set(ids)) == len(ids) and not _lacks_id(messages):
        return messages
    renaming = _Renaming(ids)
    return tuple(
        replace(message, content=tuple(map(renaming, message.content)))
        if any(isinstance(part, ToolCall | ToolResult) for part in message.content)
        else message
        for message in messages
    )


def _lacks_id(messages: tuple[Message, ...]) -> bool:
    return any(type(part) is ToolResult and not part.id for message in messages for part in message.content)


class _Renaming:
    """Gives later calls of an id another one, and their results with them."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._taken = set(ids)
        self._seen: set[str] = set()
        self._open: dict[str, list[str]] = defaultdict(list)
        self._answered: dict[str, str] = {}

    def __call__(self, part: Part) -> Part:
        if isinstance(part, ToolCall):
            name = self._free(part.id) if part.id in self._seen else part.id
            self._seen.add(part.id)
            self._open[part.id].append(name)
        elif isinstance(part, ToolResult):
            waiting = self._open[part.id] if part.id else next(filter(None, self._open.values()), [])
            if waiting:
                self._answered[part.id] = waiting.pop(0)
            name = self._answered.get(part.id, part.id)
        else:
            return part
        return part if name == part.id else replace(part, id=name)

    def _free(self, wanted: str) -> str:
        number = 2
        while f"{wanted}_{number}" in self._taken:
            number += 1
        self._taken.add(f"{wanted}_{number}")
        return f"{wanted}_{number}"


def with_calls_joined(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation with an assistant's turns in one where calls of the first are answered after the next.

    Formats with a message for each result want it right behind the message with the call.
    """
    if not any(a.role == b.role == "assistant" for a, b in pairwise(messages)):
        return messages
    out: list[Message] = []
    for message in messages:
        last = out[-1] if out else None
        if last is not None and last.role == message.role == "assistant" and _calls_in(last):
            out[-1] = Message("assistant", (*last.content, *message.content), last.name)
        else:
            out.append(message)
    return tuple(out)


def _calls_in(message: Message) -> bool:
    return any(isinstance(part, ToolCall) for part in message.content)


def with_results_in_order(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation with the results of each turn's calls in the order of the calls; itself where they are."""
    out = list(messages)
    order: dict[str, int] = {}
    places: list[tuple[int, int]] = []
    for number, message in enumerate(messages):
        if message.role == "assistant":
            _arrange(out, places, order)
            calls = [part.id for part in message.content if isinstance(part, ToolCall)]
            order, places = {call_id: place for place, call_id in enumerate(calls)}, []
        elif len(order) > 1:
            places += [(number, place) for place, part in enumerate(message.content) if isinstance(part, ToolResult)]
    _arrange(out, places, order)
    return messages if all(a is b for a, b in zip(out, messages, strict=True)) else tuple(out)


def _arrange(out: list[Message], places: list[tuple[int, int]], order: dict[str, int]) -> None:
    """Put the results that stand at these places into order, each at a place where one stood."""
    found = [out[turn].content[place] for turn, place in places]
    wanted = sorted(found, key=lambda part: order.get(getattr(part, "id", None) or "", len(order)))
    for (turn, place), now, then in zip(places, found, wanted, strict=True):
        if now is not then:
            content = list(out[turn].content)
            content[place] = then
            out[turn] = replace(out[turn], content=tuple(content))
