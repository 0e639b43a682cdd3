"""What the drop-ins' error classes have in common. Each drop-in has its own tree, under its vendor's names."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.transport import Asked, Got


class Late:
    """An attribute that is a plain value, or is made of one of ours when it is looked at: an HTTP request or response
    as an object of the HTTP family is expensive, and most errors are caught without a look at it.
    """

    __slots__ = ("_name",)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}_"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = instance.__dict__.get(self._name)
        if isinstance(value, Got):
            value = value.native
        elif isinstance(value, Asked):
            value = value.dressed()
        else:
            return value
        instance.__dict__[self._name] = value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self._name] = value


def request_of(response: Any) -> Any:
    """The request of an answer of any kind; None where it knows none."""
    if isinstance(response, Got):
        return response.asked
    try:
        return response.request
    except (AttributeError, RuntimeError):
        return None


def status_of(response: Any) -> int:
    """The status of an answer of any kind."""
    status: int = response.status if isinstance(response, Got) else response.status_code
    return status


def headers_of(response: Any) -> Any:
    """The headers of an answer of any kind."""
    return response.headers
