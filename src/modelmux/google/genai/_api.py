"""One client's calls, below what they mean: a request is made, sent, perhaps again, and its answer read or streamed.

Written once for sync and async, as generators of effects (:mod:`modelmux._dropin.flow`), which :mod:`._drive` performs.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from modelmux._dropin import families
from modelmux._dropin.filling import note
from modelmux._dropin.flow import CALL, CLOSE, READ, SEND, SLEEP
from modelmux._dropin.payload import json_bytes
from modelmux._dropin.timeouts import Timeout
from modelmux._dropin.transport import Asked, Got, timed_out
from modelmux._dropin.wires import AsyncWire, Wire
from modelmux._http import SSEDecoder
from modelmux._json import loads
from modelmux.errors import ConnectionFailed, ModelmuxError
from modelmux.google.genai._settings import (
    Retries,
    Settings,
    joined,
    merged,
    options_of,
    seconds,
    with_sdk,
    with_timeout,
)
from modelmux.google.genai.errors import APIError, UnknownApiResponseError, error_class

PULL, EMIT = 5, 6
"""Effects of streams beside those of the flow: the next bytes of a Got, empty at its end; an item for the caller."""

Flow = Generator[tuple[int, Any], Any, Any]


@dataclass(slots=True)
class Ask:
    """One request, before it meets the client's settings. ``model`` is named where the call may be routed by it;
    ``usage`` is said of the SDK in the headers.
    """

    method: str
    path: str
    body: Any = None
    options: Any = None
    model: str | None = None
    usage: str = ""
    headers: Mapping[str, str] | None = None


class Api:
    """What the clients, sync and async, share: settings and connections."""

    def __init__(self, settings: Settings, mux: Any) -> None:
        self.settings, self.mux = settings, mux
        self._wires: dict[bool, Any] = {}
        self._routes: dict[int, Any] = {}

    @property
    def vertexai(self) -> bool:
        return self.settings.vertexai

    @property
    def project(self) -> str | None:
        return self.settings.project

    @property
    def location(self) -> str | None:
        return self.settings.location

    @property
    def api_key(self) -> str | None:
        return self.settings.api_key

    # --- connections ---

    def wire(self, is_async: bool) -> Any:
        found = self._wires.get(is_async)
        if found is None:
            found = (AsyncWire if is_async else Wire)(self._http_client(is_async))
            found = self._wires.setdefault(is_async, found)
        return found

    def _http_client(self, is_async: bool) -> Any:
        """The caller's HTTP client, or one made as the caller says; None for the default engine."""
        options = self.settings.http_options
        if options is None:
            return None
        own = options.httpx_async_client if is_async else options.httpx_client
        args = options.async_client_args if is_async else options.client_args
        if own is not None or not args:
            return own
        family = _family_of(args.values())
        made = family.AsyncClient if is_async else family.Client
        known = inspect.signature(made.__init__).parameters
        usual = {"follow_redirects": True, "timeout": None}
        return made(**{**usual, **{name: value for name, value in args.items() if name in known}})

    def close(self) -> None:
        wire = self._wires.get(False)
        if wire is not None:
            self._spare(wire, "httpx_client")
            wire.close()

    async def aclose(self) -> None:
        wire = self._wires.get(True)
        if wire is not None:
            self._spare(wire, "httpx_async_client")
            await wire.close()

    def _spare(self, wire: Any, name: str) -> None:
        """A client that the caller made is the caller's to close."""
        if wire.http_client is getattr(self.settings.http_options, name, None):
            wire.http_client = None

    # --- requests ---

    def asked(self, ask: Ask) -> Asked:
        """A request as it goes out. Raises ValueError for a key that is for another service."""
        settings, options = self.settings, ask.options
        if settings.api_key and settings.api_key.startswith("auth_tokens/"):
            raise ValueError("Ephemeral tokens can only be used with the live API.")
        base = (options.base_url if options else None) or settings.base_url
        headers = settings.headers
        if (options and options.headers) or ask.usage or ask.headers:
            more = {**((options.headers if options else None) or {}), **(ask.headers or {})}
            headers = with_sdk(_over(headers, more), ask.usage)
        client = settings.http_options
        given = next((one.timeout for one in (options, client) if one is not None and one.timeout is not None), None)
        limit = seconds(given)
        headers = dict(headers)
        with_timeout(headers, limit)
        body = ask.body
        for extra in (client.extra_body if client else None, options.extra_body if options else None)[::-1]:
            if extra and isinstance(body, dict | None):
                body = merged(body or {}, extra)
                break
        route = self._route(ask.model, body) if ask.model is not None else None
        return Asked(
            ask.method.upper(),
            self._url(ask.method, ask.path, base, options),
            {name.lower(): value for name, value in headers.items()},
            None if not body else body if isinstance(body, bytes) else json_bytes(body),
            Timeout(limit),
            json=body if isinstance(body, dict) else None,
            route=route,
        )

    def _url(self, method: str, path: str, base: str, options: Any) -> str:
        settings, client = self.settings, self.settings.http_options
        scope = (options.base_url_resource_scope if options else None) or (
            client.base_url_resource_scope if client else None
        )
        collection = scope is not None and scope.value == "COLLECTION"
        below = bool(settings.project or settings.location)
        public = method == "GET" and path.startswith("publishers/")
        scoped = settings.custom_base_url and collection
        if settings.vertexai and below and not public and not scoped and not path.startswith("projects/"):
            path = f"projects/{settings.project}/locations/{settings.location}/{path}"
        if collection:
            return joined(base, path.replace("{api_version}/", ""))
        if settings.custom_base_url and not (settings.project and settings.location) and not settings.api_key:
            return base
        version = (options.api_version if options else None) or settings.api_version
        if "{api_version}" in path:
            return joined(base, path.replace("{api_version}", version))
        return joined(base, f"{version}/{path}")

    def _route(self, model: str, body: Any) -> Any:
        """Where the call is to be routed: the client has a Mux, the request has options of ours, or the model is
        ``auto`` or another provider's while the client speaks to the Gemini API's own address. None for straight to
        the vendor.
        """
        mux = self.mux
        if mux is None:
            ours = isinstance(body, dict) and "modelmux" in body
            if not ours and not (self.settings.at_home and _is_routed(model)):
                return None
            from modelmux import default_mux

            mux = default_mux()
        found = self._routes.get(id(mux))
        if found is None:
            from modelmux._dropin.routed import Route

            found = self._routes[id(mux)] = Route(mux)
        return found

    def _token(self, is_async: bool) -> Flow:
        """The header with the token that the platform wants where there is no key."""
        settings = self.settings
        if not settings.vertexai or settings.api_key or not (settings.project or settings.location):
            return {}
        from modelmux.google.genai import _tokens

        given = settings.credentials
        if given is None:
            token = yield from _tokens.of_environment()
            return {"authorization": f"Bearer {token}"}
        token = yield CALL, (lambda: _aside(given)) if is_async else (lambda: _tokens.of_credentials(given))
        quota = getattr(given, "quota_project_id", None)
        return {"authorization": f"Bearer {token}"} | ({"x-goog-user-project": quota} if quota else {})

    # --- the call ---

    def send(self, ask: Ask, is_async: bool) -> Flow:
        """Ask until there is a good answer: its Got, unread. Raises APIError, or what the HTTP family raises."""
        asked = self.asked(ask)
        client = self.settings.http_options
        mine = ask.options.retry_options if ask.options is not None else None
        retries = Retries(mine if mine is not None else client.retry_options if client else None)
        attempt = 0
        while True:
            attempt += 1
            asked.headers.update((yield from self._token(is_async)))
            try:
                got: Got = yield SEND, asked
            except Exception as error:
                if attempt < retries.attempts and _passes(error):
                    yield SLEEP, retries.pause(attempt)
                    continue
                raise _as_family(error, asked) from error
            if got.status == 200:
                return got
            if attempt < retries.attempts and got.status in retries.statuses:
                yield CLOSE, got
                yield SLEEP, retries.pause(attempt)
                continue
            yield from _read(got)
            raise failed(got)

    def value(self, ask: Ask, is_async: bool) -> Flow:
        """Ask for JSON: it, and the Got it came in."""
        got = yield from self.send(ask, is_async)
        yield from _read(got)
        if got.value is not None:
            return got.value, got
        return (_loaded(got.content) if got.content else {}), got


