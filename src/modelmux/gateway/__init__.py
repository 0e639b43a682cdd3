"""The gateway: one Mux behind the vendors' own HTTP formats, for programs in any language (``docs/gateway.md``).

::

    from modelmux import Mux, gateway

    app = gateway.app(Mux(), keys=[gateway.Key.of("team-a", key, models=["*-mini"])])  # ASGI, to run or to mount

``modelmux serve`` runs one under uvicorn (extra ``gateway``). An ASGI app needs nothing beside modelmux.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from modelmux.gateway._app import Gateway
from modelmux.gateway.keys import Key, digest, new_key
from modelmux.gateway.settings import Settings, parse

if TYPE_CHECKING:
    from modelmux._mux import Mux

__all__ = ["Gateway", "Key", "Settings", "app", "digest", "new_key", "parse"]


def app(
    mux: Mux, *, keys: Iterable[Key | Mapping[str, Any]] = (), settings: Settings | None = None, **options: Any
) -> Gateway:
    """An ASGI app that serves a Mux.

    ``keys`` are those of its callers; without any it answers only requests from this machine that no web page made,
    unless ``anyone=True`` says that somebody in front of it checks. ``options`` are the fields of :class:`Settings`;
    ``settings`` gives them all at once. When the app is run by itself, its end closes the Mux; mounted into another
    app, it leaves that to the other. Raises ConfigError.
    """
    if settings is None:
        settings = parse({**options, "keys": list(keys)}, origin="gateway.app")
    return Gateway(mux, settings)
