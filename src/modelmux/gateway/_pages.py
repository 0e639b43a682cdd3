"""The pages for whoever runs the gateway: ``/healthz``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelmux._json import dumps
from modelmux.errors import ModelmuxError
from modelmux.gateway._asked import Asked, Refused
from modelmux.gateway._metrics import MEDIA_TYPE
from modelmux.gateway._out import Out

if TYPE_CHECKING:
    from modelmux.gateway._app import Gateway
    from modelmux.routing.health import Snapshot

_JSON = {"content-type": "application/json", "cache-control": "no-store"}


class Pages:
    """Answers them for one gateway. The first two need no key and say nothing that needs one."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._all = {"/healthz": self._health, "/readyz": self._ready, "/metrics": self._metrics}

    async def answered(self, request: Asked, scope: Mapping[str, Any], out: Out) -> bool:
        """Answers a request for one of the pages, and a browser's preflight; False for any other."""
        allowed = self._gateway._callers.preflight(request)
        if allowed is not None:
            await out.whole(204, allowed, b"")
            return True
        page = self._all.get(request.path)
        if page is None:
            return False
        if request.method not in ("GET", "HEAD"):
            status, headers, body = 405, {"allow": "GET, HEAD"}, b""
        else:
            try:
                status, headers, body = page(request, scope)
            except Refused as no:
                status, headers, body = no.status, {**_JSON, **no.headers}, dumps({"error": no.message})
        await out.whole(status, headers, body)
        return True

    def _health(self, request: Asked, scope: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:  # noqa: ARG002
        return 200, _JSON, b'{"status":"up"}'

    def _ready(self, request: Asked, scope: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:  # noqa: ARG002
        """Ready while it is to go on, and has an endpoint with a key. Breakers do not count: a vendor that is down is
        down for every gateway, and to take them all out of rotation would turn its errors into ours.
        """
        if self._gateway.draining:
            return 503, _JSON, b'{"status":"draining"}'
        names, seen = self._known()
        if not names:
            return 503, _JSON, b'{"status":"no endpoint has a key"}'
        blocked = 0 if seen is None else len(seen.blocked)
        return 200, _JSON, dumps({"status": "ready", "endpoints": len(names), "blocked": blocked})

    def _metrics(self, request: Asked, scope: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        gateway = self._gateway
        if not gateway.settings.open_metrics:
            gateway._callers.admitted(request, scope)
        names, seen = self._known()
        text = gateway.metrics.text(
            draining=gateway.draining,
            blocked=[] if seen is None else [(name, name in seen.blocked) for name in names],
            busy=[] if seen is None else [(name, seen.in_flight.get(name, 0)) for name in names],
        )
        return 200, {"content-type": MEDIA_TYPE}, text.encode()

    def _known(self) -> tuple[tuple[str, ...], Snapshot | None]:
        """The endpoints that calls choose among, and what is known of them; none where there is none with a key."""
        mux = self._gateway.mux
        try:
            fleet = mux._fleet(None, {})
        except ModelmuxError:
            return (), None
        return fleet.names, mux._state.look(fleet.scopes, mux._clock.monotonic())
