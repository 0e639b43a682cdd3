"""The words of the format: field names in both spellings, finish reasons, kinds of server tool.

Requests may be written in camelCase or snake_case (protobuf's JSON mapping takes both); answers are camelCase.
"""

from __future__ import annotations

from typing import Any, Final

from modelmux.types import FinishReason

WIRE: Final = "gemini.generateContent"

_WORDS = (
    "systemInstruction generationConfig safetySettings toolConfig cachedContent serviceTier "
    "modelArmorConfig inlineData fileData mimeType fileUri displayName functionCall functionResponse "
    "executableCode codeExecutionResult toolCall toolResponse toolType thoughtSignature videoMetadata "
    "mediaResolution partMetadata willContinue partialArgs functionDeclarations parametersJsonSchema "
    "responseJsonSchema functionCallingConfig allowedFunctionNames retrievalConfig "
    "includeServerSideToolInvocations candidateCount maxOutputTokens topP topK stopSequences "
    "presencePenalty frequencyPenalty responseLogprobs responseMimeType responseSchema responseModalities "
    "thinkingConfig thinkingBudget thinkingLevel includeThoughts speechConfig imageConfig googleSearch "
    "googleSearchRetrieval codeExecution urlContext fileSearch computerUse googleMaps enterpriseWebSearch "
    "mcpServers "
)

SNAKE: Final[dict[str, str]] = {
    "".join("_" + letter.lower() if letter.isupper() else letter for letter in word): word
    for word in _WORDS.split()
    if not word.islower()
}
"""snake_case spelling -> the camelCase one this package works with."""

SERVER_TOOLS: Final[dict[str, str]] = {
    "googleSearch": "web_search",
    "googleSearchRetrieval": "web_search",
    "enterpriseWebSearch": "web_search",
    "codeExecution": "code_execution",
    "urlContext": "url_context",
    "fileSearch": "file_search",
    "computerUse": "computer",
    "mcpServers": "mcp",
    "googleMaps": "google_maps",
    "retrieval": "retrieval",
}
"""Key of a tool entry -> canonical kind."""

TOOL_TYPES: Final[dict[str, str]] = {
    "GOOGLE_SEARCH_WEB": "web_search",
    "GOOGLE_SEARCH_IMAGE": "web_search",
    "URL_CONTEXT": "url_context",
    "FILE_SEARCH": "file_search",
    "GOOGLE_MAPS": "google_maps",
}
"""``toolCall.toolType`` -> canonical kind."""

FINISH: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filtered",
    "RECITATION": "filtered",
    "LANGUAGE": "filtered",
    "BLOCKLIST": "filtered",
    "PROHIBITED_CONTENT": "filtered",
    "SPII": "filtered",
    "MODEL_ARMOR": "filtered",
    "IMAGE_SAFETY": "filtered",
    "IMAGE_PROHIBITED_CONTENT": "filtered",
    "IMAGE_RECITATION": "filtered",
    "OTHER": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "NO_IMAGE": "error",
    "IMAGE_OTHER": "error",
}

FINISH_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "pause": "STOP",
    "length": "MAX_TOKENS",
    "filtered": "SAFETY",
    "error": "OTHER",
}
"""The word for an answer that another vendor made."""

# With ``$alt=json;enum-encoding=int`` enums travel as numbers, and the two APIs number them differently:
# google/ai/generativelanguage/v1beta/generative_service.proto and google/cloud/aiplatform/v1/content.proto.
_COMMON = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
FINISH_NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    "gemini": (
        *_COMMON,
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
        "IMAGE_SAFETY",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
    ),
    "vertex": (*_COMMON, "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL", "MODEL_ARMOR"),
}
BLOCK_NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    "gemini": ("BLOCK_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"),
    "vertex": (
        "BLOCKED_REASON_UNSPECIFIED",
        "SAFETY",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "MODEL_ARMOR",
        "JAILBREAK",
    ),
}


def word(value: Any, numbers: tuple[str, ...]) -> str | None:
    """An enum's name, whether it came as a name or as a number. None when there is none."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return numbers[value] if 0 <= value < len(numbers) else str(value)
    return None


def finish_of(raw: str | None, *, has_calls: bool) -> FinishReason:
    """The canonical reason. An answer that asks for tools ends with STOP like any other."""
    if raw is None:
        reason: FinishReason = "stop"
    else:
        reason = FINISH.get(raw.upper()) or ("filtered" if _sounds_blocked(raw.upper()) else "error")
    return "tool_calls" if reason == "stop" and has_calls else reason


def _sounds_blocked(raw: str) -> bool:
    """Whether an unknown reason is of the filtering kind: new ones follow the old ones' naming."""
    return any(hint in raw for hint in ("SAFETY", "PROHIBITED", "BLOCK", "RECITATION", "SPII"))
