"""Asking for answers: one request or several, where the model asks for functions that may be called, or stops to go on.

Generators of effects, for whoever drives them; ``is_async`` says where functions may be awaited.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from modelmux._dropin.filling import build
from modelmux._dropin.flow import CALL, READ
from modelmux.google.genai import _continue, _functions, _schema, _wire, types
from modelmux.google.genai._api import EMIT, Api, Ask, Flow, Reader, kept
from modelmux.google.genai._content import contents as turns
from modelmux.google.genai._mixins import candidate_of, content_of
from modelmux.google.genai.errors import UnsupportedFunctionError

logger = logging.getLogger("modelmux")


def config_of(given: Any) -> Any:
    """A configuration as its type; None for none. Raises pydantic's ValidationError."""
    if not given or isinstance(given, types.GenerateContentConfig):
        return given or None
    return types.GenerateContentConfig.model_validate(given)


def ask(api: Api, model: str, contents: Any, config: Any, *, stream: bool, usage: str = "") -> Ask:
    """The request for one answer."""
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    body = _wire.generate(api, contents, config)
    ours = getattr(config, "modelmux", None)
    if ours:
        body["modelmux"] = ours
    name = _wire.model_name(api, model)
    options = config.http_options if config is not None else None
    return Ask("POST", f"{name}:{verb}", body, options, model, usage)


def answer(value: Any, got: Any, config: Any) -> Any:
    """An answer of its JSON."""
    made = kept(build(types.GenerateContentResponse, value if isinstance(value, dict) else {}), got)
    if config is not None:
        wanted = config.response_schema if config.response_schema is not None else config.response_json_schema
        if wanted is not None:
            return _schema.parsed(made, wanted)
    return made


def once(api: Api, model: str, contents: Any, config: Any, usage: str, is_async: bool) -> Flow:
    """One answer, put together of several where the model stopped to go on."""
    got_all = []
    asked, token = config, None
    while True:
        request = ask(api, model, contents, asked, stream=False, usage=usage)
        if config is not None and config.should_return_http_response:
            got = yield from api.send(request, is_async)
            body = yield READ, got
            made = types.HttpResponse(headers=dict(got.headers), body=body.decode())
            return types.GenerateContentResponse(sdk_http_response=made)
        value, got = yield from api.value(request, is_async)
        got_all.append(answer(value, got, config))
        token = _continue.token_of(got_all[-1], config, token)
        if token is None:
            return _continue.merged(got_all, config)
        asked = _continue.asking(config, token)


class Round(Protocol):
    """Who remembers what was said: told after each request what the model said, whether that was whole, and the turn
    that comes next, None at the end.
    """

    def __call__(self, output: list[Any], is_valid: bool, following: Any) -> None: ...


def several(
    api: Api, model: str, contents: Any, config: Any, is_async: bool, usage: str = "", memory: Round | None = None
) -> Flow:
    """The last answer of a call, functions called on the way."""
    plan = _functions.Plan(config, is_async=is_async)
    _check_sessions(config, is_async)
    history: list[Any] = []
    left, usage = plan.limit, ("+afc" if plan.functions or (usage and plan.on) else "") + usage
    while True:
        response = yield from once(api, model, contents, config, usage, is_async)
        left -= 1
        output = _output(response)
        calls = _functions.asked_for(response) if plan.functions and left > 0 else []
        parts = (yield from answers(calls, plan.functions, is_async)) if calls else []
        following = types.Content(role="user", parts=parts) if parts else None
        if memory is not None:
            memory(output, valid(response), following)
        if following is None:
            break
        contents = _grown(contents, history, [*output, following])
    if plan.on and plan.history and memory is None:
        response.automatic_function_calling_history = history
    return response


