"""A pydantic model's JSON schema in the form that the vendor's strict mode asks for.

Strict mode wants every object closed, every property required, no default of null, and no ``$ref`` beside other keys.
"""

from __future__ import annotations

from typing import Any

import pydantic


def to_strict_json_schema(model: Any) -> dict[str, Any]:
    """The schema of a model class or of a type adapter. Raises TypeError for anything else."""
    if isinstance(model, pydantic.TypeAdapter):
        schema = model.json_schema()
    elif isinstance(model, type) and issubclass(model, pydantic.BaseModel):
        schema = model.model_json_schema()
    else:
        raise TypeError(f"Non BaseModel types are only supported with Pydantic v2 - {model}")
    return _strict(schema, schema)


def _strict(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise TypeError(f"Expected {schema} to be a dictionary")
    for name in ("$defs", "definitions"):
        for definition in (schema.get(name) or {}).values():
            _strict(definition, root)
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    properties = schema.get("properties")
    if isinstance(properties, dict):
        schema["required"] = list(properties)
        for name, value in properties.items():
            properties[name] = _strict(value, root)
    if isinstance(schema.get("items"), dict):
        schema["items"] = _strict(schema["items"], root)
    if isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [_strict(variant, root) for variant in schema["anyOf"]]
    every = schema.get("allOf")
    if isinstance(every, list):
        if len(every) == 1:
            schema.update(_strict(every[0], root))
            schema.pop("allOf")
        else:
            schema["allOf"] = [_strict(part, root) for part in every]
    if "default" in schema and schema["default"] is None:
        schema.pop("default")
    reference = schema.get("$ref")
    if reference and len(schema) > 1:
        schema.update({**_resolve(root, reference), **schema})
        schema.pop("$ref")
        return _strict(schema, root)
    return schema


def _resolve(root: dict[str, Any], reference: str) -> dict[str, Any]:
    if not reference.startswith("#/"):
        raise ValueError(f"Unexpected $ref format {reference!r}; Does not start with #/")
    found: Any = root
    for key in reference[2:].split("/"):
        found = found[key]
    return dict(found)
