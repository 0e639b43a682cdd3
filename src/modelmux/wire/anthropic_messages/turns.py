"""A conversation as this API wants it: system on top, user and assistant in turn, tool results first.

Turns that came in on this wire go out as they came (the vendor merges turns of one role itself). Turns from
elsewhere are brought into shape: neighbours of one role become one turn, results of tools come before what the user
says, and what is empty is left out, because the vendor refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelmux.types import Media, Message, Text
from modelmux.wire._calls import with_unique_ids
from modelmux.wire._each_loss import Losses
from modelmux.wire._kept import put_back
from modelmux.wire.anthropic_messages.parts_out import Block, PartEncoder
from modelmux.wire.anthropic_messages.vocabulary import WIRE, own

_ROLES = {"user": "user", "tool": "user", "assistant": "assistant"}


@dataclass(slots=True)
class _Turn:
    role: str
    content: list[Block]
    own: bool
    as_text: bool
    hints: Mapping[str, Any]

    def body(self) -> dict[str, Any]:
        content: Any = self.content[0]["text"] if self.as_text else self.content
        return put_back({"role": self.role, "content": content}, self.hints)


def encode_conversation(messages: tuple[Message, ...], losses: Losses) -> tuple[Any, list[dict[str, Any]]]:
    """``system`` (None when there is none) and ``messages``."""
    encoder = PartEncoder(losses)
    system: list[_Turn] = []
    turns: list[_Turn] = []
    if not all(WIRE in message.extra for message in messages):
        messages = with_unique_ids(messages)
    for message in messages:
        turn = _turn(message, encoder, losses)
        if turn.role == "system" and "$place" not in turn.hints:
            if turns:
                losses.add("messages.system", "merged", "a later system turn moved to the top")
            system.append(turn)
        elif turn.content or turn.own:
            _append(turns, turn)
    _begin_with_user(system, turns, losses)
    for turn in turns:
        if turn.role == "user" and not turn.own:
            # False sorts before True, and sorting keeps the order among equals.
            turn.content.sort(key=_after_results)
    if turns and turns[-1].role == "assistant" and not turns[-1].own:
        _end_without_space(turns[-1])
    return _system(system, losses), [turn.body() for turn in turns]


def _turn(message: Message, encoder: PartEncoder, losses: Losses) -> _Turn:
    hints = own(message.extra)
    form = hints.get("$content")
    parts = message.content
    role = _ROLES.get(message.role, "system")
    if message.name is not None:
        losses.add("messages.name", "dropped", "turns have no names here")
    if message.role == "developer":
        losses.add("messages.role", "renamed", "a developer's turn goes as the system's")
    if form == "string" and len(parts) == 1 and type(parts[0]) is Text and parts[0].cache is None:
        return _Turn(role, [{"type": "text", "text": parts[0].text}], True, True, hints)
    if form is None and role == "assistant" and any(isinstance(part, Media) for part in parts):
        losses.add("messages.media", "dropped", "an assistant turn holds no media here")
        parts = tuple(part for part in parts if not isinstance(part, Media))
    blocks = [encoder.encode(part) for part in parts]
    content = [block for block in blocks if block is not None and (form is not None or _says_something(block))]
    if len(content) < len(blocks) and any(
        block and "cache_control" in block and block not in content for block in blocks
    ):
        losses.add("cache", "dropped", "a mark on blank text, which is left out")
    return _Turn(role, content, form is not None, False, hints)


def _says_something(block: Block) -> bool:
    return block.get("type") != "text" or bool(block["text"].strip())


def _after_results(block: Block) -> bool:
    return block.get("type") != "tool_result"


def _append(turns: list[_Turn], turn: _Turn) -> None:
    last = turns[-1] if turns else None
    if last is None or last.role != turn.role or (last.own and turn.own):
        turns.append(turn)
        return
    last.content = [*filter(_says_something, last.content), *turn.content]
    last.own = last.as_text = False


_NOTHING_SAID = "(No message.)"


def _begin_with_user(system: list[_Turn], turns: list[_Turn], losses: Losses) -> None:
    """The vendor wants a conversation, and the user to speak first; others do without."""
    if not turns and system and not system[0].own:
        losses.add("messages.system", "renamed", "nothing but system turns: sent as the user's")
        content = [block for turn in system for block in turn.content]
        system.clear()
        turns.append(_Turn("user", content, False, False, {}))
    elif turns and turns[0].role == "assistant" and not turns[0].own:
        losses.add("messages", "emulated", "the user has to speak first here: an empty turn was put before")
        turns.insert(0, _Turn("user", [{"type": "text", "text": _NOTHING_SAID}], False, False, {}))


def _end_without_space(turn: _Turn) -> None:
    """The vendor refuses an answer begun by the caller that ends in white space."""
    block = turn.content[-1]
    if block.get("type") == "text" and block["text"] != block["text"].rstrip():
        turn.content[-1] = {**block, "text": block["text"].rstrip()}


def _system(turns: list[_Turn], losses: Losses) -> Any:
    if not turns:
        return None
    if len(turns) == 1 and turns[0].as_text:
        return turns[0].content[0]["text"]
    blocks = []
    for block in (block for turn in turns for block in turn.content):
        if block.get("type") == "text" or all(turn.own for turn in turns):
            blocks.append(block)
        else:
            losses.add("messages.system", "dropped", "a system turn holds nothing but text")
    if len(blocks) == 1 and len(blocks[0]) == 2 and not turns[0].own:
        return blocks[0]["text"]
    return blocks or None
