"""What callers say, as the turns that are sent: text, parts, files, pictures, dicts, turns, and lists of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from modelmux.google.genai import types
from modelmux.google.genai._coerce import Refused
from modelmux.google.genai._models import told


def part(value: Any) -> Any:
    """One part. Raises ValueError for what cannot be one."""
    if value is None:
        raise ValueError("content part is required.")
    if isinstance(value, str):
        return types.Part(text=value)
    if isinstance(value, types.Part):
        return value
    if _is(value, "File"):
        if not value.uri or not value.mime_type:
            raise ValueError("file uri and mime_type are required.")
        return types.Part.from_uri(file_uri=value.uri, mime_type=value.mime_type)
    if isinstance(value, Mapping):
        try:
            return types.Part.model_validate(value)
        except ValidationError:
            return types.Part(file_data=types.FileData.model_validate(value))
    if _is(value, "Part"):
        return types.Part.model_validate(value)
    if _is_picture(value):
        return types.Part(inline_data=_picture(value))
    raise ValueError(f"Unsupported content part type: {type(value)}")


def parts_of(value: Any) -> list[Any]:
    """A list of parts, of one or several."""
    if value is None or (isinstance(value, list) and not value):
        raise ValueError("content parts are required.")
    return [part(one) for one in value] if isinstance(value, list) else [part(value)]


def content(value: Any) -> Any:
    """One turn. Without a role of its own it is the user's, or the model's where it calls a function."""
    if value is None:
        raise ValueError("content is required.")
    if isinstance(value, types.Content):
        return value
    if isinstance(value, Mapping):
        try:
            return types.Content.model_validate(value)
        except ValidationError:
            return _turn([part(value)])
    if _is(value, "Content"):
        return types.Content.model_validate(value)
    if isinstance(value, list):
        return types.UserContent(parts=value)
    return _turn([part(value)])


def contents(value: Any) -> list[Any]:
    """Turns. Parts that stand side by side in a list are one turn."""
    if value is None or (isinstance(value, list) and not value):
        raise ValueError("contents are required.")
    if not isinstance(value, list):
        try:
            return [content(value)]
        except ValidationError:
            raise
        except ValueError as error:
            if not str(error).startswith("Unsupported"):
                raise
            raise told(types.Content, [Refused("model_attributes_type", value, ("contents",))]) from None
    turns: list[Any] = []
    loose: list[Any] = []
    for one in value:
        found = _loose(one)
        if found is None:
            _settle(turns, loose)
            turns.append(_whole(one))
        else:
            if loose and bool(found.function_call) != bool(loose[-1].function_call):
                _settle(turns, loose)
            loose.append(found)
    _settle(turns, loose)
    return turns


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return types.UserContent(parts=value)
    if isinstance(value, Mapping | types.Content) or _is(value, "Content"):
        return types.Content.model_validate(value)
    raise ValueError(f"Unsupported content type: {type(value)}")


def _loose(value: Any) -> Any:
    """A part that stands in a list of turns; None for what is a turn."""
    if isinstance(value, Mapping):
        if not value or "parts" in value or "role" in value:
            return None
        try:
            return part(value)
        except ValidationError:
            return None
    if isinstance(value, str | types.Part) or _is(value, "Part") or _is(value, "File") or _is_picture(value):
        return part(value)
    return None


def _settle(turns: list[Any], loose: list[Any]) -> None:
    if loose:
        turns.append(_turn(list(loose)))
        loose.clear()


def _turn(parts: list[Any]) -> Any:
    kind = types.ModelContent if any(one.function_call for one in parts) else types.UserContent
    return kind(parts=parts)


def is_message(value: Any) -> bool:
    """Whether this may be said in a chat: parts, no turns."""
    if isinstance(value, list):
        return all(map(is_message, value))
    return isinstance(value, str | types.Part | types.File) or _is_picture(value)


def _is(value: Any, name: str) -> bool:
    """Whether this is a model of that name, ours or one that has its fields."""
    return isinstance(value, BaseModel) and any(kind.__name__ == name for kind in type(value).__mro__)


def _is_picture(value: Any) -> bool:
    """Whether this is an image of PIL's, which need not be installed."""
    return any(kind.__module__.partition(".")[0] == "PIL" and kind.__name__ == "Image" for kind in type(value).__mro__)


def _picture(image: Any) -> Any:
    kind = "JPEG" if image.format == "JPEG" and getattr(image, "filename", "") else "PNG"
    out = io.BytesIO()
    image.save(out, kind, **({"quality": "keep"} if kind == "JPEG" else {}))
    return types.Blob(data=out.getvalue(), mime_type=f"image/{kind.lower()}")
