"""Ask, run the tools that the model calls, ask again: until it calls none."""

from __future__ import annotations

import logging
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

from modelmux._dropin.absent import given, is_given
from modelmux._dropin.resources import Call
from modelmux.anthropic import _exceptions as errors
from modelmux.anthropic._beta_messages import Face
from modelmux.anthropic.lib.tools import _beta_functions as functions
from modelmux.anthropic.lib.tools._conversation import Conversation
from modelmux.anthropic.lib.tools._params import helpers_of

log = logging.getLogger("modelmux")

_STEPS = {"tool_use": "run", "pause_turn": "resume", "compaction": "resume"}
"""What follows on a reply, by why it stopped; anything else ends the run."""
_OPTIONS = ("extra_headers", "extra_query", "extra_body", "timeout")
_SYNC = (functions.BetaFunctionTool, functions.BetaBuiltinFunctionTool)
_ASYNC = (functions.BetaAsyncFunctionTool, functions.BetaAsyncBuiltinFunctionTool)


class _Runner:
    """What the four runners share. ``params``: a call's arguments; ``tools``: those of them that run here."""

    _streams = False
    _runs: tuple[type, ...] = _SYNC

    def __init__(
        self, *, params: dict[str, Any], options: dict[str, Any], tools: Any, client: Any, max_iterations: Any = None
    ) -> None:
        self._client, self._options = client, dict(options)
        self._conversation = Conversation(client, params)
        self._tools: dict[str, Any] = {tool.name: tool for tool in tools}
        self._limit = max_iterations if is_given(max_iterations) else None
        self._count, self._changed, self._closed = 0, False, False
        self._last: Any = None
        self._response: Any = None
        self._iterator = self._run()

    def __class_getitem__(cls, item: object) -> Any:
        return cls

    def _run(self) -> Any:
        """The replies, one after the other."""

    # --- what callers change between replies ---

    @property
    def _params(self) -> dict[str, Any]:
        return {**self._conversation.params, "messages": list(self._conversation.messages)}

    def set_messages_params(self, params: Any) -> None:
        """Replace what the next request says; a function gets what it says now. What tools gave is forgotten."""
        found = params(self._params) if callable(params) else params
        kept = {n: v for n, v in self._params.items() if n in ("betas", "user_profile_id", "workspace_id")}
        self._conversation.replace({**kept, **found})
        self._response = None

    def append_messages(self, *messages: Any) -> None:
        """Add messages. The history is the caller's then: the reply and its tools' results are not added to it."""
        self._conversation.append(*messages)
        self._changed, self._response = True, None

    def add_tools(self, *tools: Any) -> None:
        """Give the model more tools in the middle of the conversation."""
        for tool in tools:
            definition = tool if isinstance(tool, dict) else tool.to_dict()
            if isinstance(tool, dict):
                self._tools.pop(str(tool.get("name")), None)
            else:
                self._tools[tool.name] = tool
            self._conversation.tell("tool_addition", {"type": "tool_definition", "definition": definition})

    def remove_tools(self, *tools: Any) -> None:
        """Take tools away from the model in the middle of the conversation."""
        for tool in tools:
            name = tool if isinstance(tool, str) else tool.name
            self._tools.pop(name, None)
            self._conversation.tell("tool_removal", {"type": "tool_reference", "name": name})

    # --- the loop's parts ---

    def _asking(self) -> dict[str, Any]:
        """The arguments of the next request."""
        helpers = ["BetaToolRunner", *helpers_of(list(self._tools.values()), self._conversation.messages)]
        return self._conversation.arguments(self._options, helpers)

    def _parsed(self) -> Any:
        """Ask; the reply, or what is to be awaited for it."""
        face = Face.call("create").entry["t"]
        return self._client._ask(face, Face.parsing(self._asking(), self._client, helper=""))

    def _goes_on(self) -> bool:
        return not self._closed and (self._limit is None or self._count < self._limit)

    def _step(self, message: Any) -> str:
        """What follows on a reply; the reply is part of the history from here on."""
        self._count += 1
        self._conversation.record(message, add=not self._changed)
        return _STEPS.get(message.stop_reason, "stop")

    def _answered(self, response: Any) -> bool:
        """Put the tools' results into the history; says whether there is anything to ask."""
        if response is None and not self._changed:
            return False
        if not self._changed:
            self._conversation.append(response)
        return True

    def _next(self) -> None:
        self._changed, self._response = False, None

    def _calls(self, message: Any) -> list[Any]:
        return [block for block in message.content or () if block.type == "tool_use"]

    def _tool_for(self, call: Any) -> Any:
        tool = self._tools.get(call.name)
        if tool is None:
            warnings.warn(
                f"Tool '{call.name}' not found in tool runner. Available tools: {list(self._tools)}. If using a raw "
                "tool definition, handle the tool call manually and use `append_messages()` to add the result. "
                "Otherwise, pass the tool using `beta_tool(func)` or a `@beta_tool` decorated function.",
                UserWarning,
                stacklevel=4,
            )
        return tool

    @staticmethod
    def _result(call: Any, content: Any, *, failed: bool = False) -> dict[str, Any]:
        result = {"type": "tool_result", "tool_use_id": call.id, "content": content}
        return {**result, "is_error": True} if failed else result

    def _missing(self, call: Any) -> dict[str, Any]:
        return self._result(call, f"Error: Tool '{call.name}' not found", failed=True)

    def _failed(self, call: Any, error: Exception) -> dict[str, Any]:
        if isinstance(error, functions.ToolError):
            return self._result(call, _content(error.content), failed=True)
        log.error("Error occurred while calling tool: %s", call.name, exc_info=error)
        return self._result(call, repr(error), failed=True)


