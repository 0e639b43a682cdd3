"""Chat completions beyond the plain call: ``parse`` and ``stream``."""

from __future__ import annotations

import inspect
from typing import Any

import pydantic

from modelmux._dropin.absent import is_given, omit
from modelmux.openai.lib._parsing import _completions as parsing

PARSED = "types.chat.parsed_chat_completion:ParsedChatCompletion"
CHUNK = "types.chat.chat_completion_chunk:ChatCompletionChunk"
CREATE = "chat.completions.create()"


def refuse_model(given: dict[str, Any]) -> None:
    """A model class as ``response_format`` is for ``parse``: say so."""
    kind = given.get("response_format")
    if inspect.isclass(kind) and issubclass(kind, pydantic.BaseModel):
        raise TypeError(
            f"You tried to pass a `BaseModel` class to `{CREATE}`; You must use `chat.completions.parse()` instead"
        )


def asking(resource: Any, given: dict[str, Any], method: str) -> tuple[Any, Any, list[Any]]:
    """A call that is to be parsed: its options, what to parse into, its tools."""
    kind = given.pop("response_format", omit)
    tools = given.get("tools", omit)
    tools = list(tools) if is_given(tools) and tools is not None else []
    if tools:
        given["tools"] = tools
    given["response_format"] = parsing.wire_format(kind)
    headers = {"X-Stainless-Helper-Method": f"chat.completions.{method}", **(given.pop("extra_headers", None) or {})}
    given["extra_headers"] = headers
    return parsing.options_of(resource, "create", given), kind, tools


def _prepared(resource: Any, given: dict[str, Any]) -> Any:
    given["tools"] = parsing.checked_tools(given.get("tools", omit)) or omit
    given["stream"] = False
    options, kind, tools = asking(resource, given, "parse")
    options.post_parser = lambda completion: parsing.finish(completion, kind, tools)
    return options


def _streaming(resource: Any, given: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
    options, kind, tools = asking(resource, {**given, "stream": True}, "stream")
    return options, kind, tools


class Completions:
    """Of the blocking client."""

    _client: Any

    def create(self, **given: Any) -> Any:
        """Ask for a completion."""
        refuse_model(given)
        stream = given.get("stream") or False
        options = parsing.options_of(self, "create", given)
        return self._client._ask("types.chat.chat_completion:ChatCompletion", options, CHUNK if stream else None)

    def parse(self, **given: Any) -> Any:
        """Ask, and parse the answer: ``response_format`` is a pydantic model, ``tools`` are strict functions."""
        return self._client._ask(PARSED, _prepared(self, given))

    def stream(self, **given: Any) -> Any:
        """Ask, and follow the answer by typed events; a context manager."""
        from modelmux.openai.lib.streaming.chat import ChatCompletionStreamManager

        options, kind, tools = _streaming(self, given)
        return ChatCompletionStreamManager(
            lambda: self._client._ask(PARSED, options, CHUNK), response_format=kind, input_tools=tools
        )


class AsyncCompletions:
    """Of the async client."""

    _client: Any

    async def create(self, **given: Any) -> Any:
        """Ask for a completion."""
        refuse_model(given)
        stream = given.get("stream") or False
        options = parsing.options_of(self, "create", given)
        return await self._client._ask("types.chat.chat_completion:ChatCompletion", options, CHUNK if stream else None)

    async def parse(self, **given: Any) -> Any:
        """As :meth:`Completions.parse`."""
        return await self._client._ask(PARSED, _prepared(self, given))

    def stream(self, **given: Any) -> Any:
        """As :meth:`Completions.stream`."""
        from modelmux.openai.lib.streaming.chat import AsyncChatCompletionStreamManager

        options, kind, tools = _streaming(self, given)
        return AsyncChatCompletionStreamManager(
            self._client._ask(PARSED, options, CHUNK), response_format=kind, input_tools=tools
        )
