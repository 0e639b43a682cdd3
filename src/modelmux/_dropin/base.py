"""A client's manners, below any vendor's: what it asks, how often, and what becomes of an answer.

What goes out is :mod:`modelmux._dropin.asking`, what is made of what comes back :mod:`modelmux._dropin.answering`; the
calls themselves, sync and async, are in :mod:`modelmux._dropin.client`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar

from modelmux._dropin import retrying
from modelmux._dropin.answering import Answering
from modelmux._dropin.asking import Asking
from modelmux._dropin.flow import READ, exchange
from modelmux._dropin.options import RequestOptions
from modelmux._dropin.replies import AsyncReply, LegacyReply, Reply
from modelmux._dropin.transport import Asked, Got, is_transport

RAW_HEADER = "X-Stainless-Raw-Response"
_log = logging.getLogger("modelmux")


class Client(Asking, Answering):
    """What sync and async clients share. ``_registry`` and the methods named ``…_error`` are the drop-in's."""

    _honoured_wait: ClassVar[float] = 60.0
    """Seconds: the longest wait a vendor may ask for that is slept through."""
    _longest_wait: ClassVar[float | None] = None
    """Seconds: an answer that asks for a longer wait is not retried; None for any."""
    _takes_raw_body: ClassVar[bool] = True
    """Whether ``body=`` may be bytes, with a warning; else they are a TypeError, and ``content=`` is for them."""
    _raw_face: ClassVar[type] = LegacyReply
    _prepare_options: Any = None
    """A function of the options before they are used, where a client has one; what it returns stands in their place."""
    _prepare_request: Any = None
    """A function of each request before it is sent, where a client has one."""
    _log = _log

    # --- another attempt ---

    def _calculate_retry_timeout(
        self, remaining_retries: int, options: RequestOptions, response_headers: Any = None
    ) -> float:
        """Seconds before the next attempt. Under this name it is what tests of callers replace."""
        taken = max(0, options.get_max_retries(self.max_retries) - remaining_retries)
        return retrying.delay(taken, response_headers, honoured=self._honoured_wait)

    def _should_retry(self, response: Any) -> bool:
        """Whether an answer, ours or an HTTP family's, invites another attempt."""
        status = response.status if isinstance(response, Got) else response.status_code
        return retrying.worth_it(status, response.headers, longest=self._longest_wait)

    def _is_worth_another(self, error: Exception) -> bool:
        """Whether what went wrong below may go right the next time: the network's faults, not a program's."""
        return is_transport(error)

    def _unauthorised(self, got: Got, asked: Asked, options: RequestOptions) -> Any:
        """A generator: another request to try after an answer that is an error, or None."""
        del got, asked, options
        yield from ()
        return None

    # --- errors: the drop-in's own ---

    _status_error: Callable[[Got], Exception]
    _timeout_error: Callable[..., Exception]
    _connection_error: Callable[..., Exception]

    # --- the call ---

    def _flow(self, cast_to: Any, options: RequestOptions, stream: Any) -> Any:
        """One call, as a generator of effects."""
        got, taken = yield from exchange(self, options)
        raw = options.raw or _raw_of(options)
        if raw == "stream":
            return self._reply_face(raw)(got, self, options, cast_to, stream, taken)
        if stream is None:
            yield READ, got
        if raw:
            return self._reply_face(raw)(got, self, options, cast_to, stream, taken)
        result = self._result(got, options, cast_to, stream)
        return options.post_parser(result) if callable(options.post_parser) else result

    def _reply_face(self, raw: str) -> type:
        if raw == "stream":
            return AsyncReply if self._is_async else Reply
        return self._raw_face


def _raw_of(options: RequestOptions) -> str:
    for name, value in options.given_headers().items():
        if name.lower() == "x-stainless-raw-response":
            return str(value)
    return ""
