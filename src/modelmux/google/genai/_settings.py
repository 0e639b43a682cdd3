"""What a client is told: arguments, environment, HTTP options; and what follows for addresses, headers and waits."""

from __future__ import annotations

import logging
import math
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from modelmux.google.genai import types
from modelmux.google.genai._registry import registry

logger = logging.getLogger("modelmux")

GEMINI_HOME = "https://generativelanguage.googleapis.com/"
VERTEX_HOME = "https://aiplatform.googleapis.com/"
_CONTINENTS = ("us", "eu")
_NO_KEY = (
    "No API key was provided. Please pass a valid API key. Learn how to create an API key at"
    " https://aistudio.google.com/docs/api-key."
)


class Settings:
    """One client's settings. Raises ValueError for what does not go together or is missing."""

    def __init__(
        self,
        *,
        vertexai: bool | None,
        api_key: str | None,
        credentials: Any,
        project: str | None,
        location: str | None,
        http_options: Any,
    ) -> None:
        self.vertexai = bool(_flagged() if vertexai is None else vertexai)
        if (project or location) and not self.vertexai:
            raise ValueError("Gemini API does not support project/location.")
        if credentials and api_key:
            raise ValueError("Credentials and API key are mutually exclusive in the client initializer.")
        given = options_of(http_options)
        base = (given.base_url if given else None) or os.environ.get(
            "GOOGLE_VERTEX_BASE_URL" if self.vertexai else "GOOGLE_GEMINI_BASE_URL"
        )
        if given and given.base_url_resource_scope and not base:
            raise ValueError("base_url must be set when base_url_resource_scope is set.")
        self.api_key = api_key or _env_key()
        self.credentials = credentials
        self.project = project or os.environ.get("GOOGLE_CLOUD_PROJECT")
        self.location = location or os.environ.get("GOOGLE_CLOUD_LOCATION")
        self.custom_base_url: str | None = None
        if self.vertexai:
            self.custom_base_url = base
            home = self._vertex(api_key, project, location)
        elif not self.api_key:
            raise ValueError(_NO_KEY)
        else:
            home = GEMINI_HOME
        self.api_key = self.api_key.strip() if self.api_key else None
        self.base_url = base or home
        self.at_home = not self.vertexai and self.base_url == GEMINI_HOME
        asked = os.environ.get("GOOGLE_GENAI_API_VERSION")
        usual, beta = ("v1beta1", "v1beta1") if self.vertexai else ("v1", "v1beta")
        by_environment = beta if asked == "beta" else asked or usual
        self.api_version = (given.api_version if given else None) or by_environment
        own = {"Content-Type": "application/json"} | ({"x-goog-api-key": self.api_key} if self.api_key else {})
        self.headers = with_sdk({**own, **((given.headers if given else None) or {})})
        self.http_options = given

    def _vertex(self, api_key: str | None, project: str | None, location: str | None) -> str:
        """Settle which of key, project and place count, those given over the environment's; the address to go to."""
        somewhere = bool(self.project or self.location)
        if self.credentials and not api_key:
            self.api_key = None
        elif api_key and not project and not location:
            self.project = self.location = None
        elif not api_key and somewhere:
            self.api_key = None
        base = self.custom_base_url
        if not self.location and not self.api_key and (not base or base.endswith(".googleapis.com")):
            self.location = "global"
        if not self.project and not self.api_key and not base:
            from modelmux.google.genai._tokens import project_of

            self.project = project_of(self.credentials)
            if not self.project:
                raise ValueError("Project or API key must be set when using the Vertex AI API.")
        if base and not base.endswith(".googleapis.com") and not ((project and location) or api_key):
            self.project = self.location = None
            return base
        if ((self.api_key and not self.location) or self.location == "global") and not base:
            return VERTEX_HOME
        if self.location in _CONTINENTS and not base:
            return f"https://aiplatform.{self.location}.rep.googleapis.com/"
        return f"https://{self.location}-aiplatform.googleapis.com/"


