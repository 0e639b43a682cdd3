"""``generationConfig``: everything about how to generate."""

from __future__ import annotations

from typing import Any

from modelmux.types import Output, Request
from modelmux.wire.gemini_generate_content._fields import camel, nested, own, take, whole, write_back
from modelmux.wire.gemini_generate_content._names import WIRE
from modelmux.wire.gemini_generate_content._schema import to_json_schema
from modelmux.wire.gemini_generate_content.parts_out import Encoder
from modelmux.wire.gemini_generate_content.thinking import decode_thinking, encode_thinking

_JSON = "application/json"
_WHOLE = {
    "candidateCount": "n",
    "maxOutputTokens": "max_tokens",
    "topK": "top_k",
    "seed": "seed",
    "logprobs": "top_logprobs",
}
_NUMBER = {
    "temperature": "temperature",
    "topP": "top_p",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_FIELDS = {**_WHOLE, **_NUMBER, "responseLogprobs": "logprobs"}


def decode_options(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keyword arguments for a Request, and what is left."""
    fields, names = camel(raw)
    known: dict[str, Any] = {}
    for key, name in _WHOLE.items():
        if key in fields:
            known[name] = whole(fields, key)
    for key, name in _NUMBER.items():
        if key in fields:
            known[name] = take(fields, key, (int, float))
    if "responseLogprobs" in fields:
        known["logprobs"] = take(fields, "responseLogprobs", bool)
    if _strings(fields.get("stopSequences")):
        known["stop"] = tuple(fields.pop("stopSequences"))
    modalities: Any = fields.get("responseModalities")
    if _strings(modalities) and all(item.isupper() for item in modalities):
        known["modalities"] = tuple(item.lower() for item in fields.pop("responseModalities"))
    if isinstance(fields.get("thinkingConfig"), dict):
        known["reasoning"] = decode_thinking(fields.pop("thinkingConfig"))
    output = _output(fields)
    if output is not None:
        known["output"] = output
    return known, nested(fields, names)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _output(fields: dict[str, Any]) -> Output | None:
    mime = fields.get("responseMimeType")
    key = next((k for k in ("responseJsonSchema", "responseSchema") if isinstance(fields.get(k), dict)), None)
    if key is None and mime != _JSON:
        return None
    hints: dict[str, Any] = {}
    if isinstance(mime, str):
        del fields["responseMimeType"]
    if mime != _JSON:
        hints["mime"] = mime if isinstance(mime, str) else "absent"
    schema = None
    if key is not None:
        original = fields.pop(key)
        schema = to_json_schema(original)
        if key == "responseSchema":
            hints["schema"] = key
        if schema is not original:
            hints["original"] = original
    kept_hints = nested({}, [], **hints)
    return Output(schema, extra={WIRE: kept_hints} if kept_hints else {})


def encode_options(req: Request, kept: dict[str, Any] | None, model: str, encoder: Encoder) -> dict[str, Any]:
    """``generationConfig`` with the known fields and ``kept``."""
    out: dict[str, Any] = {}
    for key, name in _FIELDS.items():
        value = getattr(req, name)
        if value is not None:
            out[key] = value
    if req.stop:
        out["stopSequences"] = list(req.stop)
        if len(req.stop) > 5 and WIRE not in req.extra:
            out["stopSequences"] = list(req.stop[:5])
            encoder.warn("stop", "clamped", "at most 5 stop sequences")
    if req.modalities:
        out["responseModalities"] = [item.upper() for item in req.modalities]
    if req.top_logprobs is not None and req.logprobs is None and WIRE not in req.extra:
        out["responseLogprobs"] = True
    if req.reasoning is not None:
        thinking = encode_thinking(req.reasoning, model, encoder)
        if thinking is not None:
            out["thinkingConfig"] = thinking
    if req.output is not None:
        _encode_output(out, req.output)
    return write_back(out, kept or {})


def _encode_output(out: dict[str, Any], output: Output) -> None:
    # A name is only a label where it exists, and the schema always binds here: nothing lost in `name` and `strict`.
    fields = own(output.extra)
    mime = fields.get("$mime", _JSON)
    if mime != "absent":
        out["responseMimeType"] = mime
    if output.schema is None:
        return
    original = fields.get("$original")
    schema = output.schema
    if original is not None and to_json_schema(original) != schema:
        original, fields = None, {}
    if output.description is not None and "description" not in schema:
        schema = {**schema, "description": output.description}
    out[fields.get("$schema", "responseJsonSchema")] = schema if original is None else original
