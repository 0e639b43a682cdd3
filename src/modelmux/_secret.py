"""Keys that do not print themselves, and their removal from what vendors say.

Vendors echo keys ("Incorrect API key provided: …"), and proxies echo whole requests. So what proved who sent a request
is looked up in the request itself, and taken out of every error that its answer led to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

if TYPE_CHECKING:
    from modelmux._http import HttpRequest

MASK = "[secret]"
"""What stands where a secret stood."""

_PROOF = re.compile(r"auth|key|token|secret|cookie|signature|credential|assertion|password|session", re.IGNORECASE)
"""Names of headers and parameters that hold what proves who sends a request."""

_SIGNED = re.compile(r"(?:Credential|Signature)=([^,\s]+)")
"""The parts of an AWS signature's header that must not be seen together."""

_SHORTEST = 6
"""Characters below which a value is no secret, and masking it would eat words."""


class Secret:
    """A vendor key, bound to nothing yet. It shows in no repr, str, format, or pickle; :meth:`reveal` is greppable."""

    __slots__ = ("__fingerprint", "__value")

    def __init__(self, value: str) -> None:
        self.__value = value
        self.__fingerprint = ""

    def reveal(self) -> str:
        return self.__value

    @property
    def fingerprint(self) -> str:
        """Names the key without giving it away: 12 hex digits of its SHA-256."""
        if not self.__fingerprint:
            self.__fingerprint = hashlib.sha256(str(self.__value).encode()).hexdigest()[:12]
        return self.__fingerprint

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.__value == self.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a Secret does not pickle: hand the key over where it is needed instead")


class Hidden(dict[str, Any]):
    """A mapping whose values do not print: headers, credentials from a file. A traceback may show its names."""

    def __repr__(self) -> str:
        return f"<hidden values of {', '.join(map(repr, self))}>"

    __str__ = __repr__


def hidden(given: Any) -> Any:
    """What a user gave, kept out of tracebacks if it is a mapping."""
    return Hidden(given) if isinstance(given, Mapping) else given


def secrets_in(request: HttpRequest, *keys: Secret | None) -> tuple[str, ...]:
    """What this request proves itself with, longest first: ``keys``, and what stands in headers, address or form under
    a telling name.
    """
    found: set[str] = {key.reveal() for key in keys if key is not None}
    for name, value in request.headers.items():
        if _PROOF.search(name):
            # "Bearer" and its like are a word before the proof itself.
            found.update((value, value.rpartition(" ")[2]))
            found.update(_SIGNED.findall(value))
    address = urlsplit(request.url)
    fields = [(name, value) for name, value in parse_qsl(address.query) if _PROOF.search(name)]
    if address.password:
        fields.append(("password", address.password))
    if request.headers.get("content-type") == "application/x-www-form-urlencoded":
        form = parse_qsl(request.body.decode("ascii", "replace"))
        fields += [(name, value) for name, value in form if _PROOF.search(name) and name != "grant_type"]
    for _, value in fields:
        found.update((value, quote(value, safe="")))
    return tuple(sorted((one for one in found if len(one) >= _SHORTEST), key=len, reverse=True))


def scrub(value: Any, secrets: Iterable[str]) -> Any:
    """``value`` with every occurrence of a secret masked, also inside mappings and sequences. What holds none comes
    back as it is.
    """
    if isinstance(value, str):
        for secret in secrets:
            if secret in value:
                value = value.replace(secret, MASK)
        return value
    if isinstance(value, (bytes, bytearray)):
        for secret in secrets:
            if secret.encode() in value:
                value = value.replace(secret.encode(), MASK.encode())
        return value
    if isinstance(value, Mapping):
        return {scrub(name, secrets): scrub(item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(scrub(item, secrets) for item in value)
    return value


def redact(error: BaseException, secrets: Iterable[str]) -> None:
    """Mask secrets in all that an error carries, and in what caused it; cut their tracebacks, whose frames hold what
    the vendor said.
    """
    secrets = tuple(secrets)
    for one in _chain(error):
        one.args = scrub(one.args, secrets)
        for name, value in list(vars(one).items()):
            if name not in _KEPT and value.__class__ in _TEXTUAL:
                setattr(one, name, scrub(value, secrets))
        one.__traceback__ = None


_KEPT = frozenset({"__traceback__", "receipt"})
_TEXTUAL = (str, bytes, dict, list, tuple)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]
