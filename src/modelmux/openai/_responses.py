"""The Responses API beyond the plain call: ``parse`` and ``stream``."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.absent import is_given, omit
from modelmux.openai.lib._parsing import _responses as lib
from modelmux.openai.lib._parsing._completions import options_of

_OF_RETRIEVAL = ("response_id", "starting_after", "include", "extra_headers", "extra_query", "extra_body", "timeout")


def _prepared(resource: Any, given: dict[str, Any], method: str) -> tuple[Any, Any, Any]:
    """A call that is to be parsed: its options, what to parse into, its tools."""
    kind = given.pop("text_format", omit)
    read_as = lib.read_as(kind, given.pop("parse_as", omit), given.get("input", omit))
    if is_given(kind):
        given["text"] = lib.with_format(given.get("text", omit), kind)
    tools = lib.as_tools(given.get("tools", omit))
    if is_given(tools):
        given["tools"] = tools
    given["extra_headers"] = {
        "X-Stainless-Helper-Method": f"responses.{method}",
        **(given.pop("extra_headers", None) or {}),
    }
    return options_of(resource, "create", given), read_as, tools


def _stream_options(resource: Any, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The request behind ``stream``, and what its events are made with: a new response, or one that is there."""
    identity = given.pop("response_id", omit)
    after = given.pop("starting_after", omit)
    if is_given(identity):
        kind, tools = given.pop("text_format", omit), lib.as_tools(given.pop("tools", omit))
        kept = {name: value for name, value in given.items() if name in _OF_RETRIEVAL}
        asked = {"response_id": identity, "stream": True, "starting_after": after, **kept}
        table = resource._registry_.resource(resource._ref_)["m"]["retrieve"]
        from modelmux._dropin.resources import Call

        call = Call("Responses.retrieve", table)
        options = call.options(call.bind((), asked))
        options.params = {**options.params, "stream": True}
        return options, {"text_format": kind, "input_tools": tools, "starting_after": after}
    if not is_given(given.get("model", omit)) and "prompt" not in given and "input" not in given:
        raise ValueError("response_id or input and model are required")
    options, kind, tools = _prepared(resource, {**given, "stream": True}, "stream")
    return options, {"text_format": kind, "input_tools": tools, "starting_after": after}


class Responses:
    """Of the blocking client."""

    _client: Any

    def parse(self, **given: Any) -> Any:
        """Ask, and parse the answer: ``text_format`` is a pydantic model."""
        options, kind, tools = _prepared(self, given, "parse")
        options.post_parser = lambda response: lib.finish(response, kind, tools)
        return self._client._ask(lib.PARSED, options)

    def stream(self, **given: Any) -> Any:
        """Follow a response by typed, accumulated events; a context manager."""
        from modelmux.openai.lib.streaming.responses import ResponseStreamManager

        options, how = _stream_options(self, given)
        return ResponseStreamManager(lambda: self._client._ask(lib.PARSED, options, lib.EVENT), **how)


class AsyncResponses:
    """Of the async client."""

    _client: Any

    async def parse(self, **given: Any) -> Any:
        """As :meth:`Responses.parse`."""
        options, kind, tools = _prepared(self, given, "parse")
        options.post_parser = lambda response: lib.finish(response, kind, tools)
        return await self._client._ask(lib.PARSED, options)

    def stream(self, **given: Any) -> Any:
        """As :meth:`Responses.stream`."""
        from modelmux.openai.lib.streaming.responses import AsyncResponseStreamManager

        options, how = _stream_options(self, given)
        return AsyncResponseStreamManager(self._client._ask(lib.PARSED, options, lib.EVENT), **how)
