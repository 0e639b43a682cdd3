"""Headers over headers, as this vendor's client lays them: who helped adds up, the rest replace one another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

HELPER = "x-stainless-helper"


def of_environment() -> dict[str, str]:
    """``ANTHROPIC_CUSTOM_HEADERS``: a header a line."""
    lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def merged(headers: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Headers over others, without regard to case."""
    names = {name.lower() for name in more}
    out = {name: value for name, value in headers.items() if name.lower() not in names or name.lower() == HELPER}
    if HELPER in names and any(name.lower() == HELPER for name in out):
        helpers = joined_helpers(out, more)
        out = {name: value for name, value in out.items() if name.lower() != HELPER}
        return {**out, **{n: v for n, v in more.items() if n.lower() != HELPER}, HELPER: helpers}
    return {**out, **more}


def joined_helpers(*layers: Mapping[str, Any]) -> str:
    """The helpers that headers name, each once."""
    said = [value for layer in layers for name, value in layer.items() if name.lower() == HELPER]
    names = [name.strip() for value in said if isinstance(value, str) for name in value.split(",")]
    return ", ".join(dict.fromkeys(name for name in names if name))
