"""The SDK's own client over a Mux, for whoever checks classes or needs what is not here."""

from __future__ import annotations

from typing import Any


def as_vendor(mux: Any = None, **options: Any) -> Any:
    """A ``google.genai.Client`` whose requests a Mux answers, sync and async. ``mux``: the default Mux where none is
    given; ``options`` are the client's own. Raises ConfigError where the SDK is not installed, TypeError for
    ``http_options`` that bring a transport of their own.
    """
    from modelmux import default_mux
    from modelmux.errors import ConfigError

    try:
        from google import genai  # type: ignore[import-not-found]  # whoever calls this has it
        from google.genai import types  # type: ignore[import-not-found]  # as above
    except ImportError as error:
        raise ConfigError(
            "google-genai is not installed: pip install google-genai; modelmux.google.genai.Client needs it not",
            field="as_vendor",
        ) from error
    from modelmux import transport
    from modelmux._dropin.families import family

    given = options.pop("http_options", None)
    asked = types.HttpOptions.model_validate(given or {}).model_copy()
    if asked.httpx_client or asked.httpx_async_client or (asked.client_args or {}).get("transport"):
        raise TypeError("as_vendor() brings the transport: give http_options without a client or transport")
    kind = family().__name__
    made = getattr(transport, f"{kind.capitalize()}Transport")(default_mux() if mux is None else mux)
    asked.client_args = {**(asked.client_args or {}), "transport": made}
    asked.async_client_args = {**(asked.async_client_args or {}), "transport": made}
    if "api_key" not in options and not options.get("vertexai") and not options.get("enterprise"):
        import os

        if not (os.environ.get("GOOGLE_API_KEY") or os.environ.get("GEMINI_API_KEY")):
            options["api_key"] = "unused"  # the SDK wants one; the Mux has its own
    return genai.Client(http_options=asked, **options)
