"""What answers have beside their fields: the parsed output, and the form in which they go back into a conversation."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.absent import NotGiven, Omit
from modelmux._dropin.models import Made


class AsParam:
    """A message that can be a part of the next call's ``messages``."""

    def to_param(self) -> dict[str, Any]:
        """This message as an entry of ``messages``."""
        content = self.content  # type: ignore[attr-defined]  # a field of the model this is mixed into
        blocks = [block.to_dict() if hasattr(block, "to_dict") else block for block in content]
        return {"role": "assistant", "content": blocks}


class ParsedMessage:
    """A message whose text was parsed."""

    @property
    def parsed_output(self) -> Any:
        """What the first text that has something parsed was parsed into; None where nothing was."""
        found = (getattr(block, "parsed_output", None) for block in self.content)  # type: ignore[attr-defined]  # as above
        return next((value for value in found if value), None)


class ParsedTextBlock:
    """A text with what it was parsed into, which is never sent back."""

    _hidden_ = frozenset({"parsed_output"})


def wanted(output_format: Any) -> bool:
    """Whether text is to be parsed."""
    return output_format is not None and type(output_format) not in (Omit, NotGiven)


_adapters: dict[Any, Any] = {}


def adapter(kind: Any) -> Any:
    """pydantic's reading of a type. Raises TypeError for what is no type that it knows."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError

    try:
        found = _adapters.get(kind)
    except TypeError:  # what cannot be hashed is read each time
        found = None
    if found is None:
        try:
            found = TypeAdapter(kind)
        except PydanticSchemaGenerationError as error:
            raise TypeError(
                "Could not generate JSON schema for the given `output_format` type. "
                "Use a type that works with `pydantic.TypeAdapter`"
            ) from error
        if getattr(kind, "__hash__", None) is not None and len(_adapters) < 512:
            try:
                _adapters[kind] = found
            except TypeError:
                return found
    return found


def parsed_text(text: str, output_format: Any) -> Any:
    """Text as the type that was asked for; None where none was. Raises pydantic's ValidationError."""
    return adapter(output_format).validate_json(text) if wanted(output_format) else None


def parsed(message: Any, output_format: Any, refs: tuple[str, str]) -> Any:
    """A message with its texts parsed. ``refs``: the classes of the message and of a text."""
    from modelmux.anthropic._registry import registry

    if not isinstance(message, Made):
        return message
    whole, text = (registry.cls(ref) for ref in refs)
    blocks = [
        _as(text, block, parsed_output=parsed_text(block.text, output_format)) if _is_text(block) else block
        for block in message.__dict__.get("content") or ()
    ]
    return _as(whole, message, content=blocks)


def _is_text(block: Any) -> bool:
    return getattr(block, "type", None) == "text"


def _as(cls: type, model: Any, **more: Any) -> Any:
    """A model as one of a subclass, with more to it."""
    made: Any = object.__new__(cls)
    put = object.__setattr__
    put(made, "__dict__", {**model.__dict__, **more})
    put(made, "__pydantic_fields_set__", {*model.__pydantic_fields_set__, *more})
    put(made, "__pydantic_extra__", model.__pydantic_extra__)
    put(made, "__pydantic_private__", model.__pydantic_private__)
    return made
