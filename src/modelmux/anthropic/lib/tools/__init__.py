"""Tools that run by themselves, under the vendor's path."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "BetaAsyncBuiltinFunctionTool": "_functions",
    "BetaAsyncFunctionTool": "_functions",
    "BetaAsyncRunnableTool": "_functions",
    "BetaAsyncStreamingToolRunner": "_runner",
    "BetaAsyncToolRunner": "_runner",
    "BetaBuiltinFunctionTool": "_functions",
    "BetaFunctionTool": "_functions",
    "BetaFunctionToolResultType": "_functions",
    "BetaRunnableTool": "_functions",
    "BetaStreamingToolRunner": "_runner",
    "BetaToolRunner": "_runner",
    "ToolError": "_functions",
    "beta_async_tool": "_functions",
    "beta_tool": "_functions",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - names are data


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
