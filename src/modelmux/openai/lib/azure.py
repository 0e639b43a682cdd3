"""Azure's clients: a deployment in the path, a version in the query, a key of its own."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from modelmux._dropin.absent import is_given
from modelmux._dropin.options import RequestOptions
from modelmux.openai._client import AsyncOpenAI, OpenAI
from modelmux.openai._exceptions import OpenAIError

_deployments_endpoints = {
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/images/edits",
    "/images/generations",
}
API_KEY_SENTINEL = "<missing API key>"


class MutuallyExclusiveAuthError(OpenAIError):
    """A key and a token: only one can be meant."""

    def __init__(self) -> None:
        super().__init__(
            "The `api_key`, `azure_ad_token` and `azure_ad_token_provider` arguments are mutually exclusive; "
            "Only one can be passed at a time"
        )


class Azure:
    """What both clients have of this cloud."""

    _azure_deployment: str | None
    _azure_endpoint: Any
    _api_version: str
    _azure_ad_token: str | None
    _azure_ad_token_provider: Callable[[], Any] | None

    def __init__(
        self,
        *,
        azure_endpoint: str | None = None,
        azure_deployment: str | None = None,
        api_version: str | None = None,
        api_key: Any = None,
        azure_ad_token: str | None = None,
        azure_ad_token_provider: Callable[[], Any] | None = None,
        base_url: Any = None,
        default_query: Mapping[str, object] | None = None,
        workload_identity: Any = None,
        _enforce_credentials: bool = True,
        **options: Any,
    ) -> None:
        """``azure_endpoint`` or ``base_url`` says where; ``api_version`` which version. Raises OpenAIError for missing
        credentials, ValueError for a missing address or version.
        """
        environment = os.environ.get
        if workload_identity is not None:
            raise OpenAIError("X.509 workload identity is not supported by Azure clients")
        api_key = environment("AZURE_OPENAI_API_KEY") if api_key is None else api_key
        token = environment("AZURE_OPENAI_AD_TOKEN") if azure_ad_token is None else azure_ad_token
        if api_key is None and token is None and azure_ad_token_provider is None and _enforce_credentials:
            raise OpenAIError(
                "Missing credentials. Pass one of `api_key`, `azure_ad_token`, `azure_ad_token_provider`, or set "
                "`AZURE_OPENAI_API_KEY` or `AZURE_OPENAI_AD_TOKEN` environment variables."
            )
        version = environment("OPENAI_API_VERSION") if api_version is None else api_version
        if version is None:
            raise ValueError(
                "Must provide either the `api_version` argument or the `OPENAI_API_VERSION` environment variable"
            )
        if base_url is None or not is_given(base_url):
            azure_endpoint = environment("AZURE_OPENAI_ENDPOINT") if azure_endpoint is None else azure_endpoint
            if azure_endpoint is None:
                raise ValueError(
                    "Must provide one of the `base_url` or `azure_endpoint` arguments, or the `AZURE_OPENAI_ENDPOINT` "
                    "environment variable"
                )
            base_url = f"{str(azure_endpoint).rstrip('/')}/openai"
            if azure_deployment is not None:
                base_url = f"{base_url}/deployments/{quote(azure_deployment, safe='')}"
        elif azure_endpoint is not None:
            raise ValueError("base_url and azure_endpoint are mutually exclusive")
        self._api_version, self._azure_ad_token = version, token
        self._azure_ad_token_provider, self._azure_endpoint = azure_ad_token_provider, azure_endpoint
        self._azure_deployment = azure_deployment if azure_endpoint else None
        super().__init__(  # type: ignore[call-arg]  # of the base
            api_key=API_KEY_SENTINEL if api_key is None else api_key,
            base_url=base_url,
            default_query={"api-version": version, **(default_query or {})},
            _enforce_credentials=False,
            **options,
        )
        self._prepare_options = self._with_token

    def _at_home(self) -> bool:
        return False

    @property
    def auth_headers(self) -> dict[str, str]:
        return {}

    def _with_token(self, options: RequestOptions) -> Any:
        """The options with a token or key in their headers, unless the caller said who to be."""
        given = {name.lower() for name in (*options.given_headers(), *self._custom_headers)}  # type: ignore[attr-defined]  # of the base
        if self._provider is not None:  # type: ignore[attr-defined]  # of the base
            found = self._refresh(options)  # type: ignore[attr-defined]  # of the base
            if inspect.isawaitable(found):
                return self._after(found, options, given)
        if "authorization" in given or "api-key" in given:
            return options
        provider = self._azure_ad_token_provider
        if self._azure_ad_token is None and provider is not None:
            token = provider()
            if inspect.isawaitable(token):
                return self._when(token, options)
            return self._bearing(options, token)
        if self._azure_ad_token is not None:
            return self._bearing(options, self._azure_ad_token)
        key = self.api_key  # type: ignore[attr-defined]  # of the base
        if key and key != API_KEY_SENTINEL:
            return options.copy(headers={"api-key": key, **options.given_headers()})
        return options

    async def _after(self, found: Any, options: RequestOptions, given: set[str]) -> RequestOptions:
        await found
        if "authorization" in given or "api-key" in given:
            return options
        key = self.api_key  # type: ignore[attr-defined]  # of the base
        return options.copy(headers={"api-key": key, **options.given_headers()})

    async def _when(self, token: Any, options: RequestOptions) -> RequestOptions:
        return self._bearing(options, await token)

    @staticmethod
    def _bearing(options: RequestOptions, token: Any) -> RequestOptions:
        if not token or not isinstance(token, str):
            raise ValueError(f"Expected `azure_ad_token_provider` argument to return a string but it returned {token}")
        return options.copy(headers={"Authorization": f"Bearer {token}", **options.given_headers()})

    def _url_for(self, options: RequestOptions, params: Mapping[str, Any]) -> str:
        json = options.json_data
        if options.url in _deployments_endpoints and isinstance(json, dict):
            model = json.get("model")
            if model is not None and "/deployments" not in urlsplit(self._base_url).path:  # type: ignore[attr-defined]  # of the base
                if model in (".", ".."):
                    raise ValueError(f"A deployment's name cannot be the dot-segment {model!r}")
                path = f"/deployments/{quote(str(model), safe=SAFE)}{options.url}"
                options = options.copy(url=path)
        elif self._azure_deployment and "://" not in options.url[:12]:
            whole: str = super()._url_for(options, params)  # type: ignore[misc]  # of the base
            return re.sub("/deployments/[^/?]+", "", whole, count=1)
        return super()._url_for(options, params)  # type: ignore[misc,no-any-return]  # of the base

    def copy(self, **changes: Any) -> Any:
        """A client with some options changed, over the same connections."""
        extra = {
            "api_version": changes.pop("api_version", None) or self._api_version,
            "azure_ad_token": changes.pop("azure_ad_token", None) or self._azure_ad_token,
            "azure_ad_token_provider": changes.pop("azure_ad_token_provider", None) or self._azure_ad_token_provider,
            **(changes.pop("_extra_kwargs", None) or {}),
        }
        moved = changes.get("base_url") or changes.get("azure_endpoint")
        deployment = changes.pop("azure_deployment", None) or (None if moved else self._azure_deployment)
        endpoint = changes.pop("azure_endpoint", None) or (None if moved else self._azure_endpoint)
        if endpoint is not None:
            extra |= {"azure_endpoint": endpoint, "azure_deployment": deployment, "base_url": None}
        query = {name: value for name, value in self._custom_query.items() if name != "api-version"}  # type: ignore[attr-defined]  # of the base
        if changes.get("set_default_query") is None:
            changes["set_default_query"] = {**query, **(changes.pop("default_query", None) or {})}
        return super().copy(_extra_kwargs=extra, **changes)  # type: ignore[misc]  # of the base

    with_options = copy


SAFE = "-._~!$&'()*+,;=:@"


class AzureOpenAI(Azure, OpenAI):
    """The vendor's client for Azure."""


class AsyncAzureOpenAI(Azure, AsyncOpenAI):
    """:class:`AzureOpenAI`, awaited."""
