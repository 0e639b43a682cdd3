"""``Anthropic`` and ``AsyncAnthropic``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Self

from modelmux._dropin.absent import NotGiven, not_given
from modelmux._dropin.client import AsyncClient as AsyncBase
from modelmux._dropin.client import SyncClient as SyncBase
from modelmux._dropin.options import RequestOptions
from modelmux._dropin.resources import Offering, hang
from modelmux.anthropic import _response as faces
from modelmux.anthropic import _streaming as streaming
from modelmux.anthropic._headers import merged, of_environment
from modelmux.anthropic._manners import HOME, Manners
from modelmux.anthropic._registry import registry

_ELSEWHERE = (
    "modelmux.anthropic has no `{name}`: use the vendor's own client over modelmux's transport, "
    "modelmux.anthropic.as_vendor(mux, {name}=…)"
)


class Configured(Offering, Manners):
    """How both clients are made, and made anew with other options."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        auth_token: str | None = None,
        credentials: Callable[..., Any] | None = None,
        config: Mapping[str, Any] | None = None,
        profile: str | None = None,
        webhook_key: str | None = None,
        base_url: Any = None,
        timeout: Any = not_given,
        max_retries: int = 2,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        open_telemetry: Any = None,
        http_client: Any = None,
        middleware: Any = None,
        mux: Any = None,
        _strict_response_validation: bool = False,
    ) -> None:
        """``mux``: a Mux that routes every call of this client. For the rest see the vendor's own client. Raises
        ValueError for more than one credential, TypeError for an option that only the vendor's client has.
        """
        ways = {"config": config, "profile": profile, "middleware": middleware, "open_telemetry": open_telemetry}
        for name, value in ways.items():
            if value:
                raise TypeError(_ELSEWHERE.format(name=name))
        environment = os.environ.get
        passed = [
            f"`{name}=`"
            for name, value in (("api_key", api_key), ("auth_token", auth_token), ("credentials", credentials))
            if value is not None
        ]
        if len(passed) > 1:
            raise ValueError(
                "Pass at most one of `api_key=`, `auth_token=`, `credentials=`, `config=`, or `profile=`. "
                f"Received {', '.join(passed)}."
            )
        if not passed:
            api_key = environment("ANTHROPIC_API_KEY") or None
            auth_token = None if api_key else environment("ANTHROPIC_AUTH_TOKEN") or None
        self.api_key, self.auth_token, self.credentials = api_key, auth_token, credentials
        self.webhook_key = environment("ANTHROPIC_WEBHOOK_SIGNING_KEY") if webhook_key is None else webhook_key
        super().__init__(
            base_url=base_url or environment("ANTHROPIC_BASE_URL") or HOME,
            max_retries=max_retries,
            timeout=timeout,
            default_headers={**of_environment(), **(default_headers or {})},
            default_query=default_query,
            http_client=http_client,
            mux=mux,
            strict=_strict_response_validation,
        )
        if credentials is not None:
            self._prepare_options = self._fetch_token

    def copy(
        self,
        *,
        api_key: str | None = None,
        auth_token: str | None = None,
        credentials: Any = not_given,
        config: Mapping[str, Any] | None = None,
        profile: str | None = None,
        webhook_key: str | None = None,
        base_url: Any = None,
        timeout: Any = not_given,
        http_client: Any = None,
        max_retries: int | NotGiven = not_given,
        open_telemetry: Any = None,
        default_headers: Mapping[str, str] | None = None,
        set_default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        set_default_query: Mapping[str, object] | None = None,
        middleware: Any = not_given,
        mux: Any = None,
        _extra_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """A client with some options changed, over the same connections."""
        for name, one, other in (
            ("headers", default_headers, set_default_headers),
            ("query", default_query, set_default_query),
        ):
            if one is not None and other is not None:
                raise ValueError(f"The `default_{name}` and `set_default_{name}` arguments are mutually exclusive")
        headers = self._custom_headers if set_default_headers is None else set_default_headers
        query = self._custom_query if set_default_query is None else set_default_query
        given = None if isinstance(credentials, NotGiven) else credentials
        keys: dict[str, Any] = {"api_key": api_key, "auth_token": auth_token, "credentials": given}
        if not api_key and not auth_token and given is None:
            keys = {"api_key": self.api_key, "credentials": self.credentials}
            keys["auth_token"] = self.auth_token if self.api_key is None and self.credentials is None else None
        made = type(self)(
            **{
                **keys,
                "webhook_key": webhook_key or self.webhook_key,
                "base_url": base_url or self._base_url,
                "timeout": self.timeout if isinstance(timeout, NotGiven) else timeout,
                "http_client": http_client or self._wire.http_client,
                "max_retries": self.max_retries if isinstance(max_retries, NotGiven) else max_retries,
                "default_headers": merged(headers, default_headers or {}),
                "default_query": {**query, **(default_query or {})},
                "mux": mux or self._mux,
                "_strict_response_validation": self._strict_response_validation,
                "config": config,
                "profile": profile,
                "open_telemetry": open_telemetry,
                "middleware": None if isinstance(middleware, NotGiven) else middleware,
                **(_extra_kwargs or {}),
            }
        )
        if http_client is None:
            made._wire = self._wire
        made._custom_headers = merged(headers, default_headers or {})
        return made

    with_options = copy


class Anthropic(Configured, SyncBase):
    """The vendor's client, without the vendor's package. ``mux=`` routes its calls."""

    _raw_face = faces.APIResponse
    _files = (faces.BinaryAPIResponse, faces.StreamedBinaryAPIResponse)

    def request(self, cast_to: Any, options: RequestOptions, *, stream: bool = False, stream_cls: Any = None) -> Any:
        kind = stream_cls or streaming.Stream[cast_to] if stream else None
        return super().request(cast_to, options, stream=stream, stream_cls=kind)

    def _reply_face(self, raw: str) -> type:
        del raw
        return faces.APIResponse


class AsyncAnthropic(Configured, AsyncBase):
    """:class:`Anthropic`, awaited."""

    _raw_face = faces.AsyncAPIResponse
    _files = (faces.AsyncBinaryAPIResponse, faces.AsyncStreamedBinaryAPIResponse)

    async def request(
        self, cast_to: Any, options: RequestOptions, *, stream: bool = False, stream_cls: Any = None
    ) -> Any:
        kind = stream_cls or streaming.AsyncStream[cast_to] if stream else None
        return await super().request(cast_to, options, stream=stream, stream_cls=kind)

    def _reply_face(self, raw: str) -> type:
        del raw
        return faces.AsyncAPIResponse


hang(Anthropic, registry, is_async=False)
hang(AsyncAnthropic, registry, is_async=True)
Client = Anthropic
AsyncClient = AsyncAnthropic

__all__ = ["Anthropic", "AsyncAnthropic", "AsyncClient", "Client"]
