"""The vendor's errors, by name, attribute and inheritance.

::

    OpenAIError
    ├── APIError                        message, request, body, code, param, type
    │   ├── APIConnectionError          no answer
    │   │   └── APITimeoutError         not in time
    │   ├── APIResponseValidationError  an answer that is not what it should be (strict clients only)
    │   └── APIStatusError              status_code, response, request_id
    │       ├── BadRequestError 400     ├── AuthenticationError 401 (OAuthError)  ├── PermissionDeniedError 403
    │       ├── NotFoundError 404       ├── ConflictError 409                     ├── UnprocessableEntityError 422
    │       └── RateLimitError 429      └── InternalServerError 500 and above
    ├── LengthFinishReasonError, ContentFilterFinishReasonError
    └── WebSocketConnectionClosedError, WebSocketQueueFullError, SubjectTokenProviderError
"""

from __future__ import annotations

from typing import Any

from modelmux._dropin.faults import Late, headers_of, request_of, status_of


class OpenAIError(Exception):
    """The root of all errors here."""


class SubjectTokenProviderError(OpenAIError):
    """Who should have given an identity's token gave none."""

    def __init__(self, message: str, *, response: Any = None) -> None:
        super().__init__(message)
        self.response = response


class APIError(OpenAIError):
    """A request that was made and did not succeed."""

    request = Late()
    code: str | None
    param: str | None
    type: str | None

    def __init__(self, message: str, request: Any, *, body: object | None) -> None:
        super().__init__(message)
        self.message, self.request, self.body = message, request, body
        self.code = self.param = self.type = None
        if isinstance(body, dict):
            code = body.get("code")
            self.code = None if code is None else str(code)
            self.param, self.type = body.get("param"), body.get("type")


class APIResponseValidationError(APIError):
    """An answer that is not of the type it should be."""

    response = Late()
    status_code: int

    def __init__(self, response: Any, body: object | None, *, message: str | None = None) -> None:
        text = message or "Data returned by API invalid for expected schema."
        super().__init__(text, request_of(response), body=body)
        self.response = response
        self.status_code = status_of(response)


class APIStatusError(APIError):
    """An answer with a status of 4xx or 5xx."""

    response = Late()
    status_code: int
    request_id: str | None

    def __init__(self, message: str, *, response: Any, body: object | None) -> None:
        super().__init__(message, request_of(response), body=body)
        self.response = response
        self.status_code = status_of(response)
        self.request_id = headers_of(response).get("x-request-id")


class APIConnectionError(APIError):
    """No answer."""

    def __init__(self, *, message: str = "Connection error.", request: Any) -> None:
        super().__init__(message, request, body=None)


class APITimeoutError(APIConnectionError):
    """No answer in time."""

    def __init__(self, request: Any) -> None:
        super().__init__(message="Request timed out.", request=request)


class BadRequestError(APIStatusError):
    """400."""


class AuthenticationError(APIStatusError):
    """401."""


class OAuthError(AuthenticationError):
    """An identity's token was not exchanged."""

    def __init__(self, *, response: Any, body: object | None) -> None:
        fields = body if isinstance(body, dict) else {}
        said = fields.get("error_description")
        message = said if isinstance(said, str) and said else "OAuth authentication error."
        super().__init__(message, response=response, body=body)
        self.error = fields.get("error")


class PermissionDeniedError(APIStatusError):
    """403."""


class NotFoundError(APIStatusError):
    """404."""


class ConflictError(APIStatusError):
    """409."""


class UnprocessableEntityError(APIStatusError):
    """422."""


class RateLimitError(APIStatusError):
    """429."""


class InternalServerError(APIStatusError):
    """500 and above."""


class LengthFinishReasonError(OpenAIError):
    """An answer that should have been parsed ended at its length limit."""

    def __init__(self, *, completion: Any) -> None:
        message = "Could not parse response content as the length limit was reached"
        if completion.usage:
            message += f" - {completion.usage}"
        super().__init__(message)
        self.completion = completion


class ContentFilterFinishReasonError(OpenAIError):
    """An answer that should have been parsed was cut by the content filter."""

    def __init__(self, *, completion: Any = None) -> None:
        super().__init__("Could not parse response content as the request was rejected by the content filter")
        self.completion = completion


class InvalidWebhookSignatureError(ValueError):
    """A webhook's signature is not the one that its secret makes."""


class WebSocketConnectionClosedError(OpenAIError):
    """A connection closed with messages unsent."""

    def __init__(self, message: str, *, unsent_messages: list[Any]) -> None:
        super().__init__(message)
        self.unsent_messages = unsent_messages


class WebSocketQueueFullError(OpenAIError):
    """More waits to be sent than may wait."""


BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def of_status(status: int) -> type[APIStatusError]:
    """The class for an answer's status."""
    return BY_STATUS.get(status) or (InternalServerError if status >= 500 else APIStatusError)


__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "ContentFilterFinishReasonError",
    "InternalServerError",
    "InvalidWebhookSignatureError",
    "LengthFinishReasonError",
    "NotFoundError",
    "OAuthError",
    "OpenAIError",
    "PermissionDeniedError",
    "RateLimitError",
    "SubjectTokenProviderError",
    "UnprocessableEntityError",
    "WebSocketConnectionClosedError",
    "WebSocketQueueFullError",
]