class Reader:
    """The JSON values of a stream, as they come."""

    def __init__(self, got: Got) -> None:
        self._got, self._decoder = got, SSEDecoder()
        self._raw: list[bytes] | None = None
        self._begun = self._done = False

    def more(self) -> Flow:
        """The next values, perhaps none yet; None at the end. Raises APIError for an error in the stream's midst."""
        if self._done:
            return None
        try:
            data = yield PULL, self._got
        except ModelmuxError as error:
            raise _as_family(error, self._got.asked) from error
        if not self._begun and data:
            self._begun = True
            if data.lstrip()[:1] in (b"{", b"["):
                self._raw = []  # no stream, such as an error's JSON: read whole
        self._done = not data
        if self._raw is not None:
            self._raw.append(data)
            if data:
                return []
            value = _json(b"".join(self._raw))
            return [self._good(one) for one in (value if isinstance(value, list) else [value])]
        events = self._decoder.feed(data) if data else self._decoder.close()
        return [self._good(_json(event.data)) for event in events]

    def _good(self, value: Any) -> Any:
        error = value.get("error") if isinstance(value, dict) else None
        if error is None:
            return value
        code = error.get("code") if isinstance(error, dict) else None
        kind = error_class(code if isinstance(code, int) else 0)
        raise kind(code, value, self._got)  # type: ignore[arg-type]  # as it was told


