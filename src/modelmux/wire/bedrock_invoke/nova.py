"""Nova's own body as a Converse body, and back: the same but for the names of the parameters."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]

SCHEMA = "messages-v1"

_NAMES = {
    "max_new_tokens": "maxTokens",
    "max_tokens": "maxTokens",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
"""Older names of parameters, which are taken too."""

_MODEL_FIELDS = "additionalModelRequestFields"


def to_converse(body: Body) -> tuple[Body, Body]:
    """The Converse body, and the hints that :func:`from_converse` needs to give the same body back."""
    out = dict(body)
    hints: Body = {"schemaVersion": out.pop("schemaVersion", None)}
    config = out.get("inferenceConfig")
    if isinstance(config, dict):
        names = {_NAMES[key]: key for key in config if key in _NAMES and _NAMES[key] not in config}
        hints["names"] = names
        renamed = {_NAMES.get(key, key) if key in names.values() else key: value for key, value in config.items()}
        if "topK" in renamed:
            out[_MODEL_FIELDS] = {"inferenceConfig": {"topK": renamed.pop("topK")}}
        out["inferenceConfig"] = renamed
    return out, hints


def from_converse(body: Body, hints: Body | None) -> Body:
    """Nova's body. What Converse hands through to the model stands at the top here."""
    out = dict(body)
    fields = out.pop(_MODEL_FIELDS, None) or {}
    more = fields.get("inferenceConfig")
    config = {**out.get("inferenceConfig", {}), **(more if isinstance(more, dict) else {})}
    names = (hints or {}).get("names", {})
    if config or "inferenceConfig" in out:
        out["inferenceConfig"] = {names.get(key, key): value for key, value in config.items()}
    for key, value in fields.items():
        if key != "inferenceConfig":
            out.setdefault(key, value)
    schema = SCHEMA if hints is None else hints["schemaVersion"]
    return {"schemaVersion": schema, **out} if schema is not None else out
