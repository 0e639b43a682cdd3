"""Function tools made of pydantic models."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.absent import is_given, omit
from modelmux.openai.lib._pydantic import to_strict_json_schema


class PydanticFunctionTool(dict[str, Any]):
    """A function's declaration that knows the model of its arguments."""

    model: Any = None

    def __init__(self, declaration: dict[str, Any], model: Any) -> None:
        super().__init__(declaration)
        self.model = model

    def cast(self) -> dict[str, Any]:
        return self


class ResponsesPydanticFunctionTool(PydanticFunctionTool):
    """The same, as the Responses API declares it."""


def pydantic_function_tool(model: Any, *, name: str | None = None, description: str | None = None) -> dict[str, Any]:
    """A tool for chat completions; the model's docstring describes it unless ``description`` does."""
    function: dict[str, Any] = {
        "name": name or model.__name__,
        "strict": True,
        "parameters": to_strict_json_schema(model),
    }
    about = description if description is not None else model.__doc__
    if about:
        function["description"] = about
    return {"type": "function", "function": PydanticFunctionTool(function, model)}


def pydantic_responses_function_tool(
    model: Any, *, name: str | None = None, description: str | None = None, defer_loading: Any = omit
) -> dict[str, Any]:
    """A tool for the Responses API."""
    made = pydantic_function_tool(model, name=name, description=description)
    flat = {"type": "function", **made["function"]}
    if is_given(defer_loading):
        flat["defer_loading"] = defer_loading
    return ResponsesPydanticFunctionTool(flat, model)
