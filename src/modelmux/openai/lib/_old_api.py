"""Names of the vendor's package before its version 1: they say what became of them."""

from __future__ import annotations

from typing import Any

from modelmux.openai._exceptions import OpenAIError


class APIRemovedInV1(OpenAIError):
    """A call in the way of version 0."""

    def __init__(self, *, symbol: str) -> None:
        super().__init__(
            f"\n\nYou tried to access openai.{symbol}, but this is no longer supported in openai>=1.0.0: "
            f"make a client, and use its methods."
        )


class Removed:
    """Stands where such a name stood: importing it works, using it does not."""

    def __init__(self, symbol: str) -> None:
        object.__setattr__(self, "_symbol", symbol)

    def __getattr__(self, name: str) -> Any:
        raise APIRemovedInV1(symbol=self._symbol)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        raise APIRemovedInV1(symbol=self._symbol)
