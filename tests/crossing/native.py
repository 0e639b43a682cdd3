"""One answer in every vendor's own words, written by hand: what its codec makes of it carries that wire's stamps.

Synthetic, in the shape of the recordings. Every proof a vendor would sign is a word that names its maker
(:func:`proof`), so that one that leaves for another vendor is found by looking for the word.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """What the model said, in no vendor's words. A call is (id, name, arguments)."""

    text: str
    thought: str
    calls: tuple[tuple[str, str, dict[str, Any]], ...]
    number: int


def proof(wire: str, number: int) -> str:
    return f"PROOF{number}OF{wire.replace('.', '').upper()}="


def _openai_chat(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if said.thought:
        details = {"type": "reasoning.text", "text": said.thought, "signature": proof("openai.chat", said.number)}
        message["reasoning"] = said.thought
        message["reasoning_details"] = [details]
    if said.calls:
        message["tool_calls"] = [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for call_id, name, arguments in said.calls
        ]
    finish = "tool_calls" if said.calls else "stop"
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": f"c{said.number}", "object": "chat.completion", "model": "m", "choices": [choice]}


def _responses(said: Said) -> dict[str, Any]:
    output: list[Any] = []
    if said.thought:
        output.append(
            {
                "type": "reasoning",
                "id": f"rs_{said.number}",
                "summary": [{"type": "summary_text", "text": said.thought}],
                "encrypted_content": proof("openai.responses", said.number),
            }
        )
    if said.text:
        part = {"type": "output_text", "text": said.text, "annotations": []}
        output.append(
            {
                "type": "message",
                "id": f"msg_{said.number}",
                "role": "assistant",
                "status": "completed",
                "content": [part],
            }
        )
    output += [
        {
            "type": "function_call",
            "id": f"fc_{said.number}_{place}",
            "call_id": call_id,
            "name": name,
            "arguments": json.dumps(arguments),
            "status": "completed",
        }
        for place, (call_id, name, arguments) in enumerate(said.calls)
    ]
    head = {"id": f"r{said.number}", "object": "response", "status": "completed", "model": "m"}
    return {**head, "output": output}


def _anthropic(said: Said) -> dict[str, Any]:
    content: list[Any] = []
    if said.thought:
        content.append(
            {"type": "thinking", "thinking": said.thought, "signature": proof("anthropic.messages", said.number)}
        )
        content.append({"type": "redacted_thinking", "data": proof("anthropic.messages", said.number)})
    if said.text:
        content.append({"type": "text", "text": said.text})
    content += [{"type": "tool_use", "id": i, "name": name, "input": arguments} for i, name, arguments in said.calls]
    return {
        "id": f"msg_{said.number}",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "tool_use" if said.calls else "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def _gemini(said: Said) -> dict[str, Any]:
    """Calls go without ids, as those of all models before the third generation."""
    parts: list[Any] = []
    if said.thought:
        parts.append({"text": said.thought, "thought": True})
    signed = {"thoughtSignature": proof("gemini.generateContent", said.number)} if said.thought else {}
    if said.text:
        parts.append({"text": said.text, **signed})
    for place, (_, name, arguments) in enumerate(said.calls):
        parts.append({"functionCall": {"name": name, "args": arguments}, **(signed if place == 0 else {})})
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m"}


def _cohere(said: Said) -> dict[str, Any]:
    content = [{"type": "thinking", "thinking": said.thought}] if said.thought else []
    content += [{"type": "text", "text": said.text}] if said.text else []
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if said.calls:
        message["tool_plan"] = f"plan {said.number}"
        message["tool_calls"] = _openai_chat(said)["choices"][0]["message"]["tool_calls"]
    return {"id": "c", "finish_reason": "TOOL_CALL" if said.calls else "COMPLETE", "message": message}


def _ollama(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text}
    if said.thought:
        message["thinking"] = said.thought
    if said.calls:
        message["tool_calls"] = [{"function": {"name": name, "arguments": args}} for _, name, args in said.calls]
    when = f"2026-01-01T00:00:{said.number % 60:02d}.000000Z"
    counts = {"prompt_eval_count": 1, "eval_count": 1}
    return {"model": "m", "created_at": when, "message": message, "done": True, "done_reason": "stop", **counts}


def _converse(said: Said) -> dict[str, Any]:
    content: list[Any] = []
    if said.thought:
        text = {"text": said.thought, "signature": proof("bedrock.converse", said.number)}
        content.append({"reasoningContent": {"reasoningText": text}})
    if said.text:
        content.append({"text": said.text})
    content += [{"toolUse": {"toolUseId": i, "name": name, "input": arguments}} for i, name, arguments in said.calls]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if said.calls else "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    }


ANSWERS = {
    "openai.chat": _openai_chat,
    "openai.responses": _responses,
    "anthropic.messages": _anthropic,
    "gemini.generateContent": _gemini,
    "cohere.chat_v2": _cohere,
    "ollama.chat": _ollama,
    "bedrock.converse": _converse,
}
