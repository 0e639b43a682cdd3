"""How a vendor's Responses differ from OpenAI's: data, from the provider's row. Only writing needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

WIRE = "openai.responses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The options of ``[calls.responses.dialect]``; the defaults are OpenAI's own.

    ``min_output_tokens``: the least output limit taken; a smaller one is raised to it. ``refuses``: fields of the body
    that are dropped unless the caller wrote them for this vendor. ``always``: fields that are set unless the caller
    says otherwise. ``instructions``: whether a leading system message goes there. ``efforts``: whether ``reasoning``
    takes an effort. ``server_tools``: canonical kind -> the tool object that asks for it.
    """

    min_output_tokens: int = 16
    refuses: tuple[str, ...] = ()
    always: Mapping[str, Any] = field(default_factory=dict)
    instructions: bool = True
    developer: bool = True
    allowed_tools: bool = True
    efforts: bool = True
    server_tools: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {
            "web_search": {"type": "web_search"},
            "code_execution": {"type": "code_interpreter", "container": {"type": "auto"}},
        }
    )


def dialect(options: Mapping[str, Any]) -> Dialect:
    """A validated dialect. Raises TypeError naming the option that is wrong."""
    kinds = {f.name: type(getattr(Dialect(), f.name)) for f in fields(Dialect)}
    given: dict[str, Any] = {}
    for name, value in options.items():
        kind = kinds.get(name)
        if kind is None:
            raise TypeError(f"unknown option {name!r} (known: {', '.join(kinds)})")
        if kind is tuple and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            value = tuple(value)
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
            raise TypeError(f"{name} must be a {'list of strings' if kind is tuple else kind.__name__}")
        given[name] = value
    return Dialect(**given)
