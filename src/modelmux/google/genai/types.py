"""The types of requests and answers: classes, enums and unions, each made when it is first asked for."""

from __future__ import annotations

from typing import Any

from modelmux.google.genai._registry import registry


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(registry.file("types")["types"])
    if not name[:1].isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = registry.cls(f"types:{name}")
    return value


def __dir__() -> list[str]:
    return sorted(registry.file("types")["types"])
