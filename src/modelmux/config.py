"""Configuration as data: what a Mux is made of, from code, a TOML file, or the environment.

::

    models = ["openai/gpt-5-mini", "anthropic/claude-haiku-4-5"]   # or lists of them: groups of equals
    policy = "cheapest"
    ledger = "sqlite:///modelmux.db"
    deadline = 30

    [providers.openai]
    api_key_env = "MY_OPENAI_KEY"     # or api_key = "…"
    base_url = "https://proxy.example/v1"

    [[endpoints]]
    model = "openai_compatible/qwen3"
    base_url = "http://localhost:8000/v1"
    price = { input = "0.1", output = "0.4" }
    tags = { zone = "kr" }

In the environment: ``MODELMUX_CONFIG`` (path of such a file), ``MODELMUX_MODELS`` (comma-separated), and
``MODELMUX_<FIELD>`` for any plain field (``MODELMUX_POLICY=cheapest``).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelmux.endpoint import Endpoint
from modelmux.errors import ConfigError, UnknownName
from modelmux.providers import ROWS_VARIABLE

_PREFIX = "MODELMUX_"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ProviderConfig(_Strict):
    """One provider's settings. ``api_key_env`` names the variable that holds the key. For ``price``, ``discount`` and
    ``exchange`` see :mod:`modelmux.cost.terms`. The limits hold for each of its keys, over all models.
    """

    api_key: str | None = Field(default=None, repr=False)
    api_keys: list[str] | None = Field(default=None, repr=False)
    api_key_env: str | list[str] | None = None
    base_url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    price: dict[str, Any] | None = None
    discount: str | float | None = None
    exchange: dict[str, dict[str, str | float | date]] | None = None
    rpm: int | None = Field(default=None, gt=0)
    tpm: int | None = Field(default=None, gt=0)
    itpm: int | None = Field(default=None, gt=0)
    otpm: int | None = Field(default=None, gt=0)
    concurrency: int | None = Field(default=None, gt=0)


class EndpointConfig(_Strict):
    """An :class:`~modelmux.Endpoint` as configuration."""

    model: str
    base_url: str | None = None
    api_key: str | list[str] | None = Field(default=None, repr=False)
    api_key_env: str | list[str] | None = None
    name: str | None = None
    region: str | None = None
    price: dict[str, Any] | None = None
    rpm: int | None = Field(default=None, gt=0)
    tpm: int | None = Field(default=None, gt=0)
    itpm: int | None = Field(default=None, gt=0)
    otpm: int | None = Field(default=None, gt=0)
    concurrency: int | None = Field(default=None, gt=0)
    weight: float = 1
    tags: dict[str, str] | None = None
    call: str | None = None

    def endpoint(self, environ: Mapping[str, str]) -> Endpoint:
        data = self.model_dump(exclude={"model", "api_key", "api_key_env"})
        key = self.api_key or _from_env(self.api_key_env, environ, f"endpoints: {self.model}")
        return Endpoint(self.model, api_key=key, **data)


class Config(_Strict):
    """Everything :class:`~modelmux.Mux` takes that can be written down. Times are seconds, money dollars."""

    models: list[str | list[str]] | None = None
    endpoints: list[EndpointConfig] = Field(default_factory=list)
    policy: str = "balanced"
    providers: dict[str, ProviderConfig] = Field(default_factory=dict)
    ledger: str | None = None
    journal: str | None = None
    durability: Literal["journal", "fsync", "none"] = "journal"
    state: str = "memory://"
    deadline: float | None = Field(default=None, gt=0)
    attempt_timeout: float | None = Field(default=None, gt=0)
    ttft: float | None = Field(default=None, gt=0)
    on_break: Literal["raise", "restart", "resume", "buffer"] = "raise"
    max_cost: float | str | None = None
    hedge: bool | float | dict[str, Any] | None = None
    default_max_output: int = Field(default=8192, gt=0)
    usage: Literal["exact", "as_sent"] = "exact"
    strict: bool = False
    max_response_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    max_connections: int = Field(default=1000, gt=0)
    seed: int | None = None
    gateway: dict[str, Any] = Field(default_factory=dict, repr=False)
    """What `modelmux serve` is told beside its Mux (:mod:`modelmux.gateway.settings`); a Mux does not read it."""

    def arguments(self, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The keyword arguments for Mux. Raises ConfigError for a variable that is named and not set."""
        environ = os.environ if environ is None else environ
        data = self.model_dump(exclude={"models", "endpoints", "providers", "gateway"})
        models: list[Any] = list(self.models or [])
        models += [endpoint.endpoint(environ) for endpoint in self.endpoints]
        data["models"] = models or None
        data["providers"] = {
            name: {
                **given.model_dump(exclude={"api_key", "api_key_env"}, exclude_none=True),
                "api_key": given.api_key or _from_env(given.api_key_env, environ, f"providers.{name}"),
            }
            for name, given in self.providers.items()
        }
        return data


