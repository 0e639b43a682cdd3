"""``responses.stream``: events folded into a response, those of text and arguments with what there is so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelmux._dropin.absent import is_given, omit
from modelmux._dropin.filling import build
from modelmux._dropin.folded import AsyncEventStream, AsyncStreamManager, EventStream, StreamManager
from modelmux._dropin.models import make
from modelmux.openai._registry import registry
from modelmux.openai.lib._parsing import _completions as parsing
from modelmux.openai.lib._parsing import _responses as lib

_T = "types.responses"
_RESPONSE = f"{_T}.response:Response"
_EXTENDED = {
    "ResponseTextDeltaEvent": (f"{_T}.response_text_delta_event:ResponseTextDeltaEvent", {"snapshot": "str"}),
    "ResponseTextDoneEvent": (f"{_T}.response_text_done_event:ResponseTextDoneEvent", {"parsed": ["opt", "any"]}),
    "ResponseFunctionCallArgumentsDeltaEvent": (
        f"{_T}.response_function_call_arguments_delta_event:ResponseFunctionCallArgumentsDeltaEvent",
        {"snapshot": "str"},
    ),
    "ResponseCompletedEvent": (
        f"{_T}.response_completed_event:ResponseCompletedEvent",
        {"response": lib.PARSED},
    ),
}
_made: dict[str, Any] = {}


def _class(name: str) -> Any:
    if name not in _made:
        ref, fields = _EXTENDED[name]
        _made[name] = make(name, __name__, (registry.cls(ref),), {"f": fields}, registry.shapes)
    return _made[name]


def __getattr__(name: str) -> Any:
    if name in _EXTENDED:
        return _class(name)
    if name == "ResponseStreamEvent":
        return registry.cls(lib.EVENT)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class ResponseStreamState:
    """Folds events."""

    def __init__(self, *, text_format: Any = omit, input_tools: Any = omit) -> None:
        self._format, self._tools = text_format, input_tools
        self._data: dict[str, Any] | None = None
        self._items: dict[int, dict[str, Any]] = {}
        self.final: Any = None

    def handle_event(self, event: Any) -> list[Any]:
        """The events that an event makes: itself, and more in it."""
        return list(self.events(event))

    def events(self, event: Any) -> Iterator[Any]:
        """As :meth:`handle_event`. An event without a response before it passes as it is."""
        kind = getattr(event, "type", None) or ""
        data = event.model_dump(exclude_unset=True) if hasattr(event, "model_dump") else {}
        item = self._fold(kind, data)
        extended = _BY_TYPE.get(kind)
        if kind == "response.completed":
            whole = dict(data.get("response") or {})
            if whole.get("output") is None:
                whole["output"] = self._output()
            self._check_calls(whole["output"])
            self.final = lib.parse_response(text_format=self._format, input_tools=self._tools, response=whole)
            made = build(_class("ResponseCompletedEvent"), {k: v for k, v in data.items() if k != "response"})
            made.response = self.final
            yield made
        elif kind in ("response.incomplete", "response.failed") and not (data.get("response") or {}).get("output"):
            event.response.output = build(registry.cls(_RESPONSE), {"output": self._output()}).output
            yield event
        elif extended is None or item is None:
            yield event
        else:
            name, field = extended
            more = item.get("arguments") if kind.startswith("response.function") else item.get("text")
            if field == "parsed":
                text = data.get("text")
                final = lib.is_final(self._phase(data))
                more = parsing.into(self._format, text) if final and parsing.is_kind(self._format) and text else None
            yield build(_class(name), {**data, field: more})

    def _renew(self, output: list[Any]) -> None:
        """Take the items of a response that came again. Raises RuntimeError where it cannot be said which is which."""
        taken: set[int] = set()
        for item in output:
            for index, known in self._items.items():
                if not _alike(known, item):
                    continue
                ids = known.get("id"), item.get("id")
                if index in taken or (ids[0] is not None and ids[0] != ids[1]):
                    raise RuntimeError("conflicting output identities: an item came again as another one")
                taken.add(index)
                self._items[index] = dict(item)
                break

    def _check_calls(self, output: list[Any]) -> None:
        known = {item["call_id"]: item for item in self._items.values() if item.get("call_id")}
        for item in output:
            before = known.get(item.get("call_id")) if isinstance(item, dict) else None
            if before is not None and before.get("id") and item.get("id") and before["id"] != item["id"]:
                raise RuntimeError("conflicting output item identity: its id changed")

    def _output(self) -> list[dict[str, Any]]:
        """The items so far, in order."""
        return [self._items[index] for index in sorted(self._items)]

    def _phase(self, data: dict[str, Any]) -> Any:
        """The phase of the message that an event is about."""
        return self._items.get(data.get("output_index", -1), {}).get("phase")

    def _fold(self, kind: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """The item or part that an event is about, after it."""
        if isinstance(data.get("response"), dict):
            if self._data is None:
                self._items = dict(enumerate(map(dict, data["response"].get("output") or [])))
            elif kind in ("response.in_progress", "response.queued"):
                self._renew(data["response"].get("output") or [])
            self._data = data["response"]
            return None
        index = data.get("output_index")
        if not isinstance(index, int):
            return None
        if kind == "response.output_item.added":
            self._items[index] = dict(data["item"])
        elif kind == "response.output_item.done":
            _same_item(self._items.get(index), data["item"])
            self._items[index] = dict(data["item"])
        elif index in self._items:
            return _fold_into(self._items[index], kind, data)
        return None


def _fold_into(item: dict[str, Any], kind: str, data: dict[str, Any]) -> dict[str, Any] | None:
    if kind == "response.content_part.added":
        item["content"] = [*(item.get("content") or []), dict(data["part"])]
    elif kind in ("response.output_text.delta", "response.output_text.done"):
        content, at = item.get("content") or [], data.get("content_index") or 0
        if at >= len(content):
            return None
        part: dict[str, Any] = content[at]
        part["text"] = (part.get("text") or "") + data["delta"] if kind.endswith("delta") else data.get("text")
        return part
    elif kind == "response.function_call_arguments.delta":
        item["arguments"] = (item.get("arguments") or "") + data["delta"]
        return item
    return None


def _alike(known: dict[str, Any], item: dict[str, Any]) -> bool:
    if known.get("type") != item.get("type"):
        return False
    if known.get("call_id") is not None:
        return bool(known["call_id"] == item.get("call_id"))
    return known.get("id") is not None and known["id"] == item.get("id")


def _same_item(known: dict[str, Any] | None, item: dict[str, Any]) -> None:
    """Raise RuntimeError where an item ends as another one than it began."""
    if known is None:
        return
    for key in ("type", "id", "call_id"):
        if known.get(key) is not None and item.get(key) is not None and known[key] != item[key]:
            raise RuntimeError(f"conflicting output item identity: its {key} changed")


_BY_TYPE = {
    "response.output_text.delta": ("ResponseTextDeltaEvent", "snapshot"),
    "response.output_text.done": ("ResponseTextDoneEvent", "parsed"),
    "response.function_call_arguments.delta": ("ResponseFunctionCallArgumentsDeltaEvent", "snapshot"),
}


class _Late:
    """Leaves out what came before the event that a caller wants to go on after."""

    def __init__(self, state: ResponseStreamState, after: Any) -> None:
        self._state, self._after = state, after if is_given(after) else None

    def events(self, event: Any) -> Iterator[Any]:
        made = self._state.events(event)
        number = getattr(event, "sequence_number", None)
        if self._after is not None and isinstance(number, int) and number <= self._after:
            for _ in made:
                pass
            return
        yield from made


class _Response:
    def __init__(
        self, *, raw_stream: Any, text_format: Any = omit, input_tools: Any = omit, starting_after: Any = None
    ) -> None:
        self._folded = ResponseStreamState(text_format=text_format, input_tools=input_tools)
        state = _Late(self._folded, starting_after)
        super().__init__(raw_stream, state)  # type: ignore[call-arg]  # of the stream that this is mixed into

    def _final(self) -> Any:
        if self._folded.final is None:
            raise RuntimeError("Didn't receive a `response.completed` event.")
        return self._folded.final


class ResponseStream(_Response, EventStream):
    """Events of a response that is being written."""

    def get_final_response(self) -> Any:
        """Wait for the end, and return the whole response, parsed. Raises RuntimeError when it never completed."""
        self.until_done()
        return self._final()


class AsyncResponseStream(_Response, AsyncEventStream):
    """:class:`ResponseStream`, async."""

    async def get_final_response(self) -> Any:
        """As :meth:`ResponseStream.get_final_response`."""
        await self.until_done()
        return self._final()


class ResponseStreamManager(StreamManager):
    """What ``responses.stream`` gives."""

    _stream_class = ResponseStream


class AsyncResponseStreamManager(AsyncStreamManager):
    """What it gives on an async client."""

    _stream_class = AsyncResponseStream