def several_streams(
    api: Api, model: str, contents: Any, config: Any, is_async: bool, usage: str = "", memory: Round | None = None
) -> Flow:
    """:func:`several`, each piece of an answer emitted as it comes."""
    plan = _functions.Plan(config, is_async=is_async)
    _check_sessions(config, is_async)
    if config is not None and config.should_return_http_response:
        raise ValueError("Accessing the raw HTTP response is not supported in streaming methods.")
    if plan.on:
        _check_stream(config)
    history: list[Any] = []
    left, usage = plan.limit, ("+afc" if plan.functions or (usage and plan.on) else "") + usage
    while True:
        left -= 1
        turn = _Turn()
        hops = _continue.Hops(config)
        while hops.again:
            request = ask(api, model, contents, hops.begin(), stream=True, usage=usage)
            try:
                got = yield from api.send(request, is_async)
                reader = Reader(got)
                while (values := (yield from reader.more())) is not None:
                    for value in values:
                        chunk = turn.seen(hops.seen(answer(value, got, config)))
                        if history and plan.history and memory is None:
                            chunk.automatic_function_calling_history = history
                        if left > 0 and plan.functions:
                            turn.parts += yield from answers(_functions.asked_for(chunk), plan.functions, is_async)
                        yield EMIT, chunk
            except Exception as error:  # noqa: BLE001 - raised by end() where the stream cannot go on
                hops.broken(error)
            hops.end()
        following = types.Content(role="user", parts=turn.parts) if turn.parts else None
        if memory is not None:
            memory(turn.output, turn.is_valid and turn.finished, following)
        if following is None:
            return
        contents = _grown(contents, history, [*turn.output, following])


class _Turn:
    """What a streamed answer has said so far."""

    def __init__(self) -> None:
        self.output: list[Any] = []
        self.parts: list[Any] = []
        self.is_valid, self.finished = True, False

    def seen(self, chunk: Any) -> Any:
        self.output += _output(chunk)
        self.is_valid = self.is_valid and valid(chunk)
        candidate = candidate_of(chunk)
        self.finished = self.finished or bool(candidate is not None and candidate.finish_reason)
        return chunk


def _output(response: Any) -> list[Any]:
    content = content_of(response)
    return [] if content is None else [content]


def valid(response: Any) -> bool:
    """Whether an answer says something in each of its parts."""
    return all(map(valid_turn, _output(response) or [None]))


def valid_turn(turn: Any) -> bool:
    parts = turn.parts if turn is not None else None
    if not isinstance(parts, list) or not parts:
        return False
    return all(isinstance(part, types.Part) and any(v is not None for v in vars(part).values()) for part in parts)


def _grown(contents: Any, history: list[Any], more: list[Any]) -> list[Any]:
    """The contents with what the model said and what its functions gave; the history grows with them."""
    before = turns(contents)
    if not history:
        history += before
    history += more
    return [*before, *more]


def answers(calls: list[Any], functions: Mapping[str, Callable[..., Any]], is_async: bool) -> Flow:
    """What the functions that are called for give, as parts. One that fails says so to the model."""
    parts = []
    for call in calls:
        function = functions.get(call.name)
        if function is None:
            told = {"error": f"there is no function {call.name!r} here"}
            parts.append(_functions.answer_part(call.name, told))
            continue
        try:
            given = _functions.arguments(function, call.args)
            try:
                result = {"result": (yield CALL, _called(function, given, is_async))}
            except Exception as error:  # noqa: BLE001 - the model is told
                result = {"error": _functions.failure(function, given, call.args, error)}
        except ValueError as error:
            result = {"error": str(error)}
        parts.append(_functions.answer_part(call.name, result))
    return parts


def _called(function: Callable[..., Any], given: Mapping[str, Any], is_async: bool) -> Callable[[], Any]:
    """A call to be made; on an event loop, of a function that blocks, on a thread."""
    if is_async and not inspect.iscoroutinefunction(function):
        return lambda: asyncio.to_thread(function, **given)
    return lambda: function(**given)


def _check_sessions(config: Any, is_async: bool) -> None:
    tools = (config.tools if config is not None else None) or ()
    if any(type(tool).__name__ == "ClientSession" for tool in tools):
        where = "here: list its tools and give them as declarations" if is_async else "in synchronous methods"
        raise UnsupportedFunctionError(f"MCP sessions are not supported {where}.")


def _check_stream(config: Any) -> None:
    calling = config.tool_config.function_calling_config if config is not None and config.tool_config else None
    if calling is not None and calling.stream_function_call_arguments:
        raise ValueError(
            "Running in streaming mode with stream_function_call_arguments enabled, this feature is not compatible with"
            " automatic function calling (AFC). Please set config.automatic_function_calling.disable to True, or leave"
            " config.tool_config.function_calling_config.stream_function_call_arguments empty."
        )
