"""The keys that a gateway's callers send: kept as hashes, with what each of them may do.

A key made by :func:`new_key` holds 256 random bits, so its SHA-256 can be kept as it is: there is nothing to guess from
a hash of that much chance. What slows down guessing (salts, bcrypt and its like) is for passwords that people choose,
and would cost every request its time.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from decimal import Decimal
from hmac import compare_digest
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from modelmux._front.asking import OPTIONS
from modelmux.errors import ConfigError, UnknownName

PREFIX = "mm-"
"""How keys made here begin, so that they are known for what they are where they should not be."""

_BITS = 256
_SHORTEST = 32
"""Characters of a key that was not made here: fewer may be guessed from a hash."""


class Key(BaseModel):
    """A caller's key, by its hash, and what it may do.

    ``models``: names or patterns (``provider/*``, ``*-mini``) of the models it may use, None for all. ``tags`` are on
    all its calls, beside ``key`` with its ``name``. ``options``: whether its requests may set options of a call
    (``x-modelmux-policy`` and the others), or which ones. ``receipts``: whether answers carry ``x-modelmux-…`` headers.
    ``max_cost``: dollars that one call may cost at most; a request can only lower it. ``concurrency``: calls that it
    may have under way.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[\w.@:-]{1,64}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    models: tuple[str, ...] | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    options: bool | tuple[str, ...] = True
    receipts: bool = True
    max_cost: Decimal | None = Field(default=None, ge=0)
    concurrency: int | None = Field(default=None, gt=0)

    @field_validator("options")
    @classmethod
    def _known(cls, value: Any) -> Any:
        for name in () if isinstance(value, bool) else value:
            if name not in OPTIONS:
                raise ValueError(str(UnknownName("option", name, OPTIONS)))
        return value

    @classmethod
    def of(cls, name: str, key: str, **more: Any) -> Self:
        """From the key itself, which is not kept. Raises ConfigError for a short one, or a field that is wrong."""
        if len(key) < _SHORTEST:
            raise ConfigError(f"the key of {name!r} is shorter than {_SHORTEST} characters", field="keys")
        try:
            return cls(name=name, sha256=digest(key), **more)
        except ValidationError as error:
            raise ConfigError(f"the key of {name!r}: {said(error)}", field="keys") from None

    def may_set(self, option: str) -> bool:
        return self.options if isinstance(self.options, bool) else option in self.options


def said(error: ValidationError) -> str:
    """What is wrong, without the values."""
    items = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in items)


def new_key() -> str:
    """A new key: 256 bits from the system's generator, in 46 characters that fit into any header."""
    return PREFIX + secrets.token_urlsafe(_BITS // 8)


def digest(key: str) -> str:
    """What is kept of a key: SHA-256, as 64 hex digits."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class Keyring:
    """Finds the key that a request sent. Raises ConfigError for two of one name, or the same twice."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._by_hash: dict[str, Key] = {}
        names: set[str] = set()
        for key in keys:
            if key.name in names or key.sha256 in self._by_hash:
                raise ConfigError(f"keys: {key.name!r} is there twice", field="keys")
            names.add(key.name)
            self._by_hash[key.sha256] = key

    def find(self, sent: str) -> Key | None:
        """The key, or None. How long it takes tells nothing: what is looked up is a hash, which a caller cannot steer,
        and the last word is a comparison in constant time.
        """
        hashed = digest(sent)
        found = self._by_hash.get(hashed)
        return found if compare_digest(hashed, _NOBODY if found is None else found.sha256) else None


_NOBODY = "0" * 64
