"""OpenAI's shape as some families spell it: ``stop_reason`` for ``finish_reason``, ``text`` for a message, whole
messages where a stream has deltas.

Source: "Mistral AI chat completion" and "DeepSeek models" in the Bedrock user guide.
"""

from __future__ import annotations

from typing import Any


def as_openai(body: dict[str, Any], *, stream: bool) -> dict[str, Any]:
    """The body, or a copy in OpenAI's own words where it differs."""
    choices = body.get("choices")
    if not isinstance(choices, list) or not any(
        isinstance(choice, dict) and _differs(choice, stream) for choice in choices
    ):
        return body
    return {**body, "choices": [_choice(choice, stream) if isinstance(choice, dict) else choice for choice in choices]}


def _differs(choice: dict[str, Any], stream: bool) -> bool:
    return "stop_reason" in choice or "text" in choice or (stream and "message" in choice)


def _choice(choice: dict[str, Any], stream: bool) -> dict[str, Any]:
    out = dict(choice)
    holder = "delta" if stream else "message"
    if stream and "message" in out:
        out.setdefault(holder, out.pop("message"))
    if isinstance(out.get("text"), str):
        out.setdefault(holder, {"role": "assistant", "content": out.pop("text")})
    if out.get("finish_reason") is None and "stop_reason" in out:
        out["finish_reason"] = out.pop("stop_reason")
    return out
