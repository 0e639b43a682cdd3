"""The vendor's own client over a Mux: for code that checks for the vendor's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelmux._mux import Mux

PLACEHOLDER = "routed-by-modelmux"
"""The vendor's client wants a key; a routed call uses the Mux's own."""


def as_vendor(mux: Mux | None = None, *, is_async: bool = False, **options: Any) -> Any:
    """A client of the installed ``anthropic`` package whose calls go through a Mux (default: the default one).

    ``options`` are that client's own (``max_retries=``, ``timeout=``, ``middleware=`` …). Raises ConfigError where the
    package is not installed.
    """
    from modelmux import default_mux, transport
    from modelmux.errors import ConfigError

    try:
        import anthropic  # type: ignore[import-not-found,unused-ignore]  # optional: the vendor's own package
    except ImportError as error:
        message = "the vendor's package is not installed: pip install anthropic, or use modelmux.anthropic.Anthropic"
        raise ConfigError(message) from error
    mux = mux or default_mux()
    kind: Any = anthropic.AsyncAnthropic if is_async else anthropic.Anthropic
    default: Any = anthropic.DefaultAsyncHttpxClient if is_async else anthropic.DefaultHttpxClient
    family = transport.family_of(default)
    make = transport.ahttp_client if is_async else transport.http_client
    if not options.keys() & {"api_key", "auth_token", "credentials", "config", "profile"}:
        options["api_key"] = PLACEHOLDER
    options.setdefault("http_client", make(mux, family))
    return kind(**options)