def _from_env(variables: str | list[str] | None, environ: Mapping[str, str], where: str) -> str | list[str] | None:
    """What the variable holds, or each of several."""
    if variables is None:
        return None
    for variable in [variables] if isinstance(variables, str) else variables:
        if not environ.get(variable):
            raise ConfigError(f"{where}: api_key_env names {variable}, which is not set", field=f"{where}.api_key_env")
    return environ[variables] if isinstance(variables, str) else [environ[variable] for variable in variables]


def parse(data: Mapping[str, Any], *, origin: str = "config") -> Config:
    """A checked configuration. Raises ConfigError naming the key that is wrong, with the nearest valid one."""
    try:
        return Config.model_validate(dict(data))
    except ValidationError as error:
        raise ConfigError(*_explained(error, origin)) from None


def _explained(error: ValidationError, origin: str) -> tuple[str]:
    lines = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join(str(step) for step in item["loc"])
        if item["type"] == "extra_forbidden":
            lines.append(f"{path}: {UnknownName('key', str(item['loc'][-1]), _keys_at(item['loc'][:-1]))}")
        else:
            lines.append(f"{path}: {item['msg']}")
    return (f"{origin}: " + "; ".join(lines),)


def _keys_at(path: tuple[int | str, ...]) -> list[str]:
    holders: dict[str, type[BaseModel]] = {"providers": ProviderConfig, "endpoints": EndpointConfig}
    holder = holders.get(str(path[0]), Config) if path else Config
    return list(holder.model_fields)


def from_file(path: str | os.PathLike[str]) -> Config:
    """Read a TOML file. Raises ConfigError when it is missing, is not TOML, or has a wrong key."""
    try:
        data = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {os.fspath(path)}: {error.strerror}", field="config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{os.fspath(path)} is not TOML: {error}", field="config") from None
    return parse(data, origin=os.fspath(path))


_PLAIN = tuple(name for name in Config.model_fields if name != "gateway")
"""Fields that may be set by a variable of their name."""


def from_env(environ: Mapping[str, str] | None = None) -> Config:
    """Read ``MODELMUX_…`` variables, over the file that ``MODELMUX_CONFIG`` names, if any."""
    environ = os.environ if environ is None else environ
    path = environ.get(_PREFIX + "CONFIG")
    data: dict[str, Any] = from_file(path).model_dump(exclude_unset=True) if path else {}
    for name in _PLAIN:
        value = environ.get(_PREFIX + name.upper())
        if value:
            data[name] = [part.strip() for part in value.split(",")] if name == "models" else value
    known = {_PREFIX + name.upper() for name in (*_PLAIN, "config")} | {ROWS_VARIABLE}
    for variable in environ:
        if variable.startswith(_PREFIX) and variable not in known:
            raise ConfigError(str(UnknownName("environment variable", variable, known)), field=variable)
    return parse(data, origin="environment")
