"""Two ways of saying that an argument was not given, neither of which is None."""

from __future__ import annotations

from typing import Any, Literal


class NotGiven:
    """The default of an argument for which None means something, such as ``timeout``."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "NOT_GIVEN"


class Omit:
    """Leave this argument, header or query parameter out, also where a default would have been sent."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        del source, handler
        return core_schema.is_instance_schema(cls)

    def __bool__(self) -> Literal[False]:
        return False


not_given = NotGiven()
NOT_GIVEN = not_given
omit = Omit()


def is_given(value: Any) -> bool:
    """Whether a value is to be sent."""
    return type(value) is not NotGiven and type(value) is not Omit


def given(values: dict[str, Any]) -> dict[str, Any]:
    """What of these is to be sent; the same dict when all of it is."""
    for value in values.values():
        if type(value) is Omit or type(value) is NotGiven:
            return {key: value for key, value in values.items() if is_given(value)}
    return values