def _content(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else list(value)


class _Sync(_Runner):
    """A runner of blocking calls."""

    def __next__(self) -> Any:
        return self._iterator.__next__()

    def __iter__(self) -> Iterator[Any]:
        yield from self._iterator

    def close(self) -> None:
        """Stop before the next request."""
        self._closed = True
        if not self._iterator.gi_running:
            self._iterator.close()

    def _run(self) -> Any:
        while self._goes_on():
            with ExitStack() as stack:
                yield self._ask(stack)
                message = self._last_message()
            step = self._step(message)
            if step == "stop":
                return
            if step == "run" and not self._answered(self.generate_tool_call_response()):
                return
            self._next()

    def _ask(self, stack: ExitStack) -> Any:
        if self._streams:
            stream = self._client.beta.messages.stream
            self._last = self._conversation.asked(lambda: stack.enter_context(stream(**self._asking())))
        else:
            self._last = self._conversation.asked(self._parsed)
        return self._last

    def _last_message(self) -> Any:
        return self._last.get_final_message() if self._streams else self._last

    def until_done(self) -> Any:
        """Run to the end; gives the last message."""
        for _ in self:
            pass
        assert self._last is not None
        return self._last_message()

    def generate_tool_call_response(self) -> Any:
        """Run the tools that the last reply calls, once; gives the message with their results, None without calls."""
        if self._response is None and self._last is not None:
            calls = self._calls(self._last_message())
            if calls:
                self._response = {"role": "user", "content": [self._called(call) for call in calls]}
        return self._response

    def _called(self, call: Any) -> dict[str, Any]:
        tool = self._tool_for(call)
        if tool is None:
            return self._missing(call)
        try:
            return self._result(call, _content(tool.call(call.input)))
        except Exception as error:  # noqa: BLE001 - whatever a tool raises is told the model
            return self._failed(call, error)


class _Async(_Runner):
    """A runner of awaited calls."""

    _runs = _ASYNC

    async def __anext__(self) -> Any:
        return await self._iterator.__anext__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for item in self._iterator:
            yield item

    async def close(self) -> None:
        """Stop before the next request."""
        self._closed = True
        if not self._iterator.ag_running:
            await self._iterator.aclose()

    async def _run(self) -> Any:
        while self._goes_on():
            async with AsyncExitStack() as stack:
                yield await self._ask(stack)
                message = await self._last_message()
            step = self._step(message)
            if step == "stop":
                return
            if step == "run" and not self._answered(await self.generate_tool_call_response()):
                return
            self._next()

    async def _ask(self, stack: AsyncExitStack) -> Any:
        if self._streams:
            stream = self._client.beta.messages.stream
            self._last = await self._conversation.aasked(lambda: stack.enter_async_context(stream(**self._asking())))
        else:
            self._last = await self._conversation.aasked(self._parsed)
        return self._last

    async def _last_message(self) -> Any:
        return await self._last.get_final_message() if self._streams else self._last

    async def until_done(self) -> Any:
        """Run to the end; gives the last message."""
        async for _ in self:
            pass
        assert self._last is not None
        return await self._last_message()

    async def generate_tool_call_response(self) -> Any:
        """Run the tools that the last reply calls, once; gives the message with their results, None without calls."""
        if self._response is None and self._last is not None:
            calls = self._calls(await self._last_message())
            if calls:
                self._response = {"role": "user", "content": [await self._called(call) for call in calls]}
        return self._response

    async def _called(self, call: Any) -> dict[str, Any]:
        tool = self._tool_for(call)
        if tool is None:
            return self._missing(call)
        try:
            return self._result(call, _content(await tool.call(call.input)))
        except Exception as error:  # noqa: BLE001 - whatever a tool raises is told the model
            return self._failed(call, error)


class BetaToolRunner(_Sync):
    """Iterate over the model's messages; tools run in between."""


class BetaStreamingToolRunner(_Sync):
    """Iterate over the streams of the model's messages; tools run in between."""

    _streams = True


class BetaAsyncToolRunner(_Async):
    """:class:`BetaToolRunner`, async."""


class BetaAsyncStreamingToolRunner(_Async):
    """:class:`BetaStreamingToolRunner`, async."""

    _streams = True


def runner(client: Any, kwargs: dict[str, Any], *, is_async: bool) -> Any:
    """The runner of a call of ``tool_runner``. Raises TypeError for an argument that it has not, or for a tool of the
    other kind.
    """
    values = given(Call("tool_runner", Face.table("tool_runner")).bind((), dict(kwargs)))
    options = {name: values.pop(name) for name in _OPTIONS if values.get(name) is not None}
    stream, limit = values.pop("stream", False), values.pop("max_iterations", None)
    if values.pop("run_tools_eagerly", False) and not stream:
        raise ValueError("`run_tools_eagerly=True` and `stream=False` are mutually exclusive")
    Face.check(client, values, waits=False)
    config, wish = values.get("output_config"), values.get("output_format")
    if wish is not None and isinstance(config, dict) and config.get("format") is not None:
        raise errors.AnthropicError("Both output_format and output_config.format were provided.")
    kinds: Any = {
        (False, False): BetaToolRunner,
        (False, True): BetaStreamingToolRunner,
        (True, False): BetaAsyncToolRunner,
        (True, True): BetaAsyncStreamingToolRunner,
    }
    kind = kinds[is_async, bool(stream)]
    values["tools"] = list(values["tools"])
    other = _SYNC if is_async else _ASYNC
    for tool in values["tools"]:
        if isinstance(tool, other):
            words = ("a synchronous", "asynchronous") if is_async else ("an async", "synchronous")
            raise TypeError(f"Received {words[0]} tool ({type(tool).__name__}) in the {words[1]} tool_runner")
    tools = [tool for tool in values["tools"] if isinstance(tool, kind._runs)]
    return kind(params=values, options=options, tools=tools, client=client, max_iterations=limit)
