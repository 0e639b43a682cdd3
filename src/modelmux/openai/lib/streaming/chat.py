"""``chat.completions.stream``: chunks folded into a completion, with an event for everything that happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelmux._dropin.absent import omit
from modelmux._dropin.filling import build
from modelmux._dropin.folded import AsyncEventStream, AsyncStreamManager, EventStream, StreamManager
from modelmux._dropin.models import make
from modelmux.openai._exceptions import ContentFilterFinishReasonError, LengthFinishReasonError
from modelmux.openai._registry import Made, registry
from modelmux.openai.lib._parsing import _completions as parsing

_PARSED = "types.chat.parsed_chat_completion:ParsedChatCompletion"
_LOGPROBS = ["list", "types.chat.chat_completion_token_logprob:ChatCompletionTokenLogprob"]
_EVENTS: dict[str, dict[str, Any]] = {
    "ChunkEvent": {"type": ["lit", "chunk"], "chunk": "any", "snapshot": "any"},
    "ContentDeltaEvent": {
        "type": ["lit", "content.delta"],
        "delta": "str",
        "snapshot": "str",
        "parsed": ["opt", "any"],
    },
    "ContentDoneEvent": {"type": ["lit", "content.done"], "content": "str", "parsed": ["opt", "any"]},
    "RefusalDeltaEvent": {"type": ["lit", "refusal.delta"], "delta": "str", "snapshot": "str"},
    "RefusalDoneEvent": {"type": ["lit", "refusal.done"], "refusal": "str"},
    "FunctionToolCallArgumentsDeltaEvent": {
        "type": ["lit", "tool_calls.function.arguments.delta"],
        "name": "str",
        "index": "int",
        "arguments": "str",
        "parsed_arguments": "any",
        "arguments_delta": "str",
    },
    "FunctionToolCallArgumentsDoneEvent": {
        "type": ["lit", "tool_calls.function.arguments.done"],
        "name": "str",
        "index": "int",
        "arguments": "str",
        "parsed_arguments": "any",
    },
    "LogprobsContentDeltaEvent": {
        "type": ["lit", "logprobs.content.delta"],
        "content": _LOGPROBS,
        "snapshot": _LOGPROBS,
    },
    "LogprobsContentDoneEvent": {"type": ["lit", "logprobs.content.done"], "content": _LOGPROBS},
    "LogprobsRefusalDeltaEvent": {
        "type": ["lit", "logprobs.refusal.delta"],
        "refusal": _LOGPROBS,
        "snapshot": _LOGPROBS,
    },
    "LogprobsRefusalDoneEvent": {"type": ["lit", "logprobs.refusal.done"], "refusal": _LOGPROBS},
}
_made: dict[str, Any] = {}


def event(kind: str, **fields: Any) -> Any:
    """An event of a class of this module."""
    return build(_class(kind), {"type": _EVENTS[kind]["type"][1], **fields})


def _class(kind: str) -> Any:
    if kind not in _made:
        _made[kind] = make(kind, __name__, (Made,), {"f": _EVENTS[kind]}, registry.shapes)
    return _made[kind]


def __getattr__(name: str) -> Any:
    if name in _EVENTS:
        return _class(name)
    if name == "ChatCompletionStreamEvent":
        return Made
    if name.startswith("Parsed") and name.endswith("Snapshot"):
        return registry.cls(f"types.chat.parsed_chat_completion:{name.removesuffix('Snapshot')}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def accumulate(into: dict[str, Any], delta: dict[str, Any]) -> None:
    """Fold a delta into what there is: text is appended, numbers replace, entries of lists go by their ``index``."""
    for key, value in delta.items():
        held = into.get(key)
        if held is None and isinstance(value, list):
            into[key] = []
            _accumulate_list(into[key], value)
        elif held is None or key in ("index", "type") or value is None:
            if value is not None or key not in into:
                into[key] = _copied(value)
        elif isinstance(value, str) and isinstance(held, str):
            into[key] = held + value
        elif isinstance(value, dict) and isinstance(held, dict):
            accumulate(held, value)
        elif isinstance(value, list) and isinstance(held, list):
            _accumulate_list(held, value)
        else:
            into[key] = value


def _accumulate_list(held: list[Any], more: list[Any]) -> None:
    for entry in more:
        index = entry.get("index") if isinstance(entry, dict) else None
        if index is None:
            held.append(_copied(entry))
            continue
        found = next((one for one in held if isinstance(one, dict) and one.get("index") == index), None)
        if found is None:
            held.append(_copied(entry))
        else:
            accumulate(found, entry)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


class _Choice:
    """Which events of one choice have been told."""

    __slots__ = ("content_done", "refusal_done", "tool", "tools_done")

    def __init__(self) -> None:
        self.content_done = self.refusal_done = False
        self.tool: int | None = None
        self.tools_done: set[int] = set()


class ChatCompletionStreamState:
    """Folds chunks. Usable without a client: ``handle_chunk`` for each, then ``get_final_completion``."""

    def __init__(self, *, input_tools: Any = omit, response_format: Any = omit) -> None:
        self._tools = list(input_tools) if input_tools else []
        self._format = response_format
        self._kind = response_format if parsing.is_kind(response_format) else None
        self._strict = parsing.parseable(response_format, self._tools)
        self._data: dict[str, Any] | None = None
        self._choices: dict[int, _Choice] = {}

    @property
    def current_completion_snapshot(self) -> Any:
        """The completion so far."""
        assert self._data is not None, "no chunk has come yet"
        snapshot = build(registry.cls(_PARSED), self._data)
        if self._kind is not None:
            for choice in snapshot.choices:
                content = choice.message.__dict__.get("content")
                if content:
                    done = self._choices.get(choice.index)
                    whole = done is not None and done.content_done
                    choice.message.parsed = parsing.into(self._kind, content) if whole else parsing.partial(content)
        return snapshot

    def get_final_completion(self) -> Any:
        """The whole completion, parsed."""
        return parsing.finish(build(registry.cls(_PARSED), self._data or {}), self._format, self._tools)

    def handle_chunk(self, chunk: Any) -> list[Any]:
        """The events that a chunk makes."""
        return list(self.events(chunk))

    def events(self, chunk: Any) -> Iterator[Any]:
        data = chunk.model_dump(exclude_unset=True)
        self._fold(data)
        yield event("ChunkEvent", chunk=chunk, snapshot=self.current_completion_snapshot)
        for choice in data.get("choices") or ():
            yield from self._choice_events(choice)

    # --- folding ---

    def _fold(self, chunk: dict[str, Any]) -> None:
        if self._data is None:
            head = {key: value for key, value in chunk.items() if key not in ("choices", "obfuscation")}
            self._data = {**head, "object": "chat.completion", "choices": []}
        else:
            for key in ("usage", "system_fingerprint", "service_tier", "moderation"):
                if chunk.get(key) is not None:
                    self._data[key] = chunk[key]
        for choice in chunk.get("choices") or ():
            held = self._held(choice["index"])
            accumulate(held["message"], choice.get("delta") or {})
            if choice.get("finish_reason"):
                held["finish_reason"] = choice["finish_reason"]
                if self._strict:
                    self._check(choice["finish_reason"])
            for key, value in choice.items():
                if key == "logprobs" and value:
                    held["logprobs"] = held.get("logprobs") or {"content": None, "refusal": None}
                    for name in ("content", "refusal"):
                        if value.get(name) is not None:
                            held["logprobs"][name] = [*(held["logprobs"].get(name) or []), *value[name]]
                elif key not in ("delta", "finish_reason", "index", "logprobs"):
                    held[key] = value

    def _held(self, index: int) -> dict[str, Any]:
        assert self._data is not None
        choices: list[dict[str, Any]] = self._data["choices"]
        found = next((choice for choice in choices if choice["index"] == index), None)
        if found is None:
            found = {"finish_reason": None, "index": index, "logprobs": None, "message": {}}
            choices.append(found)
            choices.sort(key=lambda choice: int(choice["index"]))
        return found

    def _check(self, reason: str) -> None:
        if reason == "length":
            raise LengthFinishReasonError(completion=build(registry.cls(_PARSED), self._data or {}))
        if reason == "content_filter":
            raise ContentFilterFinishReasonError(completion=build(registry.cls(_PARSED), self._data or {}))

    # --- events ---

    def _choice_events(self, choice: dict[str, Any]) -> Iterator[Any]:
        index, delta = choice["index"], choice.get("delta") or {}
        held, told = self._held(index), self._choices.setdefault(index, _Choice())
        message = held["message"]
        if delta.get("content") is not None and message.get("content") is not None:
            parsed = parsing.partial(message["content"]) if self._kind is not None else None
            yield event("ContentDeltaEvent", delta=delta["content"], snapshot=message["content"], parsed=parsed)
        if delta.get("refusal") is not None and message.get("refusal") is not None:
            yield event("RefusalDeltaEvent", delta=delta["refusal"], snapshot=message["refusal"])
        for call in delta.get("tool_calls") or ():
            yield from self._call_delta(message, call)
        logprobs = choice.get("logprobs") or {}
        for name, kind in (("content", "LogprobsContentDeltaEvent"), ("refusal", "LogprobsRefusalDeltaEvent")):
            if logprobs.get(name):
                yield event(kind, **{name: logprobs[name], "snapshot": held["logprobs"][name]})
        yield from self._done_events(delta, held, told)

    def _call_delta(self, message: dict[str, Any], call: dict[str, Any]) -> Iterator[Any]:
        held = self._call(message, call["index"])
        if held is None or (held.get("type") or "function") != "function":
            return
        function, text = held["function"], (call.get("function") or {}).get("arguments") or ""
        arguments = function.get("arguments") or ""
        yield event(
            "FunctionToolCallArgumentsDeltaEvent",
            name=function.get("name"),
            index=call["index"],
            arguments=arguments,
            parsed_arguments=parsing.partial(arguments) if self._is_strict(function.get("name")) else None,
            arguments_delta=text,
        )

    def _is_strict(self, name: Any) -> bool:
        functions = (tool.get("function") or {} for tool in self._tools)
        return any(function.get("name") == name and function.get("strict") for function in functions)

    @staticmethod
    def _call(message: dict[str, Any], index: int) -> dict[str, Any] | None:
        calls = message.get("tool_calls") or ()
        return next((call for call in calls if call.get("index") == index), None)

    def _done_events(self, delta: dict[str, Any], held: dict[str, Any], told: _Choice) -> Iterator[Any]:
        if held.get("finish_reason"):
            yield from self._content_done(held, told)
            if told.tool is not None and told.tool not in told.tools_done:
                yield from self._call_done(held["message"], told, told.tool)
        for call in delta.get("tool_calls") or ():
            if told.tool != call["index"]:
                yield from self._content_done(held, told)
                if told.tool is not None and told.tool not in told.tools_done:
                    yield from self._call_done(held["message"], told, told.tool)
            told.tool = call["index"]

    def _content_done(self, held: dict[str, Any], told: _Choice) -> Iterator[Any]:
        message, logprobs = held["message"], held.get("logprobs") or {}
        if message.get("content") and not told.content_done:
            told.content_done = True
            parsed = None if self._kind is None else parsing.into(self._kind, message["content"])
            yield event("ContentDoneEvent", content=message["content"], parsed=parsed)
            if logprobs.get("content") is not None:
                yield event("LogprobsContentDoneEvent", content=logprobs["content"])
        if message.get("refusal") is not None and not told.refusal_done:
            told.refusal_done = True
            yield event("RefusalDoneEvent", refusal=message["refusal"])
            if logprobs.get("refusal") is not None:
                yield event("LogprobsRefusalDoneEvent", refusal=logprobs["refusal"])

    def _call_done(self, message: dict[str, Any], told: _Choice, index: int) -> Iterator[Any]:
        told.tools_done.add(index)
        call = self._call(message, index)
        if call is not None and (call.get("type") or "function") == "function":
            function = call["function"]
            arguments = function.get("arguments") or ""
            yield event(
                "FunctionToolCallArgumentsDoneEvent",
                name=function.get("name"),
                index=index,
                arguments=arguments,
                parsed_arguments=parsing.arguments_of(self._tools, function.get("name"), arguments),
            )


class _Completion:
    _state: ChatCompletionStreamState

    def __init__(self, *, raw_stream: Any, response_format: Any = omit, input_tools: Any = omit) -> None:
        state = ChatCompletionStreamState(response_format=response_format, input_tools=input_tools)
        super().__init__(raw_stream, state)  # type: ignore[call-arg]  # of the stream that this is mixed into

    @property
    def current_completion_snapshot(self) -> Any:
        """The completion so far."""
        return self._state.current_completion_snapshot


class ChatCompletionStream(_Completion, EventStream):
    """Events of a completion that is being written."""

    def get_final_completion(self) -> Any:
        """Wait for the end, and return the whole completion, parsed."""
        self.until_done()
        return self._state.get_final_completion()


class AsyncChatCompletionStream(_Completion, AsyncEventStream):
    """:class:`ChatCompletionStream`, async."""

    async def get_final_completion(self) -> Any:
        """As :meth:`ChatCompletionStream.get_final_completion`."""
        await self.until_done()
        return self._state.get_final_completion()


class ChatCompletionStreamManager(StreamManager):
    """What ``chat.completions.stream`` gives."""

    _stream_class = ChatCompletionStream


class AsyncChatCompletionStreamManager(AsyncStreamManager):
    """What it gives on an async client."""

    _stream_class = AsyncChatCompletionStream
