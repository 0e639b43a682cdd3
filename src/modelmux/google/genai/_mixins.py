"""What types do beside holding fields. Each class here stands before the made one of the same name."""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Mapping
from typing import Any

from modelmux.google.genai import types
from modelmux.google.genai._coerce import Refused

logger = logging.getLogger("modelmux")


class Part:
    """One piece of a turn. May be made of text, a File, a picture, a dict or another Part, given first."""

    def __init__(self, value: Any = None, /, **fields: Any) -> None:
        given = {name: item for name, item in fields.items() if item is not None}
        if value is not None:
            if given:
                raise ValueError("Positional and keyword arguments can not be combined when initializing a Part.")
            from modelmux.google.genai._content import part

            given = {name: item for name, item in vars(part(value)).items() if item is not None}
        super().__init__(**given)

    def as_image(self) -> Any:
        """The picture in it; None where it holds none."""
        blob = self.inline_data  # type: ignore[attr-defined]  # a field
        return blob.as_image() if blob else None

    @classmethod
    def from_text(cls, *, text: str) -> Any:
        return cls(text=text)

    @classmethod
    def from_bytes(cls, *, data: bytes, mime_type: str, media_resolution: Any = None) -> Any:
        return cls(inline_data={"data": data, "mime_type": mime_type}, media_resolution=_resolution(media_resolution))

    @classmethod
    def from_uri(cls, *, file_uri: str, mime_type: str | None = None, media_resolution: Any = None) -> Any:
        mime_type = mime_type or mimetypes.guess_type(file_uri)[0]
        if not mime_type:
            raise ValueError(f"Failed to determine mime type for file: {file_uri}")
        data = {"file_uri": file_uri, "mime_type": mime_type}
        return cls(file_data=data, media_resolution=_resolution(media_resolution))

    @classmethod
    def from_function_call(cls, *, name: str, args: dict[str, Any]) -> Any:
        return cls(function_call={"name": name, "args": args})

    @classmethod
    def from_function_response(cls, *, name: str, response: dict[str, Any], parts: Any = None) -> Any:
        return cls(function_response={"name": name, "response": response, "parts": parts})

    @classmethod
    def from_executable_code(cls, *, code: str, language: Any) -> Any:
        return cls(executable_code={"code": code, "language": language})

    @classmethod
    def from_code_execution_result(cls, *, outcome: Any, output: str) -> Any:
        return cls(code_execution_result={"outcome": outcome, "output": output})


def _resolution(value: Any) -> Any:
    return {"level": value} if isinstance(value, str) else value


class _Turn:
    def __init__(self, parts: Any, **more: Any) -> None:
        from modelmux.google.genai._content import parts_of

        super().__init__(parts=parts_of(parts), **more)  # type: ignore[call-arg]  # the made class takes fields


class UserContent(_Turn):
    """A turn of the user's."""


class ModelContent(_Turn):
    """A turn of the model's."""


class Blob:
    def as_image(self) -> Any:
        """As a picture; None where the bytes are none."""
        kind = self.mime_type  # type: ignore[attr-defined]  # a field
        data = self.data  # type: ignore[attr-defined]  # a field
        return types.Image(image_bytes=data, mime_type=kind) if data and (kind or "").startswith("image/") else None


class Image:
    @classmethod
    def from_file(cls, *, location: str, mime_type: str | None = None) -> Any:
        """A picture on disk, or in a bucket (``gs://``)."""
        from pathlib import Path

        bucket = "https://storage.googleapis.com/"
        if location.startswith(bucket):
            location = "gs://" + location.removeprefix(bucket)
        if location.startswith("gs://"):
            return cls(gcs_uri=location)  # type: ignore[call-arg]  # a field
        kind = mime_type or mimetypes.guess_type(location)[0]
        return cls(image_bytes=Path(location).read_bytes(), mime_type=kind)  # type: ignore[call-arg]  # fields

    def save(self, location: str) -> None:
        from pathlib import Path

        data = self.image_bytes  # type: ignore[attr-defined]  # a field
        if data is None:
            raise ValueError("The image bytes are not set.")
        Path(location).write_bytes(data)


class FunctionResponse:
    @classmethod
    def from_mcp_response(cls, *, name: str, response: Any) -> Any:
        """What a tool of an MCP server answered."""
        failed = getattr(response, "isError", getattr(response, "is_error", False))
        said = {"error": "MCP response is error."} if failed else {"result": response.content}
        return cls(name=name, response=said)  # type: ignore[call-arg]  # fields


