"""``client.beta.messages``: the same calls with what is in beta, and tools that run by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux._dropin.absent import is_given, omit
from modelmux.anthropic import _exceptions as errors
from modelmux.anthropic import _messages, _parsed
from modelmux.anthropic.lib.tools._params import helpers_of, to_params


class Face(_messages.Face):
    """Messages with what is in beta."""

    ref = "resources.beta.messages.messages:Messages"
    stream_name = "beta.messages"
    parse_name = "beta.messages.parse"
    parsed = ("types.beta.parsed_beta_message:ParsedBetaMessage", "types.beta.parsed_beta_message:ParsedBetaTextBlock")
    beta = True

    @classmethod
    def prepare(cls, values: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        tools = values.get("tools", omit)
        if is_given(tools):
            helpers = helpers_of(tools, values["messages"])
            values["tools"] = to_params(tools)
        else:
            helpers = helpers_of((), values["messages"])
        if helpers:
            said = [headers["x-stainless-helper"]] if headers and "x-stainless-helper" in headers else []
            headers = {**(headers or {}), "x-stainless-helper": ", ".join([*said, *helpers])}
        super().prepare(values, headers)

    @classmethod
    def output(cls, values: dict[str, Any]) -> Any:
        config, wish = values.get("output_config", omit), values.get("output_format", omit)
        if _parsed.wanted(wish) and isinstance(config, Mapping) and config.get("format") is not None:
            raise errors.AnthropicError(
                "Both output_format and output_config.format were provided. "
                "Please use only output_config.format (output_format is deprecated)."
            )
        return super().output(values)


class Messages(_messages.Messages):
    """Methods of ``client.beta.messages``."""

    _face = Face

    def tool_runner(self, **kwargs: Any) -> Any:
        """Ask, run the tools that the model calls, and ask again, until it calls none: an iterator of its messages."""
        from modelmux.anthropic.lib.tools._beta_runner import runner

        return runner(self._client, kwargs, is_async=False)


class AsyncMessages(_messages.AsyncMessages):
    """Methods of ``client.beta.messages``, awaited."""

    _face = Face

    def tool_runner(self, **kwargs: Any) -> Any:
        """Ask, run the tools that the model calls, and ask again, until it calls none: an iterator of its messages."""
        from modelmux.anthropic.lib.tools._beta_runner import runner

        return runner(self._client, kwargs, is_async=True)


_messages.dressed(Messages, Face)
_messages.dressed(AsyncMessages, Face)
