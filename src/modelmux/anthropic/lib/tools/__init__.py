"""Tools that run by themselves, under the vendor's path."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.door import names

_HOME = {
    "BetaAsyncBuiltinFunctionTool": "_beta_functions",
    "BetaAsyncFunctionTool": "_beta_functions",
    "BetaAsyncRunnableTool": "_beta_functions",
    "BetaAsyncStreamingToolRunner": "_beta_runner",
    "BetaAsyncToolRunner": "_beta_runner",
    "BetaBuiltinFunctionTool": "_beta_functions",
    "BetaFunctionTool": "_beta_functions",
    "BetaFunctionToolResultType": "_beta_functions",
    "BetaRunnableTool": "_beta_functions",
    "BetaStreamingToolRunner": "_beta_runner",
    "BetaToolRunner": "_beta_runner",
    "ToolError": "_beta_functions",
    "beta_async_tool": "_beta_functions",
    "beta_tool": "_beta_functions",
}
__all__ = sorted(_HOME)
_look = names(__name__, _HOME)


def __getattr__(name: str) -> Any:  # a function in so many words: type checkers look for one
    return _look(name)
