"""A conversation as this API wants it: system apart, user and assistant strictly in turn, the user first.

Turns that came in on this wire go out as they came. Turns from elsewhere are brought into shape: neighbours of one
role become one turn, results of tools come before what the user says, and blank text, which the vendor refuses, is
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelmux.types import Media, Message, Part, Text
from modelmux.wire._each_loss import Losses
from modelmux.wire._kept import put_back
from modelmux.wire.bedrock_converse.blocks_out import Block, BlockEncoder
from modelmux.wire.bedrock_converse.vocabulary import own

_ROLES = {"user": "user", "tool": "user", "assistant": "assistant"}
_OF_SYSTEM = frozenset({"text", "cachePoint", "guardContent"})

_NOTHING_SAID = "(No message.)"
_SEE_DOCUMENT = "(See the document.)"


@dataclass(slots=True)
class _Turn:
    role: str
    content: list[Block]
    own: bool
    hints: Mapping[str, Any]

    def body(self) -> dict[str, Any]:
        return put_back({"role": self.role, "content": self.content}, self.hints)


def encode_conversation(messages: Iterable[Message], losses: Losses) -> tuple[list[Block], list[dict[str, Any]]]:
    """``system`` (empty when there is none) and ``messages``."""
    encoder = BlockEncoder(losses)
    system: list[_Turn] = []
    turns: list[_Turn] = []
    for message in messages:
        turn = _turn(message, encoder, losses)
        if turn.role == "system":
            if turns:
                losses.add("messages.system", "merged", "a later system turn moved to the top")
            system.append(turn)
        elif turn.content or turn.own:
            _append(turns, turn)
    _begin_with_user(system, turns, losses)
    for turn in turns:
        if turn.role == "user" and not turn.own:
            _arrange(turn, losses)
    return _system(system, losses), [turn.body() for turn in turns]


def _turn(message: Message, encoder: BlockEncoder, losses: Losses) -> _Turn:
    hints = own(message.extra)
    ours = "$content" in hints
    role = _ROLES.get(message.role, "system")
    if message.name is not None:
        losses.add("messages.name", "dropped", "turns have no names here")
    if message.role == "developer":
        losses.add("messages.role", "renamed", "a developer's turn goes as the system's")
    parts: Iterable[Part] = message.content
    if not ours:
        if role == "assistant" and any(isinstance(part, Media) for part in parts):
            losses.add("messages.media", "dropped", "an assistant turn holds no media here")
        if any(isinstance(part, Text) and part.cache is not None and not _says_something(part) for part in parts):
            losses.add("cache", "dropped", "a mark on blank text, which is left out")
        parts = [
            part for part in parts if _says_something(part) and not (role == "assistant" and isinstance(part, Media))
        ]
    return _Turn(role, encoder.encode_all(parts), ours, hints)


def _says_something(part: Part) -> bool:
    return not isinstance(part, Text) or bool(part.text.strip())


def _append(turns: list[_Turn], turn: _Turn) -> None:
    last = turns[-1] if turns else None
    if last is None or last.role != turn.role or (last.own and turn.own):
        turns.append(turn)
        return
    last.content = [*last.content, *turn.content]
    last.own = False


def _arrange(turn: _Turn, losses: Losses) -> None:
    # False sorts before True, and sorting keeps the order among equals. A cache point stays behind its block.
    groups: list[list[Block]] = []
    for block in turn.content:
        if groups and "cachePoint" in block:
            groups[-1].append(block)
        else:
            groups.append([block])
    groups.sort(key=lambda group: "toolResult" not in group[0])
    turn.content = [block for group in groups for block in group]
    kinds = {kind for block in turn.content for kind in block}
    if "document" in kinds and "text" not in kinds:
        losses.add("messages", "emulated", "a document is only taken beside text: a line was added")
        turn.content.append({"text": _SEE_DOCUMENT})


def _begin_with_user(system: list[_Turn], turns: list[_Turn], losses: Losses) -> None:
    if not turns and system and not system[0].own:
        losses.add("messages.system", "renamed", "nothing but system turns: sent as the user's")
        turns.append(_Turn("user", [block for turn in system for block in turn.content], False, {}))
        system.clear()
    elif turns and turns[0].role == "assistant" and not turns[0].own:
        losses.add("messages", "emulated", "the user has to speak first here: an empty turn was put before")
        turns.insert(0, _Turn("user", [{"text": _NOTHING_SAID}], False, {}))


def _system(turns: list[_Turn], losses: Losses) -> list[Block]:
    blocks = []
    for turn in turns:
        for block in turn.content:
            if turn.own or block.keys() <= _OF_SYSTEM:
                blocks.append(block)
            else:
                losses.add("messages.system", "dropped", "a system turn holds nothing but text")
    return blocks
