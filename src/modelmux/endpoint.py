"""Endpoints: one model at one provider with one key and region. What the router chooses among."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelmux._secret import Secret
from modelmux.routing.claims import Scopes

if TYPE_CHECKING:
    from modelmux.catalogue import Model
    from modelmux.cost.terms import Terms
    from modelmux.providers import Call, Row
    from modelmux.wire import Wire


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as the user describes it; may stand wherever a model name may.

    ``model`` is ``provider/model``. ``call`` is which of the provider's calls is used where it has several
    (``responses``, ``interactions``; ``docs/providers.md`` lists them), by default the one that its row prefers for the
    model. ``price`` overrides the catalogue: a mapping of unit to the price of a million
    (``{"input": "0.25", "output": 2}``, in dollars unless ``currency`` is among the keys), or ``{"discount": "0.85"}``,
    a factor on the catalogue's rates; with ``exchange``, the dated rate by which another currency is compared (see
    :mod:`modelmux.cost.terms`). ``rpm``, ``tpm``, ``itpm`` and ``otpm`` are this endpoint's limits a minute, of
    requests, tokens, tokens in and tokens out, ``concurrency`` that of calls at a time (``docs/limits.md``). A list as
    ``api_key`` makes a group of equals, an endpoint for each key. ``weight`` is its share under the ``weighted``
    policy, ``tags`` what ``require=`` and ``exclude=`` may name, ``http_client`` an httpx client of your own for it.
    """

    model: str
    base_url: str | None = field(default=None, kw_only=True)
    api_key: str | Sequence[str] | None = field(default=None, kw_only=True, repr=False)
    name: str | None = field(default=None, kw_only=True)
    region: str | None = field(default=None, kw_only=True)
    price: Mapping[str, Any] | None = field(default=None, kw_only=True)
    rpm: int | None = field(default=None, kw_only=True)
    tpm: int | None = field(default=None, kw_only=True)
    itpm: int | None = field(default=None, kw_only=True)
    otpm: int | None = field(default=None, kw_only=True)
    concurrency: int | None = field(default=None, kw_only=True)
    weight: float = field(default=1, kw_only=True)
    tags: Mapping[str, str] | None = field(default=None, kw_only=True)
    http_client: Any = field(default=None, kw_only=True, repr=False, compare=False)
    call: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """An :class:`Endpoint` resolved: everything a request needs, looked up once when the Mux is made.

    ``name`` is unique within a Mux and is the key under which health and limits are kept. ``model`` is the vendor's
    own model id, ``info`` its catalogue entry (None for a model the catalogue does not know), ``codec`` the wire it is
    spoken to in. ``group`` numbers the groups of equals that ``models=`` gave, from 0. ``key_limits`` are the limits
    that all endpoints of its key share. ``scopes`` are the names under which its state is kept.
    """

    name: str
    row: Row
    model: str
    call: Call
    codec: Wire
    base_url: str
    origin: str
    key: Secret | None = None
    info: Model | None = None
    region: str | None = None
    price: Terms | Mapping[str, Any] | None = None
    rpm: int | None = None
    tpm: int | None = None
    itpm: int | None = None
    otpm: int | None = None
    concurrency: int | None = None
    key_limits: Mapping[str, int] = field(default_factory=dict)
    weight: float = 1
    tags: Mapping[str, str] = field(default_factory=dict)
    group: int = 0
    http_client: Any = None
    scopes: Scopes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scopes", self.scopes_with(self.key))

    def scopes_with(self, key: Secret | None) -> Scopes:
        """The scopes of an attempt that uses ``key``, which its caller may have brought along. None holds it."""
        provider = f"{self.row.id} at {self.origin}"
        return Scopes(self.name, f"{provider} with {key.fingerprint if key is not None else 'no key'}", provider)

    @property
    def provider(self) -> str:
        return self.row.id
