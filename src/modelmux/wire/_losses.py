"""What an encoding cannot say, in the words that several formats report it with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from modelmux.types import Message, Part, ReasoningOptions, Request, ToolResult, Warning

Loss: TypeAlias = tuple[str, str, str]
"""Field, action and detail of a warning."""

NAMED: Loss = ("messages.name", "dropped", "turns have no names here")
DEVELOPER: Loss = ("messages.role", "renamed", "a developer's turn goes as system")
CITED: Loss = ("citations", "dropped", "citations cannot be sent back")
SIGNED: Loss = ("signature", "dropped", "a vendor's signature goes back to that vendor only")
CACHED: Loss = ("cache", "dropped", "there are no cache marks here; the vendor caches by itself")
REFUSED: Loss = ("refusal", "renamed", "a refusal goes as text")
LOOSE: Loss = ("tool_call.arguments", "dropped", "arguments that are no JSON object")
FAILED: Loss = ("tool_result.is_error", "dropped", "a failed tool is told by its text only")
WRITTEN: Loss = ("media.text", "emulated", "a text given as a document goes as text")
DETAILED: Loss = ("media.detail", "dropped", "images have no detail here")
STRICT: Loss = ("tools.strict", "dropped", "this vendor takes no such switch")


class Losses:
    """The warnings of one encoding: each kind of loss once, however many turns of a history have it."""

    __slots__ = ("_warnings",)

    def __init__(self) -> None:
        self._warnings: dict[tuple[str, str], Warning] = {}

    def add(self, field: str, action: str, detail: str) -> None:
        self._warnings.setdefault((field, action), Warning(field, action, detail))

    @property
    def warnings(self) -> list[Warning]:
        return list(self._warnings.values())


def role_of(message: Message, losses: Losses) -> str:
    """A turn's role, where there are no developers and turns have no names."""
    if message.role == "developer":
        losses.add(*DEVELOPER)
    if message.name is not None:
        losses.add(*NAMED)
    return "system" if message.role == "developer" else message.role


def note_marks(part: Part, losses: Losses, cached: Loss = CACHED, *, signed: bool = True) -> None:
    """A part's marks for one vendor, where there are none; its signature unless something else speaks of it."""
    if getattr(part, "cache", None) is not None:
        losses.add(*cached)
    if signed and getattr(part, "signature", None) is not None:
        losses.add(*SIGNED)


def note_result(result: ToolResult, losses: Losses, cached: Loss = CACHED) -> None:
    """A result's marks, where it is told by its content only."""
    if result.is_error:
        losses.add(*FAILED)
    if result.cache is not None:
        losses.add(*cached)


_KINDS = {
    "Media": "media",
    "Opaque": "opaque",
    "Reasoning": "reasoning",
    "ServerToolCall": "server_tool_call",
    "ServerToolResult": "server_tool_result",
}


def kind_of(part: Part) -> str:
    """The field under which the loss of a whole part is reported."""
    return _KINDS.get(type(part).__name__, "content")


_USUAL: dict[str, tuple[Any, ...]] = {
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "service_tier": ("auto", "default", "standard", "standard_only"),
}


def off(options: ReasoningOptions) -> bool:
    """Whether reasoning is switched off."""
    return options.enabled is False or options.effort == "none" or options.budget == 0


def asks(req: Request, name: str) -> bool:
    """Whether this field asks for anything but what happens unasked, so that its loss is one."""
    value = getattr(req, name)
    if value is None or value in _USUAL.get(name, ()):
        return False
    if name == "parallel_tool_calls":
        return value is False
    if name == "n":
        return bool(value > 1)
    if name == "modalities":
        return any(modality != "text" for modality in value)
    if name == "tool_choice":
        return value.mode not in ("auto", "none")
    if name == "reasoning":
        said = (value.effort, value.budget, value.enabled, value.include, value.summary)
        return not off(value) and any(item is not None for item in said)
    return True


def note_unsaid(req: Request, details: Mapping[str, str], losses: Losses) -> None:
    """Settings that a format does not have. ``details``: field -> why it is dropped."""
    for name, detail in details.items():
        if asks(req, name):
            losses.add(name, "dropped", detail)