def _flagged() -> bool:
    """Whether the environment asks for the platform."""
    said = [os.environ.get(f"GOOGLE_GENAI_USE_{name}") for name in ("ENTERPRISE", "VERTEXAI")]
    found = [word.lower() in ("true", "1") for word in said if word is not None]
    if len(set(found)) > 1:
        warnings.warn(
            "Both GOOGLE_GENAI_USE_ENTERPRISE and GOOGLE_GENAI_USE_VERTEXAI are set with conflicting values. The value"
            " of GOOGLE_GENAI_USE_ENTERPRISE will be used.",
            stacklevel=5,
        )
    return bool(found and found[0])


def _env_key() -> str | None:
    ours, old = os.environ.get("GOOGLE_API_KEY"), os.environ.get("GEMINI_API_KEY")
    if ours and old:
        logger.warning("Both GOOGLE_API_KEY and GEMINI_API_KEY are set. Using GOOGLE_API_KEY.")
    return ours or old or None


def options_of(given: Any) -> Any:
    """HTTP options as their type; None for none."""
    if not given:
        return None
    return given if isinstance(given, types.HttpOptions) else types.HttpOptions.model_validate(given)


def with_sdk(headers: Mapping[str, Any], usage: str = "") -> dict[str, str]:
    """Headers with the two that name the SDK, which services count by. ``usage`` is said after its version."""
    out = {name: value for name, value in headers.items() if name.lower() not in _TELLING}
    version = registry.version
    label, language = f"google-genai-sdk/{version}", f"gl-python/{sys.version.split()[0]}"
    for header in _TELLING:
        said = " ".join(dict.fromkeys(value for name, value in headers.items() if name.lower() == header))
        if not said:
            said = f"{label} {language}"
        elif label not in said:
            said = f"{label} {language} {said}"
        elif language not in said:
            said = f"{said} {language}"
        out[header] = said.replace(label, label + usage, 1) if usage else said
    return out


_TELLING = ("user-agent", "x-goog-api-client")


def seconds(timeout: float | None) -> float | None:
    """HTTP options' timeouts are in milliseconds; none, and 0, is no limit."""
    return timeout / 1000 if timeout else None


def with_timeout(headers: dict[str, str], limit: float | None) -> None:
    if limit and "X-Server-Timeout" not in headers:
        headers["X-Server-Timeout"] = str(math.ceil(limit))


def joined(base: str, path: str) -> str:
    """An address and a path below it, which may have a query."""
    parts = urlsplit(base)
    path, _, query = path.lstrip("/").partition("?")
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{path}", query or parts.query, ""))


def merged(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A body with more in it. A key finds its place in either spelling; objects are merged, all else is replaced."""
    out, there = dict(body), {_bare(key): key for key in body}
    for key, value in extra.items():
        name = there.get(_bare(key), key)
        old = out.get(name)
        out[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return out


def _bare(key: str) -> str:
    return key.replace("_", "").lower()


# --- retries ---

_RETRIED = (408, 429, 500, 502, 503, 504)


class Retries:
    """How often, when, and how long after: by ``HttpRetryOptions``. Without these there is one attempt."""

    def __init__(self, options: Any) -> None:
        self.attempts = 1 if options is None else (5 if options.attempts is None else max(1, options.attempts))
        self.statuses = (options.http_status_codes if options is not None else None) or _RETRIED
        self._first = _or(options, "initial_delay", 1.0)
        self._longest = _or(options, "max_delay", 60.0)
        self._base = _or(options, "exp_base", 2.0)
        self._jitter = _or(options, "jitter", 1.0)

    def pause(self, attempt: int) -> float:
        """Seconds after attempt number ``attempt``, from 1."""
        from random import random

        wait = self._first * self._base ** min(attempt - 1, 64) + self._jitter * random()
        return max(0.0, min(wait, self._longest))


def _or(options: Any, name: str, usual: float) -> float:
    value = getattr(options, name, None)
    return usual if value is None else float(value)
