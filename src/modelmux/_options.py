"""What a call may be given, checked and made canonical."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from modelmux._messages import (
    Messages,
    canonical_messages,
    canonical_reasoning,
    canonical_stop,
    canonical_tool_choice,
)
from modelmux._secret import hidden
from modelmux._tools import canonical_output, canonical_tools
from modelmux.endpoint import Endpoint
from modelmux.errors import ConfigError, InvalidRequest, UnknownName
from modelmux.money import Money
from modelmux.types import Part, ReasoningOptions, Request, Tool, ToolChoice

ON_BREAK = ("raise", "restart", "resume", "buffer")


class CallOptions(TypedDict, total=False):
    """The keyword arguments of ``chat``, ``stream``, ``explain`` and their async twins. None means "not given".

    Times are seconds, money dollars unless :class:`~modelmux.Money`.
    """

    model: str | Endpoint | Sequence[str | Endpoint] | None
    """One name, a list to choose from, or ``"auto"`` for every configured model."""
    system: str | Sequence[Part] | None
    """A system prompt, put before the messages."""
    tools: Sequence[Any] | None
    """Schemas in any vendor's spelling, typed Python functions, or :class:`~modelmux.types.Tool` objects."""
    tool_choice: str | Mapping[str, Any] | ToolChoice | None
    """``auto``, ``none``, ``required``, or a tool's name."""
    output: Any
    """A pydantic model or other type to answer in, a JSON Schema, or ``"json"``."""
    max_tokens: int | None
    temperature: float | None
    stop: str | Sequence[str] | None
    reasoning: str | int | bool | ReasoningOptions | None
    """An effort word, a budget in tokens, or on and off."""
    policy: str | Callable[..., Any] | None
    require: str | Iterable[str]
    """Abilities, providers, endpoints, models or ``key:value`` tags that an endpoint must have or be."""
    exclude: str | Iterable[str]
    region: str | None
    max_cost: Money | float | str | None
    """A ceiling on what the whole call, with all its attempts, may cost."""
    deadline: float | None
    """Seconds for everything: queueing, all attempts, waits between them."""
    ttft: float | None
    """Seconds until the first token of an attempt."""
    on_break: str | None
    """What a stream does when it breaks after output: ``raise``, ``restart`` or ``buffer``."""
    tags: Mapping[str, Any] | None
    keys: Mapping[str, str] | None
    """A caller's own vendor keys by provider, used for this call and stored nowhere."""
    strict: bool | None
    """Raise where a vendor cannot say part of the request, instead of a warning."""
    extra: Mapping[str, Any] | None
    """Vendor fields added to the body; those under a provider's or wire's id go to that one only."""


_KNOWN = frozenset(CallOptions.__annotations__)


def check_names(options: Any) -> None:
    """Raise TypeError for a keyword that no call takes, naming the nearest one. A caller's keys no longer print."""
    if options.get("keys"):
        options["keys"] = hidden(options["keys"])
    for name in options:
        if name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"a call takes no keyword {name!r}{hint}")


def canonical_request(messages: Messages, options: CallOptions, *, stream: bool) -> Request:
    """The request itself. Raises InvalidRequest naming the field."""
    for name in ("tags", "keys", "extra"):
        given = options.get(name)
        if given is not None and not isinstance(given, Mapping):
            raise InvalidRequest(f"{name} is a {type(given).__name__}; give a mapping", field=name)
    tools = canonical_tools(options.get("tools"))
    return Request(
        messages=canonical_messages(messages, options.get("system")),
        tools=tools,
        tool_choice=_among(canonical_tool_choice(options.get("tool_choice")), tools),
        output=canonical_output(options.get("output")),
        max_tokens=_positive(options.get("max_tokens"), "max_tokens", whole=True),
        temperature=_number(options.get("temperature"), "temperature"),
        stop=canonical_stop(options.get("stop")),
        reasoning=canonical_reasoning(options.get("reasoning")),
        stream=stream,
    )


def _positive(value: Any, name: str, *, whole: bool = False) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not value > 0:
        kind = "a whole number" if whole else "a number of seconds"
        raise InvalidRequest(f"{name}={value!r}: give {kind} above 0", field=name)
    return value


def _number(value: Any, name: str) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise InvalidRequest(f"{name}={value!r}: give a number", field=name)
    return value


def _among(choice: ToolChoice | None, tools: Sequence[Any]) -> ToolChoice | None:
    """A choice that names a tool names one of the call's."""
    known = [tool.name for tool in tools if isinstance(tool, Tool)]
    for name in choice.names if choice is not None else ():
        if name not in known:
            raise InvalidRequest(str(UnknownName("tool", name, known)), field="tool_choice")
    if choice is not None and choice.mode == "required" and not tools:
        raise InvalidRequest("tool_choice='required' without tools", field="tool_choice")
    return choice


def seconds(value: Any, name: str) -> float | None:
    """A length of time, checked. Raises InvalidRequest."""
    checked: float | None = _positive(value, name)
    return checked


def tokens(value: Any, name: str) -> int:
    """A number of tokens, checked. Raises InvalidRequest."""
    checked: int = _positive(value, name, whole=True)
    return checked


def break_mode(value: str) -> str:
    """One of the ways to treat a broken stream. Raises ConfigError."""
    if value not in ON_BREAK:
        raise ConfigError(f"on_break={value!r}: give one of {', '.join(ON_BREAK)}", field="on_break")
    return value