def _read(got: Got) -> Flow:
    try:
        yield READ, got
    except ModelmuxError as error:
        raise _as_family(error, got.asked) from error


def _over(headers: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Headers with others over them, whatever the case of their names; those that name the SDK are added to."""
    taken = {name.lower() for name in more}
    return {**{name: value for name, value in headers.items() if name.lower() not in taken}, **more}


def _is_routed(model: str) -> bool:
    prefix, slash, rest = model.partition("/")
    if prefix in ("models", "tunedModels"):
        return rest == "auto" or (prefix == "models" and "/" in rest and _is_routed(rest))
    if not slash:
        return model == "auto"
    from modelmux import providers

    return providers.find(prefix) is not None


def _loaded(data: bytes) -> Any:
    """JSON. Raises the standard library's error, which callers catch."""
    try:
        return loads(data)
    except ValueError:
        import json

        return json.loads(data)


def _json(data: Any) -> Any:
    try:
        return loads(data)
    except ValueError as error:
        raise UnknownApiResponseError(f"Failed to parse response as JSON. Raw response: {data}") from error


def failed(got: Got) -> APIError:
    """The error that an answer with an error's status is."""
    try:
        told = got.value if got.value is not None else loads(got.content or b"")
    except ValueError:
        from http.client import responses

        text = (got.content or b"").decode(errors="replace")
        told = {"message": text, "status": responses.get(got.status, "")}
    return error_class(got.status)(got.status, told, got)


def _passes(error: BaseException) -> bool:
    """Whether another attempt may do better: nothing was reached, or not in time."""
    return timed_out(error) or isinstance(error, ConnectionFailed) or type(error).__name__ == "ConnectError"


def _as_family(error: Exception, asked: Asked) -> Exception:
    """An engine's error as the HTTP family has it, which is what the SDK lets through."""
    if not isinstance(error, ModelmuxError):
        return error
    from modelmux.transport import _raised_as

    kind = getattr(families.family(), _raised_as(error) or "ReadError")
    made: Exception = kind(str(error), request=asked.dressed())
    return made


def _family_of(values: Any) -> Any:
    """The HTTP family that any of these objects is of; the usual one otherwise."""
    import sys

    for value in values:
        for kind in type(value).__mro__:
            if kind.__module__.partition(".")[0] in ("httpx", "httpx2"):
                return sys.modules[kind.__module__.partition(".")[0]]
    return families.family()


async def _aside(credentials: Any) -> str:
    """A refresh blocks: it is done on a thread."""
    import asyncio

    from modelmux.google.genai import _tokens

    return await asyncio.to_thread(_tokens.of_credentials, credentials)


def kept(model: Any, got: Got, *, headers: bool = True) -> Any:
    """An answer with what came beside it: the response's headers, and the receipt where the call was routed."""
    if headers and "sdk_http_response" in model.__dict__:
        from modelmux.google.genai import types

        model.__dict__["sdk_http_response"] = types.HttpResponse(headers=dict(got.headers))
    receipt = getattr(got, "receipt", None)
    if receipt is not None:
        note(model, "_modelmux", receipt)
    return model


__all__ = ["EMIT", "PULL", "Api", "Ask", "Flow", "Reader", "kept", "options_of"]
