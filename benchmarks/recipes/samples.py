"""What the adapters of SDKs with OpenAI-shaped dicts share."""

from __future__ import annotations

import json
from typing import Any

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "weather", "schema": WEATHER, "strict": True}}


def parsed(arguments: str) -> Any:
    """A call's arguments; as text where a model was cut short in them."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments
