"""What a vendor refuses for a reason, in its own words: each kind as it is spelt by each vendor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelmux.testing.faults import Fault

_BLOCKED = '{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}'

_REFUSALS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "context": {
        "openai": {
            "status": 400,
            "code": "context_length_exceeded",
            "message": "This model's maximum context length is 8192 tokens. However, you sent 9000 tokens.",
        },
        "anthropic": {"status": 400, "message": "prompt is too long: 9000 tokens > 8192 maximum"},
        "gemini": {
            "status": 400,
            "message": "The input token count (9000) exceeds the maximum number of tokens allowed (8192).",
        },
    },
    "filter": {
        "openai": {
            "status": 400,
            "code": "content_filter",
            "message": "The response was filtered due to the prompt triggering the content management policy.",
        },
        "anthropic": {"status": 400, "message": "Output blocked by content filtering policy"},
        "gemini": {"status": 200, "body": _BLOCKED},
    },
    "quota": {
        "openai": {
            "status": 429,
            "code": "insufficient_quota",
            "message": "You exceeded your current quota, please check your plan and billing details.",
        },
        "anthropic": {"status": 400, "message": "Your credit balance is too low to access the API."},
        "gemini": {
            "status": 429,
            "message": "You exceeded your current quota, please check your plan and billing details.",
        },
    },
    "key": {
        "openai": {"status": 401, "message": "Incorrect API key provided."},
        "anthropic": {"status": 401, "message": "invalid x-api-key"},
        "gemini": {"status": 401, "message": "Request had invalid authentication credentials."},
    },
    "permission": {
        "openai": {"status": 403, "message": "You are not allowed to sample from this model"},
        "anthropic": {"status": 403, "message": "Your API key does not have permission to use the specified resource."},
        "gemini": {"status": 403, "message": "The caller does not have permission"},
    },
    "model": {
        "openai": {"status": 404, "code": "model_not_found", "message": "The model does not exist."},
        "anthropic": {"status": 404, "message": "model: it was retired"},
        "gemini": {"status": 404, "message": "The model is not found for API version v1beta."},
    },
    "overloaded": {
        "openai": {"status": 503, "message": "The server is currently overloaded. Please try again later."},
        "anthropic": {"status": 529, "message": "Overloaded"},
        "gemini": {"status": 503, "message": "The model is overloaded. Please try again later."},
    },
}


def spoken(fault: Fault, vendor: str) -> Fault:
    """The fault as this vendor says it: what the fault leaves open is filled in."""
    if fault.kind is None:
        return fault
    known = _REFUSALS[fault.kind][vendor]
    return replace(fault, kind=None, **{name: known[name] for name in known if getattr(fault, name) is None})