class FunctionDeclaration:
    @classmethod
    def from_callable(cls, *, client: Any, callable: Any, behavior: Any = None, use_json_schema: bool = False) -> Any:
        """A function of the caller's as a declaration, read from its signature and docstring. Raises ValueError where a
        parameter's type has no schema.
        """
        option = "ENTERPRISE" if client.vertexai else "GEMINI_API"
        return cls.from_callable_with_api_option(
            callable=callable, api_option=option, behavior=behavior, use_json_schema=use_json_schema
        )

    @classmethod
    def from_callable_with_api_option(
        cls, *, callable: Any, api_option: str = "GEMINI_API", behavior: Any = None, use_json_schema: bool = False
    ) -> Any:
        """:meth:`from_callable` for one of the two services."""
        from modelmux.google.genai import _functions

        if api_option not in ("ENTERPRISE", "GEMINI_API", "VERTEX_AI"):
            raise ValueError(f"Unsupported api_option value: {api_option}.")
        if use_json_schema:
            return _functions.declared(callable, behavior)
        return _functions.declared_by_schema(callable, behavior, answers=api_option != "GEMINI_API")


class Schema:
    @property
    def json_schema(self) -> Any:
        """The same as a JSON schema."""
        from modelmux.google.genai._schema import to_json_schema

        return types.JSONSchema.model_validate(to_json_schema(self))

    @classmethod
    def from_json_schema(
        cls, *, json_schema: Any, api_option: str = "GEMINI_API", raise_error_on_unsupported_field: bool = False
    ) -> Any:
        """A JSON schema as this type: references written out, null as ``nullable``."""
        del api_option
        from modelmux.google.genai._schema import from_json_schema

        given = (
            json_schema if isinstance(json_schema, Mapping) else json_schema.model_dump(exclude_none=True, mode="json")
        )
        return cls.model_validate(  # type: ignore[attr-defined]  # the made class has it
            from_json_schema(given, strict=raise_error_on_unsupported_field)
        )


class GenerateContentConfig:
    @staticmethod
    def _take_response_schema(value: Any) -> Any:
        """Types are schemas too: an enum stands for a ``Literal``."""
        from modelmux.google.genai._schema import words_as_enum

        try:
            return words_as_enum(value)
        except ValueError as error:
            raise Refused("value_error", value, error=error) from None


class GenerateContentResponseUsageMetadata:
    @property
    def initial_prompt_token_count(self) -> int | None:
        """Tokens of the prompt of the first of a call's requests."""
        noted = (self.__pydantic_private__ or {}).get("_initial")  # type: ignore[attr-defined]  # pydantic's
        return noted if noted is not None else self.prompt_token_count  # type: ignore[attr-defined,no-any-return]


class GenerateContentResponse:
    """An answer, with short ways to what is mostly wanted of its first candidate."""

    @property
    def parts(self) -> Any:
        """The parts of the first candidate; None without any."""
        content = content_of(self)
        parts = content.parts if content is not None else None
        if not isinstance(parts, list):
            return None
        return parts if all(type(part) is types.Part for part in parts) else [p for p in parts if _is(p, types.Part)]

    @property
    def text(self) -> str | None:
        """The text of the first candidate without its thoughts; None where it has no text."""
        said, other = None, []
        for part in self.parts or ():
            if isinstance(part.text, str):
                if not part.thought:
                    said = part.text if said is None else said + part.text
            else:
                other += [name for name, value in vars(part).items() if value is not None and name not in _SAID]
        if other:
            _warn_once("text", "there are parts that are no text: %s; see candidates[0].content.parts", other)
        return said

    @property
    def function_calls(self) -> Any:
        """The functions that the first candidate calls; None where it calls none."""
        return [part.function_call for part in self.parts or () if _is(part.function_call, types.FunctionCall)] or None

    @property
    def executable_code(self) -> str | None:
        return next(
            (p.executable_code.code for p in self.parts or () if _is(p.executable_code, types.ExecutableCode)), None
        )

    @property
    def code_execution_result(self) -> str | None:
        found = [p.code_execution_result for p in self.parts or ()]
        return next((one.output for one in found if _is(one, types.CodeExecutionResult)), None)

    @property
    def initial_prompt_token_count(self) -> int | None:
        usage = self.usage_metadata  # type: ignore[attr-defined]  # a field
        return usage.initial_prompt_token_count if _is(usage, types.GenerateContentResponseUsageMetadata) else None

    @classmethod
    def _from_response(cls, *, response: dict[str, Any], kwargs: Mapping[str, Any]) -> Any:
        """An answer of JSON, parsed by the schema in ``kwargs["config"]``."""
        from modelmux._dropin.filling import build
        from modelmux.google.genai._schema import parsed

        made = build(cls, response)
        config = kwargs.get("config") or {}
        schema = config.get("response_schema")
        return parsed(made, config.get("response_json_schema") if schema is None else schema)


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind)


def candidate_of(response: Any) -> Any:
    """The first candidate; None without any, and for what is none."""
    found = response.candidates
    one = found[0] if isinstance(found, list) and found else None
    return one if _is(one, types.Candidate) else None


def content_of(response: Any) -> Any:
    """What the first candidate says; None where it says nothing."""
    candidate = candidate_of(response)
    content = candidate.content if candidate is not None else None
    return content if _is(content, types.Content) else None


_SAID = frozenset({"text", "thought", "thought_signature"})
_warned: set[str] = set()


def _warn_once(what: str, message: str, *values: Any) -> None:
    if what not in _warned:
        _warned.add(what)
        logger.warning(message, *values)
