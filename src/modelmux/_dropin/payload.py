"""What goes out: JSON, query strings, multipart forms. The caller's objects are read, never copied or changed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus

from pydantic_core import PydanticSerializationError, SchemaSerializer, core_schema

from modelmux._dropin.absent import NotGiven, Omit, is_given

_serializer = SchemaSerializer(core_schema.any_schema(), core_schema.CoreConfig(ser_json_inf_nan="constants"))

_HOLDERS = (Mapping, list, tuple)
_PLAIN = frozenset((str, int, bool, type(None)))
_WORTH = 64
"""Bytes of text that are searched in the time that it takes to look at one value."""


class _Absent(Exception):
    """A value that was not given stands inside the payload."""


class FileText:
    """A file, given as its path or open, that a payload holds as base64. It is read when the payload is written."""

    __slots__ = ("file",)

    def __init__(self, file: Any) -> None:
        self.file = file

    def text(self) -> str:
        if not isinstance(self.file, os.PathLike):
            data = self.file.read()
            return _text(data.encode() if isinstance(data, str) else data)
        with open(self.file, "rb") as file:
            return _text(file.read())


def _fallback(value: Any) -> Any:
    if isinstance(value, Omit | NotGiven):
        raise _Absent
    if isinstance(value, FileText):
        return value.text()
    if isinstance(value, os.PathLike):
        with open(value, "rb") as file:
            return _text(file.read())
    if hasattr(value, "__iter__"):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _text(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def json_bytes(value: Any) -> bytes:
    """A payload as JSON. Models in it say what was set in them. Raises TypeError for what has no JSON form, ValueError
    for what is no finite number.
    """
    try:
        out = _serializer.to_json(value, by_alias=True, exclude_unset=True, warnings=False, fallback=_fallback)
    except _Absent:
        return json_bytes(_stripped(value))
    except PydanticSerializationError as error:
        if "_Absent" in str(error):
            return json_bytes(_stripped(value))
        if "surrogates" in str(error):
            import json

            return json.dumps(value, separators=(",", ":")).encode()
        raise TypeError(str(error).removeprefix("Error calling function `_fallback`: TypeError: ")) from None
    if not _is_finite(value, out):
        raise ValueError("Out of range float values are not JSON compliant")
    return out


def _stripped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _stripped(item) for key, item in value.items() if is_given(item)}
    if isinstance(value, list | tuple):
        return [_stripped(item) for item in value if is_given(item)]
    return value


def _is_finite(value: Any, text: bytes) -> bool:
    """Whether every number of a payload is finite; ``text`` is the payload as JSON.

    What is cheaper is looked at: the values where they are few and long, as in a conversation; the text first where
    they are many and short, as in a list of tokens.
    """
    left = len(text) // _WORTH
    held: list[Any] = [(value,)]
    while held:
        one = held.pop()
        left -= len(one)
        if left < 0:
            if b"NaN" not in text and b"Infinity" not in text:
                return True
            left = len(text)  # more than there are values
        for item in one.values() if isinstance(one, Mapping) else one:
            kind = type(item)
            if kind in _PLAIN:
                continue
            if kind is dict or kind is list:
                held.append(item)
            elif isinstance(item, float):
                if item - item != 0:
                    return False
            elif isinstance(item, _HOLDERS):
                held.append(item)
    return True


# --- query strings ---


def query_pairs(params: Mapping[str, Any], arrays: str = "brackets") -> list[tuple[str, str]]:
    """``a[b]=c`` for what is nested; lists as ``a[]=1`` (``brackets``), ``a=1&a=2`` (``repeat``) or ``a=1,2``
    (``comma``). None and what was not given is left out.
    """
    out: list[tuple[str, str]] = []
    for key, value in params.items():
        _pairs(str(key), value, arrays, out)
    return out


def _pairs(key: str, value: Any, arrays: str, out: list[tuple[str, str]]) -> None:
    if isinstance(value, Mapping):
        for name, item in value.items():
            _pairs(f"{key}[{name}]", item, arrays, out)
    elif isinstance(value, list | tuple):
        if arrays == "comma":
            joined = ",".join(plain for item in value if (plain := primitive(item)) is not None)
            if joined:
                out.append((key, joined))
            return
        for item in value:
            _pairs(f"{key}[]" if arrays == "brackets" else key, item, arrays, out)
    elif is_given(value):
        plain = primitive(value)
        if plain:
            out.append((key, plain))


def primitive(value: Any) -> str | None:
    if value is None:
        return None
    if value is True or value is False:
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(getattr(value, "value", value))


def query_string(params: Mapping[str, Any], arrays: str = "brackets") -> str:
    return "&".join(f"{_quoted(key)}={_quoted(value)}" for key, value in query_pairs(params, arrays))


def _quoted(text: str) -> str:
    return quote_plus(text, safe="-._~")


# --- multipart forms ---


def multipart(
    fields: Mapping[str, Any], files: Iterable[tuple[str, Any]], arrays: str = "brackets", boundary: str | None = None
) -> tuple[str, bytes]:
    """A form as ``(content type, body)``. A file is bytes, text, something with ``read``, a path, or a tuple of name,
    content, content type and headers.
    """
    mark = boundary or os.urandom(16).hex()
    out = io.BytesIO()
    for key, value in query_pairs(fields, arrays):
        out.write(f'--{mark}\r\nContent-Disposition: form-data; name="{_attribute(key)}"\r\n\r\n{value}\r\n'.encode())
    for key, file in files:
        _write_file(out, mark, key, file)
    out.write(f"--{mark}--\r\n".encode())
    return f"multipart/form-data; boundary={mark}", out.getvalue()


def _attribute(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _write_file(out: io.BytesIO, mark: str, key: str, file: Any) -> None:
    import mimetypes

    name, content, kind, headers = described(file)
    disposition = f'form-data; name="{_attribute(key)}"'
    if name is not None:
        disposition += f'; filename="{_attribute(name)}"'
        kind = kind or mimetypes.guess_type(name)[0] or "application/octet-stream"
    lines = {"Content-Disposition": disposition, **headers}
    if kind and not any(header.lower() == "content-type" for header in headers):
        lines["Content-Type"] = kind
    head = "".join(f"{header}: {value}\r\n" for header, value in lines.items())
    out.write(f"--{mark}\r\n{head}\r\n".encode())
    out.write(content)
    out.write(b"\r\n")


def described(file: Any) -> tuple[str | None, bytes, str | None, Mapping[str, str]]:
    """A file argument as name, content, content type and headers. Raises TypeError for what is no file."""
    name: str | None
    if isinstance(file, tuple):
        name, content = file[0], file[1]
        kind = file[2] if len(file) > 2 else None
        headers = file[3] if len(file) > 3 else {}
        return name, content_of(content), kind, headers
    if isinstance(file, os.PathLike):
        name = os.path.basename(os.fspath(file))
        name = name.decode() if isinstance(name, bytes) else name
    else:
        given = getattr(file, "name", None)
        name = os.path.basename(given) if isinstance(given, str) else "upload"
    return name, content_of(file), None, {}


def content_of(file: Any) -> bytes:
    if isinstance(file, bytes):
        return file
    if isinstance(file, bytearray | memoryview):
        return bytes(file)
    if isinstance(file, os.PathLike):
        with open(file, "rb") as opened:
            return opened.read()
    if hasattr(file, "read"):
        data = file.read()
        return data.encode() if isinstance(data, str) else bytes(data)
    if isinstance(file, str):
        return file.encode()
    raise TypeError(f"expected a file: bytes, a path, something with read(), or a tuple; got {type(file).__name__}")


def check_file(key: str, file: Any) -> None:
    """Raise what the vendors' SDKs raise of an argument that is no file."""
    inner = file[1] if isinstance(file, tuple) and len(file) > 1 else file
    if not (isinstance(inner, bytes | bytearray | os.PathLike) or hasattr(inner, "read") or isinstance(file, tuple)):
        raise RuntimeError(
            f"Expected entry at `{key}` to be bytes, an io.IOBase instance, PathLike or a tuple but received "
            f"{type(file)} instead."
        )
