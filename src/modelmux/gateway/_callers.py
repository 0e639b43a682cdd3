"""Who comes: by key, or from this machine; and which web pages may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modelmux._front import Front
from modelmux._secret import scrub
from modelmux.gateway._asked import Asked, Refused
from modelmux.gateway.keys import Key, Keyring
from modelmux.gateway.settings import Settings, is_loopback

if TYPE_CHECKING:
    from modelmux._mux import Mux

_NONE: Mapping[str, str] = {}
_METHODS = "GET, POST, OPTIONS"


class Callers:
    """Decides who is served."""

    def __init__(self, settings: Settings) -> None:
        self._keys = Keyring(settings.keys) if settings.keys else None
        self._anyone = settings.anyone
        self._origins = frozenset(settings.origins)

    def admitted(self, request: Asked, scope: Mapping[str, Any]) -> Key | None:
        """The caller's key; None where nobody needs one. Raises Refused (401, 403)."""
        if self._keys is None:
            if not self._anyone:
                self._from_here(request, scope)
            return None
        sent = Front.key_of(request.bare())
        if sent is None:
            raise Refused(401, "auth", "a key is needed here", **{"www-authenticate": "Bearer"})
        key = self._keys.find(sent)
        if key is None:
            raise Refused(401, "auth", "this key is not known here", **{"www-authenticate": "Bearer"})
        return key

    def _from_here(self, request: Asked, scope: Mapping[str, Any]) -> None:
        """Refuses what another machine sent, or a web page made a browser of this machine send: by its origin, or by a
        name that was made to lead here (DNS rebinding).
        """
        client = scope.get("client")
        if client is not None and client[0] and not is_loopback(str(client[0])):
            raise Refused(401, "auth", "there are no keys here, so only this machine is served")
        origin = request.headers.get("origin")
        if origin is not None and not self._allowed(origin):
            raise Refused(403, "permission", "web pages are not served without a key")
        host = urlsplit(f"//{request.headers.get('host') or 'localhost'}").hostname or ""
        if client is not None and not is_loopback(host):
            raise Refused(403, "permission", f"without keys, this is served under its loopback address, not {host!r}")

    # --- web pages ---

    def _allowed(self, origin: str) -> bool:
        return origin in self._origins or "*" in self._origins

    def cors(self, request: Asked) -> Mapping[str, str]:
        """Headers that let a web page read the answer: for the origins that may."""
        origin = request.headers.get("origin")
        if origin is None or not self._origins or not self._allowed(origin):
            return _NONE
        return {
            "access-control-allow-origin": origin,
            "access-control-expose-headers": "x-request-id, request-id, x-modelmux-receipt, x-modelmux-warnings",
            "vary": "origin",
        }

    def preflight(self, request: Asked) -> Mapping[str, str] | None:
        """The answer to a browser's question before a page's request; None where this is none, or not for it."""
        wanted = request.headers.get("access-control-request-method")
        if request.method != "OPTIONS" or wanted is None or not self.cors(request):
            return None
        asked = request.headers.get("access-control-request-headers", "")
        return {
            "access-control-allow-methods": _METHODS,
            "access-control-allow-headers": asked,
            "access-control-max-age": "600",
        }

    @staticmethod
    def masked(body: bytes, mux: Mux) -> bytes:
        """A vendor's error without any key of ours that it repeats."""
        keys = {target.key.reveal() for target in mux._all() if target.key is not None}
        keys |= {key for row in mux._where.configured() if (key := mux._where.key(row)) is not None}
        masked: bytes = scrub(body, sorted(keys, key=len, reverse=True))
        return masked
