"""Functions as tools: their schema from their signature, their description from their docstring."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import pydantic

from modelmux.anthropic.lib.tools import _docstrings

_SAID = ("defer_loading", "cache_control", "allowed_callers", "eager_input_streaming", "input_examples", "strict")
"""What is sent of a tool beside name, description and schema, where it is given."""


class ToolError(Exception):
    """Raised by a tool: its content goes back to the model as an error. ``content``: text, or content blocks."""

    def __init__(self, content: Any) -> None:
        parts = [content] if isinstance(content, str) else [_said(block) for block in content]
        super().__init__(" ".join(parts) or "Tool error")
        self.content = content


def _said(block: Mapping[str, Any]) -> str:
    text = block.get("text")
    return f"[{block.get('type', 'unknown')}]" if text is None else str(text)


class _Builtin(ABC):
    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The tool as an entry of ``tools``."""

    @property
    def name(self) -> str:
        """What the model calls it. Raises ValueError for a tool without a name."""
        tool = self.to_dict()
        found = tool.get("mcp_server_name", tool.get("name"))
        if found is None:
            raise ValueError(f"Tool of type {tool.get('type')!r} does not have a name")
        return str(found)


class BetaBuiltinFunctionTool(_Builtin):
    """A tool of the vendor's that runs here. Subclass it."""

    @abstractmethod
    def call(self, input: object) -> Any:
        """Run it."""


class BetaAsyncBuiltinFunctionTool(_Builtin):
    """:class:`BetaBuiltinFunctionTool`, async."""

    @abstractmethod
    async def call(self, input: object) -> Any:
        """Run it."""


class BaseFunctionTool:
    """A function that a model may call. Called itself, it is the function."""

    close: Callable[[], Awaitable[None] | None] | None = None

    def __init__(
        self,
        func: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        input_schema: Any = None,
        **said: Any,
    ) -> None:
        unknown = said.keys() - set(_SAID)
        if unknown:
            raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {min(unknown)!r}")
        self.func, self.name, self._said = func, name or func.__name__, said
        self._func_with_validate = pydantic.validate_call(func)
        self._context_manager: Any = None
        text, self._params = _docstrings.read(func)
        self.description = description or text
        if input_schema is None:
            input_schema = self._schema()
        elif isinstance(input_schema, type):
            input_schema = input_schema.model_json_schema()  # type: ignore[attr-defined]  # a pydantic model
        self.input_schema: dict[str, Any] = input_schema

    def __class_getitem__(cls, item: object) -> Any:
        return cls

    @property
    def __call__(self) -> Callable[..., Any]:
        return self.func

    @cached_property
    def _adapter(self) -> pydantic.TypeAdapter[Any]:
        validating: Any = self._func_with_validate
        return pydantic.TypeAdapter(validating)

    def _schema(self) -> dict[str, Any]:
        schema = self._adapter.json_schema()
        for name, text in self._params.items():
            found = schema.get("properties", {}).get(name)
            if isinstance(found, dict) and text:
                found.setdefault("description", text)
        return schema

    def to_dict(self) -> dict[str, Any]:
        """The tool as an entry of ``tools``."""
        tool = {"name": self.name, "description": self.description, "input_schema": self.input_schema}
        return {**tool, **{name: self._said[name] for name in _SAID if self._said.get(name) is not None}}

    def _arguments(self, given: object) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise TypeError(f"Input must be a dictionary, got {type(given).__name__}")
        return given


class BetaFunctionTool(BaseFunctionTool):
    """A function as a tool."""

    def call(self, input: object) -> Any:
        """Run the function. Raises ValueError for arguments that do not fit it."""
        if inspect.iscoroutinefunction(self.func):
            raise RuntimeError("Cannot call a coroutine function synchronously. Use `@beta_async_tool` instead.")
        arguments = self._arguments(input)
        try:
            return self._func_with_validate(**arguments)
        except pydantic.ValidationError as error:
            raise ValueError(f"Invalid arguments for function {self.name}") from error


