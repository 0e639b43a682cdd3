"""``client.messages``: what its methods do beyond what a table can say."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from types import FunctionType
from typing import Any, ClassVar

from modelmux._dropin.absent import NotGiven, is_given, omit
from modelmux._dropin.options import RequestOptions
from modelmux._dropin.resources import Call, signature
from modelmux._dropin.timeouts import DEFAULT_TIMEOUT
from modelmux.anthropic import _parsed
from modelmux.anthropic._attached import with_files
from modelmux.anthropic._headers import joined_helpers
from modelmux.anthropic._registry import registry
from modelmux.anthropic.lib._parse._transform import output_config

SAMPLING = ("temperature", "top_p", "top_k")
"""What the vendor's SDK no longer names and deployed code still passes: taken, and sent."""


class Face:
    """One of the two places that messages are asked for at: where it is in the tables, and its classes."""

    ref = "resources.messages.messages:Messages"
    stream_name = "messages"
    parse_name = "messages.parse"
    parsed = ("types.parsed_message:ParsedMessage", "types.parsed_message:ParsedTextBlock")
    beta = False

    @classmethod
    def table(cls, method: str) -> Mapping[str, Any]:
        """What the tables say of a method; the sampling parameters are taken everywhere."""
        entry = registry.resource(cls.ref)["m"][method]
        return {**entry, "k": [*entry["k"], *(name for name in SAMPLING if name not in entry["k"])]}

    @classmethod
    @cache
    def call(cls, method: str) -> Call:
        """A method of the table. What ``stream`` and ``parse`` send is what ``create`` sends."""
        table = registry.resource(cls.ref)["m"]
        entry, like = table[method], table["create"]
        if method == "count_tokens":
            entry = {**entry, "header": like["header"] if not cls.beta else entry["header"]}
            sent = [name for name in entry["k"] if name in like["body"] or name == "mcp_servers"]
            return Call(f"Messages.{method}", {**entry, "body": sent})
        whole = {**like, **cls.table(method), "body": [*like["body"], *SAMPLING, "stream"]}
        return Call(f"Messages.{method}", whole)

    @classmethod
    def create(cls, client: Any, kwargs: dict[str, Any]) -> tuple[RequestOptions, Any]:
        """The request of ``create``, and the shape of its stream's events where it is one."""
        call = cls.call("create")
        values = call.bind((), kwargs)
        stream = values.get("stream")
        streams = bool(stream) and is_given(stream)
        cls.check(client, values, waits=not streams)
        cls.prepare(values)
        return call.options(values), call.entry["s"] if streams else None

    @classmethod
    def streamed(cls, kwargs: dict[str, Any], client: Any) -> tuple[RequestOptions, Any, Any]:
        """The request of ``stream``, its events' shape, and the type of the output."""
        call = cls.call("stream")
        values = call.bind((), kwargs)
        cls.check(client, values, waits=False)
        wish = cls.output(values)
        cls.prepare(values, {"x-stainless-helper-method": "stream", "x-stainless-stream-helper": cls.stream_name})
        values["stream"] = True
        return call.options(values), call.entry["s"], wish

    @classmethod
    def parsing(cls, kwargs: dict[str, Any], client: Any, *, helper: str | None = None) -> RequestOptions:
        """The request of ``parse``. ``helper``: who says it asks, where it is not ``parse`` itself."""
        call = cls.call("parse")
        values = call.bind((), kwargs)
        cls.check(client, values, waits=True)
        wish = cls.output(values)
        cls.prepare(values, {"x-stainless-helper": cls.parse_name} if helper is None else None)
        options = call.options(values)
        options.post_parser = lambda message: _parsed.parsed(message, wish, cls.parsed)
        return options

    @classmethod
    def counting(cls, kwargs: dict[str, Any]) -> RequestOptions:
        """The request of ``count_tokens``."""
        call = cls.call("count_tokens")
        values = call.bind((), kwargs)
        cls.output(values)
        cls.prepare(values)
        return call.options(values)

    @classmethod
    def output(cls, values: dict[str, Any]) -> Any:
        """Put the type of the output into ``output_config``; gives the type."""
        wish = values.pop("output_format", omit)
        if _parsed.wanted(wish):
            values["output_config"] = output_config(values.get("output_config", omit), wish)
        return wish

    @classmethod
    def prepare(cls, values: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """Add headers of ours below the caller's, and have the files in messages read."""
        if "messages" in values:
            values["messages"] = with_files(values["messages"])
        if headers:
            own = values.get("extra_headers") or {}
            helpers = _joined(headers, own)
            values["extra_headers"] = {**headers, **own, **helpers}

    @classmethod
    def check(cls, client: Any, values: dict[str, Any], *, waits: bool) -> None:
        """Warn of models that are about to go; set the time limit of an answer that is waited for. Raises ValueError
        where the wait may be too long.
        """
        model = values["model"]
        facts = registry.file("facts")
        if waits and client._mux is None and not _routed(model) and _untold(values.get("timeout", _NO), client):
            most = facts["MODEL_NONSTREAMING_TOKENS"].get(model) if isinstance(model, str) else None
            values["timeout"] = client._calculate_nonstreaming_timeout(values["max_tokens"], most)
        if not isinstance(model, str):
            return
        ends = facts["DEPRECATED_MODELS"].get(model)
        if ends is not None:
            message = f"The model '{model}' is deprecated and will reach end-of-life on {ends}.\nUse a newer model."
            warnings.warn(message, DeprecationWarning, stacklevel=4)
        if model in facts["MODELS_TO_WARN_WITH_THINKING_ENABLED"]:
            thinking = values.get("thinking")
            if isinstance(thinking, Mapping) and thinking.get("type") == "enabled":
                message = (
                    f"Using Claude with {model} and 'thinking.type=enabled' is deprecated. Use 'adaptive' instead."
                )
                warnings.warn(message, UserWarning, stacklevel=4)


_NO = NotGiven()


def _untold(timeout: Any, client: Any) -> bool:
    return type(timeout) is NotGiven and (client.timeout is DEFAULT_TIMEOUT or client.timeout == DEFAULT_TIMEOUT)


def _routed(model: Any) -> bool:
    return isinstance(model, str) and (model == "auto" or "/" in model)


def _joined(headers: Mapping[str, str], own: Mapping[str, Any]) -> dict[str, str]:
    found = joined_helpers(headers, own)
    return {"x-stainless-helper": found} if found else {}


METHODS = ("count_tokens", "create", "parse", "stream")


def dressed(cls: type, face: type[Face]) -> None:
    """Give a class functions of its own with the signatures that a table describes."""
    for name in METHODS:
        like: Any = getattr(cls, name)
        function: Any = FunctionType(like.__code__, like.__globals__, name, like.__defaults__, like.__closure__)
        function.__kwdefaults__, function.__doc__ = like.__kwdefaults__, like.__doc__
        function.__qualname__, function.__module__ = f"{cls.__name__}.{name}", cls.__module__
        function.__signature__ = signature(face.call(name).entry)
        setattr(cls, name, function)


class Messages:
    """Methods of ``client.messages``."""

    _face: ClassVar[type[Face]] = Face
    _client: Any

    def create(self, **kwargs: Any) -> Any:
        """Ask for a message; ``stream=True`` gives its events."""
        options, item = self._face.create(self._client, kwargs)
        return self._client._ask(self._face.call("create").entry["t"], options, item)

    def parse(self, **kwargs: Any) -> Any:
        """Ask for a message whose text is of a type: ``output_format=``."""
        return self._client._ask(self._face.call("create").entry["t"], self._face.parsing(kwargs, self._client))

    def stream(self, **kwargs: Any) -> Any:
        """Ask for a message as it comes: a context manager of a stream with ``text_stream`` and typed events."""
        from modelmux.anthropic.lib.streaming import _messages as streams

        options, item, wish = self._face.streamed(kwargs, self._client)
        ask, entry = self._client._ask, self._face.call("create").entry
        manager = streams.BetaMessageStreamManager if self._face.beta else streams.MessageStreamManager
        return manager(lambda: ask(entry["t"], options, item), output_format=wish)

    def count_tokens(self, **kwargs: Any) -> Any:
        """Ask how many tokens a request would have."""
        return self._client._ask(self._face.call("count_tokens").entry["t"], self._face.counting(kwargs))


class AsyncMessages:
    """Methods of ``client.messages``, awaited."""

    _face: ClassVar[type[Face]] = Face
    _client: Any

    async def create(self, **kwargs: Any) -> Any:
        """Ask for a message; ``stream=True`` gives its events."""
        options, item = self._face.create(self._client, kwargs)
        return await self._client._ask(self._face.call("create").entry["t"], options, item)

    async def parse(self, **kwargs: Any) -> Any:
        """Ask for a message whose text is of a type: ``output_format=``."""
        options = self._face.parsing(kwargs, self._client)
        return await self._client._ask(self._face.call("create").entry["t"], options)

    def stream(self, **kwargs: Any) -> Any:
        """Ask for a message as it comes: a context manager of a stream with ``text_stream`` and typed events."""
        from modelmux.anthropic.lib.streaming import _messages as streams

        options, item, wish = self._face.streamed(kwargs, self._client)
        ask, entry = self._client._ask, self._face.call("create").entry
        beta = self._face.beta
        manager = streams.BetaAsyncMessageStreamManager if beta else streams.AsyncMessageStreamManager
        return manager(lambda: ask(entry["t"], options, item), output_format=wish)

    async def count_tokens(self, **kwargs: Any) -> Any:
        """Ask how many tokens a request would have."""
        return await self._client._ask(self._face.call("count_tokens").entry["t"], self._face.counting(kwargs))


dressed(Messages, Face)
dressed(AsyncMessages, Face)

__all__ = ["AsyncMessages", "Face", "Messages", "dressed"]
