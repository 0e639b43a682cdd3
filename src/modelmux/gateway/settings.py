"""What a gateway is told: the table ``[gateway]`` of a configuration file, or the keywords of ``gateway.app``.

::

    [gateway]
    host = "0.0.0.0"
    deadline = 120

    [[gateway.keys]]
    name = "team-a"
    sha256 = "…"                  # as `modelmux serve --new-key team-a` prints it
    models = ["provider/*", "*-mini"]
    tags = { team = "a" }
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelmux.errors import ConfigError, UnknownName
from modelmux.gateway.keys import Key, said

HOST, PORT = "127.0.0.1", 8642


class Settings(BaseModel):
    """``host`` and ``port`` are where ``modelmux serve`` listens. Times are seconds, sizes bytes.

    ``deadline``: for a call with all its attempts, at most; requests may set a nearer one. ``max_body``: of a request;
    larger is 413. ``body_seconds``: for a request's body to arrive; later is 408. ``max_in_flight``: requests under
    way; more are 503. ``drain``: how long a stop waits for what is under way, ``drain_delay`` how long before that
    ``/readyz`` already says no while requests are still taken, for a balancer to notice. ``origins``: web pages that
    may call (CORS), ``"*"`` for any; none by default. ``open_metrics``: ``/metrics`` without a key. ``anyone``: without
    keys, serve whoever comes, because somebody in front checks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = HOST
    port: int = Field(default=PORT, ge=0, le=65535)
    keys: tuple[Key, ...] = ()
    deadline: float = Field(default=600, gt=0)
    max_body: int = Field(default=32 * 1024 * 1024, gt=0)
    body_seconds: float = Field(default=60, gt=0)
    max_in_flight: int = Field(default=1000, gt=0)
    drain: float = Field(default=30, ge=0)
    drain_delay: float = Field(default=0, ge=0)
    origins: tuple[str, ...] = ()
    open_metrics: bool = False
    anyone: bool = False


def parse(table: Mapping[str, Any], *, origin: str = "gateway") -> Settings:
    """A checked table. Raises ConfigError naming the key that is wrong."""
    try:
        return Settings.model_validate(dict(table))
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            if item["type"] == "extra_forbidden":
                holder = Key if item["loc"][0] == "keys" else Settings
                name = UnknownName("key", str(item["loc"][-1]), holder.model_fields)
                raise ConfigError(f"{origin}: {name}", field=str(item["loc"][-1])) from None
        raise ConfigError(f"{origin}: {said(error)}", field="gateway") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can come in at ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def check_bind(settings: Settings) -> None:
    """Raises ConfigError where anybody on the network could spend the owner's money."""
    if settings.keys or settings.anyone or is_loopback(settings.host):
        return
    raise ConfigError(
        f"host {settings.host!r} lets others in, and there are no keys to tell them apart: make one with `modelmux "
        "serve --new-key NAME` and put what it prints into the configuration file, listen on 127.0.0.1, or say "
        "anyone = true under [gateway] where something in front checks who comes",
        field="host",
    )
