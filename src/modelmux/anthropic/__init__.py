"""Anthropic's Python package, without it: change one import.

::

    import modelmux.anthropic as anthropic

    client = anthropic.Anthropic()
    client.messages.create(model="claude-haiku-4-5", max_tokens=512, messages=[…])    # as ever: same request
    client.messages.create(model="openai/gpt-5-mini", max_tokens=512, messages=[…])   # routed, same shape

Modules, classes, methods and parameters are those of the SDK whose version ``modelmux.anthropic.__version__`` names;
they come from tables (``_tables``) and are made when they are first touched. :func:`as_vendor` gives the vendor's own
client over a Mux, where that client is wanted (and installed).
"""

from __future__ import annotations

from typing import Any

from modelmux._dropin.door import install, package

__title__ = "anthropic"
install(__name__)

_ERRORS = (
    "APIConnectionError APIError APIResponseValidationError APIStatusError APITimeoutError APIWebhookValidationError "
    "AnthropicError AuthenticationError BadRequestError ClientClosedRequestError ConflictError ContentTooLargeError "
    "CredentialsError DeadlineExceededError GatewayTimeoutError HTTPNotImplementedError IdentityTokenFileError "
    "InternalServerError NotFoundError OverloadedError PaymentRequiredError PermissionDeniedError "
    "PreconditionFailedError RateLimitError RequestHeaderFieldsTooLargeError RequestTimeoutError RequestTooLargeError "
    "RetryableError ServiceUnavailableError UnprocessableEntityError"
)
_CAUSES = (
    "CMEKContextUnavailableError CMEKKeyDisabledError CMEKKeyNetworkBlockedError CMEKKeyUnreachableError "
    "ClaudeCodeKeyCreatorNotMemberError ClaudeCodeVersionTooOldError ContractSpendLimitReachedError "
    "EnforcedSpendLimitReachedError LinkedOrganizationBillingUnavailableError LinkedOrganizationSpendLimitReachedError "
    "OrganizationOnHoldError OrganizationTypeNotSupportedError ParentOrganizationRequiredError RampLimitExceededError "
    "RequestBodyEncodingInvalidError RequestBodyEncodingUnsupportedError RequestBodyTooLargeAfterDecodingError "
    "SandboxEgressRestrictedError"
)
_STREAMS = (
    "AsyncMessageStream AsyncMessageStreamManager BetaAsyncMessageStream BetaAsyncMessageStreamManager "
    "BetaContentBlockStopEvent BetaInputJsonEvent BetaMessageStopEvent BetaMessageStream BetaMessageStreamEvent "
    "BetaMessageStreamManager BetaTextEvent ContentBlockStopEvent InputJsonEvent MessageStopEvent MessageStream "
    "MessageStreamEvent MessageStreamManager ParsedBetaContentBlockStopEvent ParsedBetaMessageStopEvent "
    "ParsedBetaMessageStreamEvent ParsedBetaTextEvent ParsedContentBlockStopEvent ParsedMessageStopEvent "
    "ParsedMessageStreamEvent TextEvent"
)
_ELSEWHERE = (
    "AnthropicAWS AnthropicBedrock AnthropicBedrockMantle AnthropicFoundry AnthropicGoogleCloud AnthropicVertex "
    "AsyncAnthropicAWS AsyncAnthropicBedrock AsyncAnthropicBedrockMantle AsyncAnthropicFoundry "
    "AsyncAnthropicGoogleCloud AsyncAnthropicVertex"
)
_HOME = {
    **dict.fromkeys(_ERRORS.split(), "_exceptions"),
    **dict.fromkeys(_CAUSES.split(), "types.shared"),
    **dict.fromkeys(_STREAMS.split(), "lib.streaming"),
    **dict.fromkeys(_ELSEWHERE.split(), "_elsewhere"),
    **dict.fromkeys(("APIResponse", "AsyncAPIResponse"), "_response"),
    **dict.fromkeys(("Anthropic", "AsyncAnthropic", "AsyncClient", "Client"), "_client"),
    **dict.fromkeys(("AsyncStream", "Stream"), "_streaming"),
    **dict.fromkeys(("beta_async_tool", "beta_tool"), "lib.tools"),
    **dict.fromkeys(("NOT_GIVEN", "NoneType", "NotGiven", "Omit", "RequestOptions", "not_given", "omit"), "_types"),
    **dict.fromkeys(
        (
            "DEFAULT_CONNECTION_LIMITS",
            "DEFAULT_MAX_RETRIES",
            "DEFAULT_TIMEOUT",
            "DefaultAioHttpClient",
            "DefaultAsyncHttpxClient",
            "DefaultHttpxClient",
            "Timeout",
        ),
        "_base_client",
    ),
    "BaseModel": "_models",
    "as_vendor": "_vendor",
    "file_from_path": "_files",
    "transform_schema": "lib._parse._transform",
}

__all__ = ["__title__", "__version__", "resources", "types", *sorted(_HOME)]


_look = package(__name__, _HOME)


def __getattr__(name: str) -> Any:  # a function in so many words: type checkers look for one
    return _look(name)


def __dir__() -> list[str]:
    return sorted(__all__)
