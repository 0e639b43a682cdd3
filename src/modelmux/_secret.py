"""A key that does not print itself."""

from __future__ import annotations

import hashlib


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
            self.__fingerprint = hashlib.sha256(self.__value.encode()).hexdigest()[:12]
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
