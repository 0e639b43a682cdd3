"""The model families behind InvokeModel: which one a model, a request or an answer belongs to.

Three kinds of family speak another wire's format: Claude, Nova, and those with OpenAI's shape. Their bodies are given
to that wire's codec, asked for by its id. The others take one prompt and give one text, and differ in names only:
:data:`PROMPTS` holds those.

Source: "Inference request parameters and response fields for foundation models" in the Bedrock user guide, and the
recordings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelmux.types import FinishReason

WIRE = "bedrock.invoke"

CLAUDE, NOVA, CHAT = "claude", "nova", "chat"

CLAUDE_FIELD = "anthropic_version"
CLAUDE_VERSION = "bedrock-2023-05-31"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A family that takes a prompt.

    ``prompt`` is the field for it, ``config`` the object that holds the parameters (empty: they stand beside it),
    ``fields`` the parameters' names -> canonical fields. ``answers`` is the list that answers stand in (empty: there is
    one, at the top), ``text`` and ``reason`` are paths in each. ``turns`` says how turns are written down: what the
    prompt begins with, what goes before and after a turn of each role, and how the model's turn is opened.
    """

    prompt: str
    text: tuple[str, ...]
    reason: tuple[str, ...]
    fields: Mapping[str, str]
    answers: str = ""
    config: str = ""
    begin: str = ""
    turns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    end: str = ""


def _heads(role: str) -> tuple[str, str]:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>"


_TALK = {"system": ("", "\n\n"), "user": ("User: ", "\n"), "assistant": ("Bot: ", "\n")}
_SAMPLING = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k"}
_COHERE = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "p": "top_p",
    "k": "top_k",
    "stop_sequences": "stop",
}

PROMPTS: dict[str, Prompt] = {
    "titan": Prompt(
        "inputText",
        ("outputText",),
        ("completionReason",),
        {"maxTokenCount": "max_tokens", "temperature": "temperature", "topP": "top_p", "stopSequences": "stop"},
        answers="results",
        config="textGenerationConfig",
        turns=_TALK,
        end="Bot:",
    ),
    "llama": Prompt(
        "prompt",
        ("generation",),
        ("stop_reason",),
        {"max_gen_len": "max_tokens", "temperature": "temperature", "top_p": "top_p"},
        begin="<|begin_of_text|>",
        turns={role: _heads(role) for role in ("system", "user", "assistant")},
        end="<|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    "mistral": Prompt(
        "prompt",
        ("text",),
        ("stop_reason",),
        {"max_tokens": "max_tokens", **_SAMPLING, "stop": "stop"},
        answers="outputs",
        begin="<s>",
        turns={"system": ("[INST] ", " [/INST]"), "user": ("[INST] ", " [/INST]"), "assistant": (" ", "</s>")},
    ),
    "command": Prompt(
        "prompt",
        ("text",),
        ("finish_reason",),
        {**_COHERE, "num_generations": "n"},
        answers="generations",
        turns=_TALK,
        end="Bot:",
    ),
    "command_r": Prompt("message", ("text",), ("finish_reason",), _COHERE, turns=_TALK, end="Bot:"),
    "jurassic": Prompt(
        "prompt",
        ("data", "text"),
        ("finishReason", "reason"),
        {
            "maxTokens": "max_tokens",
            "temperature": "temperature",
            "topP": "top_p",
            "stopSequences": "stop",
            "numResults": "n",
        },
        answers="completions",
        turns=_TALK,
        end="Bot:",
    ),
    "claude_text": Prompt(
        "prompt",
        ("completion",),
        ("stop_reason",),
        {"max_tokens_to_sample": "max_tokens", **_SAMPLING, "stop_sequences": "stop"},
        turns={"system": ("", ""), "user": ("\n\nHuman: ", ""), "assistant": ("\n\nAssistant: ", "")},
        end="\n\nAssistant:",
    ),
}

_MODELS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"claude", CLAUDE),
        (r"\bnova-", NOVA),
        (r"titan-t", "titan"),
        (r"llama", "llama"),
        (r"mistral\.(mistral-7b|mixtral)", "mistral"),
        (r"cohere\.command-r", "command_r"),
        (r"cohere\.command", "command"),
        (r"ai21\.j2", "jurassic"),
        (r"\b(ai21|deepseek|google|minimax|mistral|moonshot|nvidia|openai|qwen|writer|zai)\.", CHAT),
    )
)
"""Tried in order: a model's id -> its family. An application profile's id tells none."""

_BESIDE = {CLAUDE: "claude_text", "mistral": CHAT, CHAT: "mistral"}
"""Families whose models take the format of another too: a request that came in it stays in it."""

_TELLTALES: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"max_tokens_to_sample"}), "claude_text"),
    (frozenset({"max_gen_len"}), "llama"),
    (frozenset({"p", "k", "stop_sequences", "num_generations"}), "command"),
    (frozenset({"maxTokens", "topP", "stopSequences", "numResults"}), "jurassic"),
    (frozenset({"max_tokens", "stop", "top_k"}), "mistral"),
)
"""Fields beside ``prompt`` that only one family has."""

REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "endoftext": "stop",
    "finish": "stop",
    "finished": "stop",
    "complete": "stop",
    "stop_criteria_met": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_call": "tool_calls",
    "tool_calls": "tool_calls",
    "content_filtered": "filtered",
    "content_filter": "filtered",
    "error_toxic": "filtered",
    "error": "error",
    "error_limit": "length",
    "user_cancel": "error",
}
"""Lower-case reasons of the families that take a prompt."""


def family_of_model(model: str, came_as: str | None) -> str:
    """The family that ``model`` belongs to; ``came_as`` is the one whose format the request came in, if it did."""
    family = next((family for pattern, family in _MODELS if pattern.search(model)), None)
    if family is None:
        return came_as or CLAUDE
    return came_as if came_as is not None and _BESIDE.get(family) == came_as else family


def family_of_request(body: Mapping[str, Any]) -> str:
    """The family whose request this is; Claude's when nothing tells."""
    if "inputText" in body:
        return "titan"
    if isinstance(body.get("message"), str):
        return "command_r"
    if "prompt" in body:
        return next((family for fields, family in _TELLTALES if fields & body.keys()), "llama")
    if "anthropic_version" in body:
        return CLAUDE
    if "schemaVersion" in body or "inferenceConfig" in body or "toolConfig" in body:
        return NOVA
    messages = body.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    content = first.get("content") if isinstance(first, dict) else None
    if isinstance(content, list) and not any(isinstance(block, dict) and "type" in block for block in content):
        return NOVA
    return CHAT


def finish_of(reason: Any, blocked: bool) -> tuple[FinishReason, str | None]:
    """Canonical finish and the family's own word; ``blocked`` is whether a guardrail stepped in."""
    if not isinstance(reason, str):
        return ("filtered" if blocked else "stop"), None
    return REASONS.get(reason.lower(), "stop"), reason


def own(extra: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """What ``extra`` holds for this wire."""
    return extra.get(WIRE) or {}
