"""What kind of failure an error is, by what vendors are known to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fidelity.expected import Failure, at, words

# As the tree of error classes states it.
RETRY = {
    **dict.fromkeys(("RequestRejected", "ContentBlocked"), "never"),
    **dict.fromkeys(("UnsupportedParameter", "ContextTooLong", "RequestTooLarge"), "elsewhere"),
    **dict.fromkeys(("AuthError", "PermissionDenied", "BillingError", "QuotaSpent", "ModelNotFound"), "elsewhere"),
    **dict.fromkeys(("ToolUseFailed", "RateLimited", "Overloaded", "ServerError"), "same"),
    "MalformedResponse": "elsewhere",
}

NOT_AN_ANSWER = Failure(("MalformedResponse",))

Rule = tuple[Callable[[int, str], bool], tuple[str, ...]]


def said(*phrases: str) -> Callable[[int, str], bool]:
    return lambda status, text: any(phrase in text for phrase in phrases)


def answered(*statuses: int) -> Callable[[int, str], bool]:
    return lambda status, text: status in statuses


RULES: tuple[Rule, ...] = (
    (said("content violates usage guidelines", '"content_filter"', "responsibleaipolicy"), ("ContentBlocked",)),
    (
        said("context_length_exceeded", "maximum context length is", "prompt is too long", "too_many_prompt_tokens"),
        ("ContextTooLong",),
    ),
    (said("exceeds the maximum number of tokens allowed", "exceeds the context window"), ("ContextTooLong",)),
    (said("tool_use_failed"), ("ToolUseFailed",)),
    (said("insufficient_quota"), ("QuotaSpent",)),
    (answered(402), ("BillingError",)),
    (said("api_key_invalid", "incorrect api key"), ("AuthError",)),
    (answered(401), ("AuthError",)),
    (said("model_decommissioned", '"model_not_found"', "deploymentnotfound", '"invalid_model"'), ("ModelNotFound",)),
    # The vendor names the models it would serve, under a code of its own.
    (said("allowed now, your model"), ("ModelNotFound", "PermissionDenied")),
    # No model of that name does it: the vendor says "not found", the cause is the parameter.
    (said("no endpoints found that support"), ("UnsupportedParameter", "ModelNotFound")),
    (said("tools is not supported in this model"), ("UnsupportedParameter", "ModelNotFound")),
    (said('"unsupported_parameter"', '"unsupported_value"', "does not support parameter"), ("UnsupportedParameter",)),
    (said("is not supported with this model", "not supported in this model"), ("UnsupportedParameter",)),
    (said("not enabled for", "is not supported by the model"), ("UnsupportedParameter",)),
    (said("does not support function", "does not support image"), ("UnsupportedParameter",)),
    # One vendor's list of file types is not another's.
    (said('"unsupported_file"'), ("UnsupportedParameter", "RequestRejected")),
    # A model without eyes, said by a parser that names what it would have taken.
    (said("unknown variant `image_url`"), ("UnsupportedParameter", "RequestRejected")),
    (answered(404), ("ModelNotFound",)),
    (answered(403), ("PermissionDenied",)),
    (answered(413), ("RequestTooLarge",)),
    (answered(429), ("RateLimited",)),
    (answered(502, 503, 529), ("Overloaded", "ServerError")),
    (said("overloaded_error"), ("Overloaded",)),
    (lambda status, text: status >= 500, ("ServerError",)),
    (lambda status, text: status >= 400, ("RequestRejected",)),
)

NEVER_WILL = ("requires --jinja flag", "image input is not supported")
"""Said with 500 by a server that was started without the ability: asking it again is no use."""


def refusal(status: int, body: str) -> Failure:
    """The classes a whole error answer may have."""
    text = _plain(body)
    if status == 500 and any(phrase in text for phrase in NEVER_WILL):
        return Failure(("UnsupportedParameter", "ServerError"), "elsewhere")
    for matches, classes in RULES:
        if matches(status, text):
            return Failure(classes)
    raise AssertionError(f"no rule for {status} {body[:200]}")


def inside(document: dict[str, Any]) -> Failure | None:
    """The failure a document under HTTP 200 tells of, None where it tells of none."""
    error = at(document, "error")
    if not error or document.get("choices"):
        return None
    stated = next((code for code in (at(error, "code"), at(error, "status_code")) if isinstance(code, int)), 0)
    return refusal(stated if 400 <= stated < 600 else 400, json.dumps(document))


def _plain(body: str) -> str:
    """Lower case, one kind of spacing, and what a gateway quotes of the vendor behind it unescaped."""
    try:
        found = json.loads(body)
    except ValueError:
        return body.lower()
    found = found[0] if isinstance(found, list) and found else found
    quoted = words(found, "error", "metadata", "raw") + words(found, "error", "message")
    return (json.dumps(found, ensure_ascii=False) + " " + quoted).lower()
