"""The vendor's own client over a Mux: for code that checks for the vendor's classes."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelmux._mux import Mux

PLACEHOLDER = "routed-by-modelmux"
"""The vendor's client wants a key; a routed call uses the Mux's own."""
_KEYS = {"api_key", "admin_api_key", "workload_identity", "provider"}


def as_vendor(mux: Mux | None = None, *, is_async: bool = False, **options: Any) -> Any:
    """A client of the installed ``openai`` package (``OpenAI``, or ``AsyncOpenAI``) whose calls go through a Mux
    (default: the default one), over the HTTP library that this version of the package stands on.

    ``options`` are that client's own (``max_retries=``, ``timeout=`` …). Raises ConfigError where the package, or its
    HTTP library, is not installed, and TypeError for an ``http_client``: that is what this brings.
    """
    from modelmux import default_mux, transport
    from modelmux.errors import ConfigError

    if "http_client" in options:
        raise TypeError("as_vendor() brings the http_client; with one of your own use the package's client itself")
    try:
        openai: Any = importlib.import_module("openai")
    except ImportError as error:
        message = "the vendor's package is not installed: pip install openai, or use modelmux.openai.OpenAI"
        raise ConfigError(message, field="as_vendor") from error
    mux = default_mux() if mux is None else mux
    default = openai.DefaultAsyncHttpxClient if is_async else openai.DefaultHttpxClient
    make = transport.ahttp_client if is_async else transport.http_client
    if not options.keys() & _KEYS and not os.environ.get("OPENAI_API_KEY"):
        options["api_key"] = PLACEHOLDER
    kind = openai.AsyncOpenAI if is_async else openai.OpenAI
    return kind(http_client=make(mux, transport.family_of(default)), **options)
