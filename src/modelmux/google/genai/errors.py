"""Errors, under the vendor's names and with its attributes."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.faults import Late


class APIError(Exception):
    """The service refused a request, or failed. ``code`` is the HTTP status, ``status`` the service's word for it,
    ``message`` what it says, ``details`` the whole of its JSON, ``response`` the HTTP response.
    """

    response = Late()
    code: int
    status: str | None = None
    message: str | None = None

    def __init__(self, code: int, response_json: Any, response: Any = None) -> None:
        if isinstance(response_json, list) and len(response_json) == 1:
            response_json = response_json[0]
        self.response, self.details = response, response_json
        self.message, self.status = _said(response_json, "message"), _said(response_json, "status")
        self.code = code or _said(response_json, "code")
        super().__init__(f"{self.code} {self.status}. {self.details}")

    def __reduce__(self) -> Any:
        return type(self), (self.code, self.details)

    @classmethod
    def raise_for_response(cls, response: Any) -> None:
        """Raise the error that an HTTP response is; return where it is none."""
        if response.status_code == 200:
            return
        response.read()
        cls.raise_error(response.status_code, _json_of(response), response)

    @classmethod
    async def raise_for_async_response(cls, response: Any) -> None:
        """:meth:`raise_for_response` for a response of an async client."""
        if response.status_code == 200:
            return
        await response.aread()
        cls.raise_error(response.status_code, _json_of(response), response)

    @classmethod
    def raise_error(cls, status_code: int, response_json: Any, response: Any) -> None:
        """Raise the error that stands for a status."""
        raise error_class(status_code or 0, cls)(status_code, response_json, response)

    @classmethod
    async def raise_error_async(cls, status_code: int, response_json: Any, response: Any) -> None:
        """:meth:`raise_error`, to be awaited."""
        cls.raise_error(status_code, response_json, response)


class ClientError(APIError):
    """A status of 400 to 499: the request is at fault."""


class ServerError(APIError):
    """A status of 500 to 599: the service is at fault."""


class UnknownFunctionCallArgumentError(ValueError):
    """A function call's argument does not fit the parameter's type."""


class UnsupportedFunctionError(ValueError):
    """A function that cannot be called automatically."""


class FunctionInvocationError(ValueError):
    """A function that was called automatically raised."""


class UnknownApiResponseError(ValueError):
    """An answer that is no JSON."""


class ContinuationInterruptedError(Exception):
    """An interaction that goes on over several requests failed after it had made progress."""

    def __init__(
        self,
        message: str,
        *,
        partial_interaction: Any = None,
        continuation_token: str | None = None,
        interaction_id: str | None = None,
        continuation_ids: list[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.partial_interaction, self.continuation_token = partial_interaction, continuation_token
        self.interaction_id, self.continuation_ids = interaction_id, list(continuation_ids or [])


def error_class(status: int, other: type[APIError] = APIError) -> type[APIError]:
    """The class of errors with a status; ``other`` for one that is neither side's fault."""
    if 400 <= status < 500:
        return ClientError
    return ServerError if 500 <= status < 600 else other


def _said(told: Any, name: str) -> Any:
    """A word of an error's JSON, which may stand below ``error``; None where it has none."""
    if not isinstance(told, dict):
        return None
    inner = told.get("error")
    return told.get(name, inner.get(name) if isinstance(inner, dict) else None)


def _json_of(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return {"message": response.text, "status": response.reason_phrase}
