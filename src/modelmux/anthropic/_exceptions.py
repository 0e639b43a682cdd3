"""The vendor's errors, by name, attribute and inheritance. They copy and pickle.

::

    AnthropicError
    ├── APIError                        message, request, body
    │   ├── APIConnectionError          no answer
    │   │   └── APITimeoutError         not in time
    │   ├── APIResponseValidationError  an answer that is not what it should be (strict clients only)
    │   ├── APIWebhookValidationError
    │   └── APIStatusError              status_code, response, request_id, type, error_code, details, …
    │       ├── BadRequestError 400     ├── AuthenticationError 401      ├── PaymentRequiredError 402
    │       ├── PermissionDeniedError 403  ├── NotFoundError 404         ├── RequestTimeoutError 408
    │       ├── ConflictError 409       ├── PreconditionFailedError 412  ├── ContentTooLargeError 413
    │       ├── UnprocessableEntityError 422  ├── RateLimitError 429     ├── RequestHeaderFieldsTooLargeError 431
    │       ├── ClientClosedRequestError 499
    │       └── InternalServerError     500 and above
    │           ├── HTTPNotImplementedError 501  ├── ServiceUnavailableError 503
    │           └── GatewayTimeoutError 504      └── OverloadedError 529
    ├── RetryableError
    └── CredentialsError ── IdentityTokenFileError

An answer that names the cause (``error.details.error_code``) is an instance of a class of that cause below the
status's, such as ``types.shared.OrganizationOnHoldError``.
"""

from __future__ import annotations

from typing import Any

from modelmux._dropin.faults import Late, headers_of, request_of, status_of


class AnthropicError(Exception):
    """The root of all errors here."""

    def __reduce__(self) -> tuple[Any, ...]:
        for cls in type(self).__mro__:
            for name, value in vars(cls).items():
                if isinstance(value, Late):
                    getattr(self, name)  # what is made late is made now: our own values don't travel
        return _again, (type(self), *self.args), self.__dict__


def _again(cls: type[AnthropicError], *args: object) -> AnthropicError:
    return cls.__new__(cls, *args)


class APIError(AnthropicError):
    """A request that was made and did not succeed. ``body``: the whole answer, parsed where it is JSON."""

    request = Late()

    def __init__(self, message: str, request: Any, *, body: object | None) -> None:
        super().__init__(message)
        self.message, self.request, self.body = message, request, body


class APIResponseValidationError(APIError):
    """An answer that is not of the type it should be."""

    response = Late()
    status_code: int

    def __init__(self, response: Any, body: object | None, *, message: str | None = None) -> None:
        text = message or "Data returned by API invalid for expected schema."
        super().__init__(text, request_of(response), body=body)
        self.response = response
        self.status_code = status_of(response)


class APIWebhookValidationError(APIError):
    """A webhook whose signature or content is not what it should be."""


class APIStatusError(APIError):
    """An answer with a status of 4xx or 5xx, or an error event in a stream."""

    response = Late()
    status_code: int
    request_id: str | None
    workspace_id: str | None
    api_message: str | None
    type: str | None
    error_code: str | None

    def __init__(self, message: str, *, response: Any, body: object | None) -> None:
        super().__init__(message, request_of(response), body=body)
        headers = headers_of(response)
        self.response = response
        self.status_code = status_of(response)
        self.request_id, self.workspace_id = headers.get("request-id"), headers.get("anthropic-workspace-id")
        self.api_message, self.type = _inside(body, "error", "message"), _inside(body, "error", "type")
        self.error_code = code_of(body)
        self._details = _inside(body, "error", "details")

    @property
    def details(self) -> Any:
        """What the answer says of the cause, as one of ``types.shared``; None where it says nothing."""
        if isinstance(self._details, dict):
            from modelmux.anthropic._registry import registry

            converter = registry.shapes.converter("types.shared.error_details:ErrorDetails")
            return self._details if converter is None else converter(self._details)
        return self._details


