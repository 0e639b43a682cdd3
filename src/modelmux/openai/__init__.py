"""OpenAI's Python package, without it: change one import.

::

    import modelmux.openai as openai

    client = openai.OpenAI()
    client.chat.completions.create(model="gpt-5-mini", messages=[…])              # as ever: same request, same retries
    client.chat.completions.create(model="anthropic/claude-haiku-4-5", messages=[…])   # routed, same answer's shape

Modules, classes, methods and parameters are those of the SDK whose version ``modelmux.openai.__version__`` names; they
come from tables (``_tables``) and are made when they are first touched. :func:`as_vendor` gives the vendor's own client
over a Mux, where that very class is wanted (and installed).
"""

from __future__ import annotations

from typing import Any

from modelmux._dropin.door import install, package

__title__ = "openai"
install(__name__)

_HOME = {
    "APIConnectionError": "_exceptions",
    "APIError": "_exceptions",
    "APIResponse": "_response",
    "AsyncAPIResponse": "_response",
    "APIResponseValidationError": "_exceptions",
    "APIStatusError": "_exceptions",
    "APITimeoutError": "_exceptions",
    "AsyncAzureOpenAI": "lib.azure",
    "AsyncOpenAI": "_client",
    "AsyncStream": "_streaming",
    "AuthenticationError": "_exceptions",
    "AzureOpenAI": "lib.azure",
    "BadRequestError": "_exceptions",
    "BaseModel": "_models",
    "ConflictError": "_exceptions",
    "ContentFilterFinishReasonError": "_exceptions",
    "DEFAULT_CONNECTION_LIMITS": "_base_client",
    "DEFAULT_MAX_RETRIES": "_base_client",
    "DEFAULT_TIMEOUT": "_base_client",
    "DefaultAioHttpClient": "_base_client",
    "DefaultAsyncHttpx2Client": "_base_client",
    "DefaultAsyncHttpxClient": "_base_client",
    "DefaultHttpx2Client": "_base_client",
    "DefaultHttpxClient": "_base_client",
    "HttpxBinaryResponseContent": "_legacy_response",
    "InternalServerError": "_exceptions",
    "InvalidWebhookSignatureError": "_exceptions",
    "LengthFinishReasonError": "_exceptions",
    "NOT_GIVEN": "_types",
    "NoneType": "_types",
    "NotFoundError": "_exceptions",
    "NotGiven": "_types",
    "OAuthError": "_exceptions",
    "Omit": "_types",
    "OpenAI": "_client",
    "OpenAIError": "_exceptions",
    "PermissionDeniedError": "_exceptions",
    "ProxiesTypes": "_types",
    "RateLimitError": "_exceptions",
    "RequestOptions": "_types",
    "Stream": "_streaming",
    "Timeout": "_base_client",
    "Transport": "_types",
    "UnprocessableEntityError": "_exceptions",
    "WebSocketConnectionClosedError": "_exceptions",
    "WebSocketQueueFullError": "_exceptions",
    "as_vendor": "_vendor",
    "file_from_path": "_files",
    "not_given": "_types",
    "omit": "_types",
    "pydantic_function_tool": "lib._tools",
    "pydantic_responses_function_tool": "lib._tools",
}
_REMOVED = frozenset(
    {
        "Audio",
        "ChatCompletion",
        "Completion",
        "Customer",
        "Deployment",
        "Edit",
        "Embedding",
        "Engine",
        "ErrorObject",
        "File",
        "FineTune",
        "FineTuningJob",
        "Image",
        "Model",
        "Moderation",
    }
)
_RENAMED = {"Client": "OpenAI", "AsyncClient": "AsyncOpenAI"}

__all__ = ["AsyncClient", "Client", "__title__", "__version__", "types", *sorted(_HOME)]


def _others(name: str) -> tuple[Any] | None:
    if name in _RENAMED:
        return (__getattr__(_RENAMED[name]),)
    if name == "VERSION":
        return (__getattr__("__version__"),)
    if name in _REMOVED:
        from modelmux.openai.lib._old_api import Removed

        return (Removed(name),)
    from modelmux.openai._module_client import look

    return look(name)


_look = package(__name__, _HOME, _others)


def __getattr__(name: str) -> Any:  # a function in so many words: type checkers look for one
    return _look(name)


def __dir__() -> list[str]:
    return sorted(__all__)
