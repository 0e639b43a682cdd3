"""OpenAI's embeddings: made of the texts themselves, so that equal texts have equal vectors in every run."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from typing import Any

from modelmux.testing._shapes.openai import OpenAI
from modelmux.testing.answers import Answer, Asked, RecordedRequest, Said

_SIZES = {"text-embedding-3-large": 3072}
_SIZE = 1536
_MOST = 2048
"""Texts of one request."""


class Embeddings(OpenAI):
    """Answers need no script and use none up: what chats are told to say stays for chats."""

    path = "/embeddings"

    def asked(self, request: RecordedRequest) -> Asked:
        body = request.json
        said = [_text(item) for item in _inputs(body["input"])]
        return Asked(body["model"], False, "\n".join(said), said[-1])

    def problem(self, request: RecordedRequest) -> str | None:
        body = request.json
        if not isinstance(body.get("model"), str) or not body["model"]:
            return "you must provide a model parameter"
        inputs = _inputs(body.get("input"))
        if not inputs or not all(inputs):
            return "'$.input' is invalid."
        if len(inputs) > _MOST:
            return f"'$.input' is too long: {len(inputs)} texts, at most {_MOST}."
        if body.get("encoding_format") not in {None, "float", "base64"}:
            return f"Invalid value for 'encoding_format': {body['encoding_format']!r}."
        size = body.get("dimensions")
        if size is not None and not 0 < size <= _size(body["model"]):
            return f"Invalid value for 'dimensions': {size!r}."
        return None

    def unscripted(self, request: RecordedRequest) -> Answer:
        inputs = _inputs(request.json["input"])
        counts = [len(item) if isinstance(item, list) else math.ceil(len(item) / 4) for item in inputs]
        return Answer(usage={"input": sum(counts)})

    def whole(self, said: Said) -> dict[str, Any]:
        body: Any = {"input": "x"} if self._request is None else self._request.json
        size: int = body.get("dimensions") or _size(said.model)
        packed = body.get("encoding_format") == "base64"
        rows = [
            {"object": "embedding", "index": index, "embedding": _vector(_text(item), size, packed=packed)}
            for index, item in enumerate(_inputs(body["input"]))
        ]
        answer: dict[str, Any] = {"object": "list", "data": rows, "model": said.model}
        if said.usage is not None:
            count = said.usage.get("input", 0)
            answer["usage"] = {"prompt_tokens": count, "total_tokens": count}
        return answer


def _inputs(given: Any) -> list[Any]:
    """The texts, each a string or a list of tokens."""
    if isinstance(given, str) or (isinstance(given, list) and given and isinstance(given[0], int)):
        return [given]
    return given if isinstance(given, list) else []


def _text(item: Any) -> str:
    return item if isinstance(item, str) else " ".join(map(str, item))


def _size(model: str) -> int:
    return _SIZES.get(model, _SIZE)


def _vector(text: str, size: int, *, packed: bool) -> list[float] | str:
    """A vector of length 1; ``packed`` as the base64 of its 32-bit floats, little end first."""
    raw = [byte - 127.5 for byte in hashlib.shake_128(text.encode()).digest(size)]
    length = math.sqrt(sum(value * value for value in raw))
    values = [round(value / length, 9) for value in raw]
    return base64.b64encode(struct.pack(f"<{size}f", *values)).decode() if packed else values
