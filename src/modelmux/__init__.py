"""Multi-model routing as a library: every vendor behind one interface, with exact accounts.

::

    import modelmux

    mux = modelmux.Mux(models=["openai/gpt-5-mini", "anthropic/claude-haiku-4-5"], policy="cheapest")
    reply = mux.chat("Summarise this: …", max_cost=0.002, deadline=20)
    print(reply.text, reply.cost, reply.receipt.decision)

Importing this package imports nothing heavy: every public name is loaded when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "achat": "_default",
    "astream": "_default",
    "chat": "_default",
    "default_mux": "_default",
    "explain": "_default",
    "stream": "_default",
    "Anthropic": "anthropic",
    "AsyncAnthropic": "anthropic",
    "AsyncAzureOpenAI": "openai",
    "AsyncOpenAI": "openai",
    "AsyncStream": "_streams",
    "AzureOpenAI": "openai",
    "CallOptions": "_options",
    "Endpoint": "endpoint",
    "Hedge": "routing.hedging",
    "Message": "types",
    "ModelmuxError": "errors",
    "Money": "money",
    "Mux": "_mux",
    "OpenAI": "openai",
    "ProviderError": "errors",
    "Reply": "types",
    "RetryPolicy": "routing.retry",
    "Stream": "_streams",
    "TokenCount": "counting.count",
    "Tool": "types",
    "Warning": "types",
}

_MODULES = (
    "catalogue",
    "config",
    "cost",
    "errors",
    "money",
    "providers",
    "routing",
    "testing",
    "tokens",
    "types",
    "wire",
)

__all__ = [
    "Anthropic",
    "AsyncAnthropic",
    "AsyncAzureOpenAI",
    "AsyncOpenAI",
    "AsyncStream",
    "AzureOpenAI",
    "CallOptions",
    "Endpoint",
    "Hedge",
    "Message",
    "ModelmuxError",
    "Money",
    "Mux",
    "OpenAI",
    "ProviderError",
    "Reply",
    "RetryPolicy",
    "Stream",
    "TokenCount",
    "Tool",
    "Warning",
    "__version__",
    "achat",
    "astream",
    "catalogue",
    "chat",
    "config",
    "cost",
    "default_mux",
    "errors",
    "explain",
    "money",
    "providers",
    "routing",
    "stream",
    "testing",
    "tokens",
    "types",
    "wire",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is not None:
        value = getattr(importlib.import_module(f"modelmux.{home}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"modelmux.{name}")
    raise AttributeError(f"module 'modelmux' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from modelmux._default import achat, astream, chat, default_mux, explain, stream
    from modelmux._mux import Mux
    from modelmux._options import CallOptions
    from modelmux._streams import AsyncStream, Stream
    from modelmux.anthropic._client import Anthropic, AsyncAnthropic
    from modelmux.counting.count import TokenCount
    from modelmux.endpoint import Endpoint
    from modelmux.errors import ModelmuxError, ProviderError
    from modelmux.money import Money
    from modelmux.openai._client import AsyncOpenAI, OpenAI
    from modelmux.openai.lib.azure import AsyncAzureOpenAI, AzureOpenAI
    from modelmux.routing.hedging import Hedge
    from modelmux.routing.retry import RetryPolicy
    from modelmux.types import Message, Reply, Tool, Warning
