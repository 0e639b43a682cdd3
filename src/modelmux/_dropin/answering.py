"""What becomes of an answer: a model, plain data, a file, or a stream of items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from modelmux._dropin.binary import Binary
from modelmux._dropin.families import same_kind
from modelmux._dropin.filling import note
from modelmux._dropin.models import BaseModel
from modelmux._dropin.options import RequestOptions
from modelmux._dropin.registry import Registry
from modelmux._dropin.shapes import shape_of
from modelmux._dropin.streams import AsyncStream, Stream
from modelmux._dropin.transport import Got
from modelmux._http import SSE
from modelmux._json import loads


class Answering:
    """The half of a client that reads what comes back."""

    _registry: ClassVar[Registry]
    _is_async: ClassVar[bool]
    _strict_response_validation: bool
    _validation_error: Callable[[Got, str | None, Any], Exception]

    def _request_id_of(self, got: Got) -> str | None:
        return got.headers.get("x-request-id")

    def _result(self, got: Got, options: RequestOptions, cast_to: Any, stream: Any, to: Any = None) -> Any:
        """What a method returns for an answer that was read, or for a stream."""
        if stream is not None:
            return self._stream_of(got, options, stream, to)
        shape = cast_to if isinstance(cast_to, str | list) else self._shape_of(cast_to)
        if isinstance(shape, str) and shape[:1] == "_":
            shape = self._registry.cls(shape)  # a class that is written by hand
        special = _SPECIAL.get(shape) if isinstance(shape, str) else None
        if special is not None:
            return special(got)
        if isinstance(shape, type) and (issubclass(shape, Binary) or shape.__name__ == "Response"):
            if issubclass(shape, Binary):
                return shape(got)
            if same_kind(object.__new__(shape), "Response") or shape.__module__.startswith("httpx"):
                return got.native
        return self._model_of(got, shape)

    def _model_of(self, got: Got, shape: Any) -> Any:
        kind = got.headers.get("content-type", "application/json" if got.value is not None else "")
        if not kind.partition(";")[0].strip().lower().endswith("json"):
            value = _json_or_none(got) if self._is_model(shape) else None
            if value is None and self._strict_response_validation:
                raise self._validation_error(
                    got,
                    f"Expected Content-Type response header to be `application/json` but received `{kind}` instead.",
                    _text(got),
                )
            if value is None:
                return _text(got)
        else:
            value = got.value if got.value is not None else loads(got.content or b"")
        return self._cast(got, shape, value)

    def _is_model(self, shape: Any) -> bool:
        if isinstance(shape, str):
            return ":" in shape and "f" in self._registry.entry(shape)
        return isinstance(shape, type) and issubclass(shape, BaseModel)

    def _cast(self, got: Got, shape: Any, value: Any) -> Any:
        if self._strict_response_validation:
            from modelmux._dropin.strict import check

            try:
                check(self._registry.shapes.annotation(shape), value)
            except ValueError as error:
                raise self._validation_error(got, None, value) from error
        converter = self._registry.shapes.converter(shape)
        result = value if converter is None or value is None else converter(value)
        if isinstance(result, BaseModel):
            request_id = self._request_id_of(got)
            if request_id is not None:
                note(result, "_request_id", request_id)
            receipt = getattr(got, "receipt", None)
            if receipt is not None:
                note(result, "_modelmux", receipt)
        return result

    def _shape_of(self, cast_to: Any) -> Any:
        if cast_to is None:
            return "none"
        if isinstance(cast_to, type) and (issubclass(cast_to, Binary) or cast_to.__module__.startswith("httpx")):
            return cast_to
        import pydantic

        if isinstance(cast_to, type) and issubclass(cast_to, pydantic.BaseModel) and not issubclass(cast_to, BaseModel):
            home = self._registry.package
            raise TypeError(f"A pydantic model for `cast_to` must be a subclass of {home}.BaseModel")
        return shape_of(cast_to)

    def _stream_of(self, got: Got, options: RequestOptions, stream: Any, to: Any) -> Any:
        kind: Any = AsyncStream if self._is_async else Stream
        item = stream
        if isinstance(to, type) and issubclass(to, Stream | AsyncStream):
            kind = to
        elif getattr(to, "__origin__", None) is not None and issubclass(to.__origin__, Stream | AsyncStream):
            kind, item = to.__origin__, to.__args__[0]
        elif isinstance(stream, tuple):
            kind, item = stream
        return self._stream_class(kind)(cast_to=item, response=got, client=self, options=options)

    def _stream_class(self, kind: Any) -> Any:
        return kind

    def _event_reader(self, cast_to: Any, options: RequestOptions | None) -> Callable[[SSE, Any], Any]:
        """A function from an event of a stream to an item of it, ``END`` or ``SKIP``; it raises what an error event
        says.
        """
        shape = cast_to if isinstance(cast_to, str | list) else shape_of(cast_to)
        converter = self._registry.shapes.converter(shape)
        del options

        def read(event: SSE, got: Any) -> Any:
            del got
            value = loads(event.data)
            return value if converter is None else converter(value)

        return read


def _json_or_none(got: Got) -> Any:
    """The body of an answer that does not say it is JSON, where it is all the same."""
    try:
        return loads(got.content or b"")
    except ValueError:
        return None


def _text(got: Got) -> str:
    return (got.content or b"").decode(_charset(got), "replace")


def _charset(got: Got) -> str:
    _, _, charset = got.headers.get("content-type", "").partition("charset=")
    name = charset.partition(";")[0].strip("\"' ") or "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return name


_SPECIAL: dict[str, Callable[[Got], Any]] = {
    "none": lambda _: None,
    "str": _text,
    "bytes": lambda got: got.content,
    "int": lambda got: int(_text(got)),
    "float": lambda got: float(_text(got)),
    "bool": lambda got: _text(got).lower() == "true",
}