class BetaAsyncFunctionTool(BaseFunctionTool):
    """An async function as a tool."""

    async def call(self, input: object) -> Any:
        """Run the function. Raises ValueError for arguments that do not fit it."""
        if not inspect.iscoroutinefunction(self.func):
            raise RuntimeError("Cannot call a synchronous function asynchronously. Use `@beta_tool` instead.")
        arguments = self._arguments(input)
        try:
            return await self._func_with_validate(**arguments)
        except pydantic.ValidationError as error:
            raise ValueError(f"Invalid arguments for function {self.name}") from error


def _made_by(function: Any, kind: Callable[[Any], bool]) -> bool:
    """Whether a function is a context manager's: what ``contextlib`` wrapped is a generator."""
    wrapped = getattr(function, "__wrapped__", None)
    return wrapped is not None and kind(wrapped)


def beta_tool(func: Any = None, **settings: Any) -> Any:
    """A decorator: a function as a tool, with or without settings (``name``, ``description``, ``input_schema``,
    ``defer_loading``, ``cache_control``, ``allowed_callers``, ``eager_input_streaming``, ``input_examples``,
    ``strict``). A context manager that yields the function is entered now.
    """
    _check(settings, "beta_tool")

    def make(function: Any) -> BetaFunctionTool:
        if _made_by(function, inspect.isasyncgenfunction):
            raise TypeError("@beta_tool was applied to an @asynccontextmanager; use @beta_async_tool")
        if not _made_by(function, inspect.isgeneratorfunction):
            return BetaFunctionTool(function, **settings)
        manager = function()
        inner = manager.__enter__()
        try:
            tool = BetaFunctionTool(inner, **settings)
        except BaseException as error:
            manager.__exit__(type(error), error, error.__traceback__)
            raise
        tool._context_manager = manager
        return tool

    return make if func is None else make(func)


def beta_async_tool(func: Any = None, **settings: Any) -> Any:
    """As :func:`beta_tool`, for async functions. An async context manager that yields the function is entered at the
    first call, and needs ``input_schema``.
    """
    _check(settings, "beta_async_tool")

    def make(function: Any) -> BetaAsyncFunctionTool:
        if _made_by(function, inspect.isgeneratorfunction):
            raise TypeError("@beta_async_tool was applied to a @contextmanager; use @beta_tool")
        if not _made_by(function, inspect.isasyncgenfunction):
            return BetaAsyncFunctionTool(function, **settings)
        if settings.get("input_schema") is None:
            raise TypeError("an @asynccontextmanager tool needs an explicit input_schema=")
        return _entered_late(function, settings)

    return make if func is None else make(func)


def _entered_late(function: Any, settings: dict[str, Any]) -> BetaAsyncFunctionTool:
    import asyncio

    manager, lock = function(), asyncio.Lock()
    inner: list[Any] = []

    async def call(**arguments: Any) -> Any:
        async with lock:
            if not inner:
                inner.append(pydantic.validate_call(await manager.__aenter__()))
                tool._context_manager = manager
        return await inner[0](**arguments)

    call.__name__ = settings.get("name") or function.__name__
    call.__doc__ = settings.get("description") or function.__doc__
    tool = BetaAsyncFunctionTool(call, **settings)
    return tool


def _check(settings: dict[str, Any], name: str) -> None:
    unknown = settings.keys() - {"name", "description", "input_schema", *_SAID}
    if unknown:
        raise TypeError(f"{name}() got an unexpected keyword argument {min(unknown)!r}")


BetaFunctionToolResultType = str | Iterable[Any]
BetaRunnableTool = BetaFunctionTool | BetaBuiltinFunctionTool
BetaAsyncRunnableTool = BetaAsyncFunctionTool | BetaAsyncBuiltinFunctionTool