class APIConnectionError(APIError):
    """No answer."""

    def __init__(self, *, message: str = "Connection error.", request: Any) -> None:
        super().__init__(message, request, body=None)


class APITimeoutError(APIConnectionError):
    """No answer in time."""

    def __init__(self, request: Any) -> None:
        message = (
            "Request timed out or interrupted. The limit ran out, the connection broke or the request was cancelled."
        )
        super().__init__(message=message, request=request)


class RetryableError(AnthropicError):
    """Raised by what stands between client and vendor: the attempt is to be made again."""


class CredentialsError(AnthropicError):
    """Credentials that cannot be loaded."""


class IdentityTokenFileError(CredentialsError):
    """An identity's token is not in the file where it should be."""

    def __init__(self, message: str, *, path: Any = None) -> None:
        super().__init__(message)
        self.path = path


class BadRequestError(APIStatusError):
    """400."""


class AuthenticationError(APIStatusError):
    """401."""


class PaymentRequiredError(APIStatusError):
    """402."""


class PermissionDeniedError(APIStatusError):
    """403."""


class NotFoundError(APIStatusError):
    """404."""


class RequestTimeoutError(APIStatusError):
    """408."""


class ConflictError(APIStatusError):
    """409."""


class PreconditionFailedError(APIStatusError):
    """412."""


class ContentTooLargeError(APIStatusError):
    """413."""


class UnprocessableEntityError(APIStatusError):
    """422."""


class RateLimitError(APIStatusError):
    """429."""


class RequestHeaderFieldsTooLargeError(APIStatusError):
    """431."""


class ClientClosedRequestError(APIStatusError):
    """499."""


class InternalServerError(APIStatusError):
    """500 and above."""


class HTTPNotImplementedError(InternalServerError):
    """501."""


class ServiceUnavailableError(InternalServerError):
    """503."""


class GatewayTimeoutError(InternalServerError):
    """504."""


class OverloadedError(InternalServerError):
    """529."""


RequestTooLargeError = ContentTooLargeError
DeadlineExceededError = GatewayTimeoutError

BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: RequestTimeoutError,
    409: ConflictError,
    412: PreconditionFailedError,
    413: ContentTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    431: RequestHeaderFieldsTooLargeError,
    499: ClientClosedRequestError,
    501: HTTPNotImplementedError,
    503: ServiceUnavailableError,
    504: GatewayTimeoutError,
    529: OverloadedError,
}
for _code, _class in BY_STATUS.items():
    _class.status_code = _code
del _code, _class


def _inside(body: Any, *path: str) -> Any:
    for name in path:
        if not isinstance(body, dict):
            return None
        body = body.get(name)
    return body


def code_of(body: object) -> str | None:
    """What an answer says is the cause."""
    code = _inside(body, "error", "details", "error_code")
    return code if isinstance(code, str) else None


def of(status: int, body: object) -> type[APIStatusError]:
    """The class for an answer."""
    code = code_of(body)
    if code is not None:
        from modelmux.anthropic._registry import registry

        ref = registry.file("facts")["errors"].get(f"{status}:{code}")
        if ref is not None:
            cls: type[APIStatusError] = registry.cls(ref)
            return cls
    return BY_STATUS.get(status) or (InternalServerError if status >= 500 else APIStatusError)


__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "APIWebhookValidationError",
    "AnthropicError",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedRequestError",
    "ConflictError",
    "ContentTooLargeError",
    "CredentialsError",
    "DeadlineExceededError",
    "GatewayTimeoutError",
    "HTTPNotImplementedError",
    "IdentityTokenFileError",
    "InternalServerError",
    "NotFoundError",
    "OverloadedError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "PreconditionFailedError",
    "RateLimitError",
    "RequestHeaderFieldsTooLargeError",
    "RequestTimeoutError",
    "RequestTooLargeError",
    "RetryableError",
    "ServiceUnavailableError",
    "UnprocessableEntityError",
]
