"""Clients of other clouds: names that say what to use in their stead."""

from __future__ import annotations

from typing import Any

_WAYS = {
    "Bedrock": "a Mux's own provider: Anthropic().messages.create(model='bedrock/<model>', …)",
    "AWS": "a Mux's own provider: Anthropic().messages.create(model='bedrock/<model>', …)",
    "Vertex": "a Mux's own provider: Anthropic().messages.create(model='vertex/<model>', …)",
    "GoogleCloud": "a Mux's own provider: Anthropic().messages.create(model='vertex/<model>', …)",
    "Foundry": "a base_url: Anthropic(base_url='https://<resource>.services.ai.azure.com/anthropic', api_key=…)",
}


def __getattr__(name: str) -> Any:
    way = next((text for part, text in _WAYS.items() if part in name), None)
    if name[:1] == "_" or way is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def refuse(self: object, *args: object, **options: object) -> None:
        del self, args, options
        raise TypeError(f"modelmux.anthropic has no {name}; use {way}")

    found = type(name, (), {"__init__": refuse, "__module__": __name__, "__doc__": f"Not here: use {way}."})
    globals()[name] = found
    return found
