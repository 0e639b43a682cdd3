"""``OpenAI`` and ``AsyncOpenAI``."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from modelmux._dropin.absent import NotGiven, not_given
from modelmux._dropin.client import AsyncClient, SyncClient
from modelmux._dropin.client import Client as Base
from modelmux._dropin.options import RequestOptions
from modelmux._dropin.resources import Offering, hang
from modelmux._dropin.streams import END, SKIP
from modelmux._dropin.transport import Asked, Got
from modelmux._http import SSE
from modelmux._json import loads
from modelmux.openai import _exceptions as errors
from modelmux.openai._legacy_response import LegacyAPIResponse
from modelmux.openai._registry import registry

HOME = "https://api.openai.com/v1"


class Manners(Offering, Base):
    """What both clients have of this vendor."""

    _registry = registry
    _honoured_wait = 120.0
    _longest_wait = 120.0
    _raw_face = LegacyAPIResponse
    _settings: ClassVar[tuple[str, ...]] = ("organization", "project", "webhook_secret", "admin_api_key")

    def __init__(
        self,
        *,
        api_key: str | Callable[[], Any] | None = None,
        admin_api_key: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        webhook_secret: str | None = None,
        workload_identity: Any = None,
        provider: Any = None,
        data_residency: Any = None,
        base_url: Any = None,
        websocket_base_url: Any = None,
        timeout: Any = not_given,
        max_retries: int = 2,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        http_client: Any = None,
        mux: Any = None,
        _strict_response_validation: bool = False,
        _enforce_credentials: bool = True,
        _wire: Any = None,
    ) -> None:
        """``mux``: a Mux that routes every call of this client. For the rest see the vendor's own client. Raises
        OpenAIError when there is no key.
        """
        if any(value is not None for value in (workload_identity, provider, data_residency)):
            raise errors.OpenAIError("only keys and base URLs are supported here: pass an `api_key`, or a `base_url`")
        environment = os.environ.get
        self._provider: Callable[[], Any] | None = api_key if callable(api_key) else None
        key = "" if callable(api_key) else api_key
        self.admin_api_key = environment("OPENAI_ADMIN_KEY") if admin_api_key is None else admin_api_key
        if key is None:
            key = environment("OPENAI_API_KEY")
        if key is None and self.admin_api_key is None and mux is None and _enforce_credentials:
            raise errors.OpenAIError(
                "Missing credentials. Please pass an `api_key`, `workload_identity`, `admin_api_key`, or set the "
                "`OPENAI_API_KEY` or `OPENAI_ADMIN_KEY` environment variable."
            )
        self.api_key = key or ""
        self.organization = environment("OPENAI_ORG_ID") if organization is None else organization
        self.project = environment("OPENAI_PROJECT_ID") if project is None else project
        self.webhook_secret = environment("OPENAI_WEBHOOK_SECRET") if webhook_secret is None else webhook_secret
        self.websocket_base_url = websocket_base_url
        if base_url is None or isinstance(base_url, NotGiven):
            base_url = environment("OPENAI_BASE_URL") or HOME
        super().__init__(
            base_url=base_url,
            max_retries=max_retries,
            timeout=timeout,
            default_headers=default_headers,
            default_query=default_query,
            http_client=http_client,
            wire=_wire,
            mux=mux,
            strict=_strict_response_validation,
        )
        if self._provider is not None:
            self._prepare_options = self._refresh

    def _at_home(self) -> bool:
        return self._base_url == f"{HOME}/"

    # --- keys ---

    @property
    def auth_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def _auth_for(self, options: RequestOptions) -> Mapping[str, Any]:
        security = options.security or ()
        if "admin_api_key_auth" in security and self.admin_api_key:
            return {"Authorization": f"Bearer {self.admin_api_key}"}
        return self.auth_headers

    def _refresh(self, options: RequestOptions) -> Any:
        """Ask for the key, where a function gives it."""
        assert self._provider is not None
        if "admin_api_key_auth" in (options.security or ()):
            return None
        found = self._provider()
        if inspect.isawaitable(found):
            return self._take_later(found)
        self.api_key = found
        return None

    def _refresh_api_key(self) -> Any:
        """Ask for the key now."""
        return None if self._provider is None else self._refresh(RequestOptions("get", "/"))

    async def _take_later(self, found: Any) -> None:
        self.api_key = await found

    def _own_headers(self) -> Mapping[str, Any]:
        own = {}
        if self.organization is not None:
            own["OpenAI-Organization"] = self.organization
        if self.project is not None:
            own["OpenAI-Project"] = self.project
        return own

    # --- events of a stream ---

    def _event_reader(self, cast_to: Any, options: RequestOptions | None) -> Callable[[SSE, Any], Any]:
        from modelmux._dropin.shapes import shape_of

        shape = cast_to if isinstance(cast_to, str | list) else shape_of(cast_to)
        converter = self._registry.shapes.converter(shape)
        named = bool(options is not None and options.synthesize_event_and_data)

        def read(event: SSE, got: Any) -> Any:
            data = event.data
            if data[:6] == b"[DONE]":
                return END
            if not data:
                return SKIP
            value = loads(data)
            if isinstance(value, dict) and value.get("error"):
                raise self._event_error(value["error"], got)
            if named or event.event[:7] == "thread.":
                value = {"data": value, "event": event.event or None}
            return value if converter is None else converter(value)

        return read

    @staticmethod
    def _event_error(error: Any, got: Any) -> Exception:
        message = error.get("message") if isinstance(error, dict) else None
        if not isinstance(message, str) or not message:
            message = "An error occurred during streaming"
        request = got.asked if isinstance(got, Got) else got.request
        return errors.APIError(message, request, body=error)

    # --- errors ---

    def _status_error(self, got: Got) -> Exception:
        text = (got.content or b"").decode("utf-8", "replace").strip()
        message, body = f"Error code: {got.status}", text
        try:
            body = loads(text)
        except ValueError:
            pass
        else:
            error = body.get("error", body) if isinstance(body, dict) else None
            said = error.get("message") if isinstance(error, dict) else None
            if isinstance(said, str) and said:
                message += f" - {said}"
            if isinstance(body, dict):
                body = body.get("error", body)
        return errors.of_status(got.status)(message, response=got, body=body)

    def _make_status_error(self, message: str, *, body: object, response: Any) -> errors.APIStatusError:
        inner = body.get("error", body) if isinstance(body, dict) else body
        return errors.of_status(response.status_code)(message, response=response, body=inner)

    def _timeout_error(self, request: Asked | Any) -> Exception:
        return errors.APITimeoutError(request)

    def _connection_error(self, request: Asked | Any) -> Exception:
        return errors.APIConnectionError(request=request)

    def _validation_error(self, got: Got, message: str | None, body: Any) -> Exception:
        return errors.APIResponseValidationError(got, body, message=message)

    # --- copies ---

    def copy(
        self,
        *,
        api_key: str | Callable[[], Any] | None = None,
        admin_api_key: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        webhook_secret: str | None = None,
        workload_identity: Any = None,
        provider: Any = None,
        data_residency: Any = None,
        mux: Any = None,
        websocket_base_url: Any = None,
        base_url: Any = None,
        timeout: Any = not_given,
        http_client: Any = None,
        max_retries: int | NotGiven = not_given,
        default_headers: Mapping[str, str] | None = None,
        set_default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        set_default_query: Mapping[str, object] | None = None,
        _extra_kwargs: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Self:
        """A client with some options changed, over the same connections."""
        _one_of("headers", default_headers, set_default_headers)
        _one_of("query", default_query, set_default_query)
        headers = self._custom_headers if set_default_headers is None else set_default_headers
        query = self._custom_query if set_default_query is None else set_default_query
        shared = http_client is None
        kept = {name: getattr(self, name) for name in self._settings}
        settings |= {
            "workload_identity": workload_identity,
            "provider": provider,
            "data_residency": data_residency,
            "admin_api_key": admin_api_key,
            "organization": organization,
            "project": project,
            "webhook_secret": webhook_secret,
            "websocket_base_url": websocket_base_url,
        }
        kept |= {name: value for name, value in settings.items() if value is not None}
        return type(self)(
            **{
                "api_key": api_key if api_key is not None else (self._provider or self.api_key),
                "base_url": base_url or self._base_url,
                "timeout": self.timeout if isinstance(timeout, NotGiven) else timeout,
                "http_client": self._wire.http_client if shared else http_client,
                "_wire": self._wire if shared else None,
                "max_retries": self.max_retries if isinstance(max_retries, NotGiven) else max_retries,
                "default_headers": {**headers, **(default_headers or {})},
                "default_query": {**query, **(default_query or {})},
                "mux": mux or self._mux,
                "_strict_response_validation": self._strict_response_validation,
                "_enforce_credentials": False,
                "websocket_base_url": self.websocket_base_url,
                **kept,
                **(_extra_kwargs or {}),
            }
        )

    with_options = copy


def _one_of(name: str, one: Any, other: Any) -> None:
    if one is not None and other is not None:
        raise ValueError(f"`default_{name}` and `set_default_{name}` arguments are mutually exclusive")


class OpenAI(Manners, SyncClient):
    """The vendor's client, without the vendor's package. ``mux=`` routes its calls."""

    @property
    def user_agent(self) -> str:
        return f"OpenAI/Python {registry.version}"


class AsyncOpenAI(Manners, AsyncClient):
    """:class:`OpenAI`, awaited."""

    @property
    def user_agent(self) -> str:
        return f"AsyncOpenAI/Python {registry.version}"


hang(OpenAI, registry, is_async=False)
hang(AsyncOpenAI, registry, is_async=True)

__all__ = ["AsyncOpenAI", "OpenAI"]
