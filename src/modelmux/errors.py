"""Every error modelmux raises.

::

    ModelmuxError
    ├── ConfigError                      wrong setup: names the field and the way out
    │   ├── UnknownName                  no provider, wire, model, policy … of that name (nearest ones named)
    │   └── MissingKey                   a provider needs a key and none was given
    ├── InvalidRequest                   the call itself is malformed: names the field
    │   └── Unsupported                  strict=True and the target cannot say it
    ├── RoutingError
    │   ├── NoCapableEndpoint            every candidate was excluded; prints the exclusion table
    │   └── AtCapacity                   every endpoint is at its limits for longer than the call can wait
    ├── DeadlineExceeded                 the call's one deadline passed
    ├── CurrencyMismatch                 two currencies met in one sum
    ├── LedgerError                      the ledger or journal cannot be read or written
    │   └── JournalFull                  on_journal_full="refuse" and the disk is full
    ├── InvalidOutput                    the answer is not what output= asked for; carries the reply
    ├── StreamConsumed                   the stream was already read or closed
    └── ProviderError                    an attempt failed: endpoint, status, code, retry class, billed
        ├── RequestRejected              the vendor calls the request wrong                NEVER      caller
        │   ├── UnsupportedParameter     … because of one parameter                        ELSEWHERE  caller
        │   ├── ContextTooLong           … only a larger window helps                      ELSEWHERE  caller
        │   ├── ContentBlocked           … by a content policy                             NEVER      caller
        │   ├── RequestTooLarge          … in bytes                                        ELSEWHERE  caller
        │   └── ToolUseFailed            the model's own tool call was invalid             SAME       caller
        ├── AuthError                    the key is wrong                                  ELSEWHERE  key       at once
        ├── PermissionDenied             the key may not do this                           ELSEWHERE  endpoint  1
        │   └── RegionBlocked            not from or in this region                        ELSEWHERE  endpoint  1
        ├── BillingError                 the account cannot pay                            ELSEWHERE  key       at once
        │   └── QuotaSpent               the account's quota is used up                    ELSEWHERE  key       at once
        ├── ModelNotFound                no such model, or it is gone                      ELSEWHERE  endpoint  1
        ├── RateLimited                  too many requests or tokens                       SAME       endpoint  0
        ├── Overloaded                   the vendor has no capacity now                    SAME       endpoint  1
        ├── ServerError                  the vendor failed                                 SAME       endpoint  1
        ├── MalformedResponse            the answer is not what the wire promises          ELSEWHERE  endpoint  1
        ├── ConnectionFailed             no connection could be made                       SAME       provider  1
        ├── ConnectionLost               the connection broke                              SAME       endpoint  1
        ├── AttemptTimeout               a phase of the attempt took too long              SAME       endpoint  1
        ├── ResponseTooLarge             the answer is larger than the cap                 NEVER      caller
        └── StreamError                  an error inside a stream that began well          SAME       endpoint  1
            ├── StreamTruncated          the stream ended without its proper end           SAME       endpoint  1
            └── StreamInterrupted        after output was handed over; carries the partial NEVER      endpoint  1

SAME: the same endpoint may be tried again; ELSEWHERE: only another endpoint can help; NEVER: no retry helps.
Then whom a failure ``blames``, and its ``weight``: what one counts towards ejecting that endpoint, key or provider.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from modelmux._http import HttpHead
    from modelmux.receipt import Receipt
    from modelmux.routing.plan import Decision
    from modelmux.types import Reply, Response


class Retry(Enum):
    """What a failure says about trying again."""

    SAME = "same"
    ELSEWHERE = "elsewhere"
    NEVER = "never"


class Billed(Enum):
    """Whether the vendor charges for a failed attempt."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


Blame = Literal["caller", "endpoint", "key", "provider"]
"""Whose fault a failed attempt is, and so where it counts: with nobody, or in the state of one of those three."""

AT_ONCE = 100.0
"""The weight of a failure that ejects by itself: the next attempt would end the same way."""


class ModelmuxError(Exception):
    """Base of every error raised by modelmux. ``receipt`` is set when a call got as far as an attempt."""

    receipt: Receipt | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own __reduce__ calls the class with self.args, which keyword-only arguments do not survive.
        # The attributes apart: the receipt among them leads back to this very error.
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(cls: type[ModelmuxError], args: tuple[Any, ...]) -> ModelmuxError:
    error = cls.__new__(cls)
    error.args = args
    return error


# --- the caller's side ---------------------------------------------------------------------------------------


class ConfigError(ModelmuxError, ValueError):
    """Wrong setup. ``field`` is the dotted path of what is wrong, where one can be named."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class UnknownName(ConfigError, LookupError):
    """Nothing of that ``kind`` is called ``name``; ``nearest`` are names that come close."""

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, hint: str = "") -> None:
        self.kind, self.name = kind, name
        self.nearest = tuple(difflib.get_close_matches(name, list(known), n=3, cutoff=0.5))
        message = f"no {kind} is called {name!r}"
        if self.nearest:
            message += "; did you mean " + " or ".join(repr(near) for near in self.nearest) + "?"
        if hint:
            message += f" ({hint})"
        super().__init__(message, field=kind)


class MissingKey(ConfigError):
    """A provider needs a key and none was found; the message names where one is looked for."""


class InvalidRequest(ModelmuxError, ValueError):
    """The call is malformed. ``field`` names the argument, with its path inside (``tools[0].parameters``)."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Unsupported(InvalidRequest):
    """``strict=True`` and the target cannot say what was asked. ``warnings`` lists each loss."""

    def __init__(self, message: str, *, field: str | None = None, warnings: tuple[Any, ...] = ()) -> None:
        super().__init__(message, field=field)
        self.warnings = warnings


class RoutingError(ModelmuxError):
    """No endpoint could be chosen."""


class NoCapableEndpoint(RoutingError):
    """Every candidate was excluded. ``decision`` holds the reasons; the message is the exclusion table."""

    def __init__(self, message: str, *, decision: Decision | None = None) -> None:
        super().__init__(message)
        self.decision = decision


class AtCapacity(RoutingError):
    """Every endpoint is at its limits, and none has room before the call's deadline. Nothing was sent.
    ``retry_after`` is seconds until the first one has.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineExceeded(ModelmuxError, TimeoutError):
    """The call's deadline passed. ``deadline`` is its length in seconds, ``phase`` what was going on, ``partial`` what
    had been handed over of a stream.
    """

    partial: Response | None = None

    def __init__(self, message: str, *, deadline: float | None = None, phase: str | None = None) -> None:
        super().__init__(message)
        self.deadline, self.phase = deadline, phase


class CurrencyMismatch(ModelmuxError, ValueError):
    """Two currencies met in one sum or comparison."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"cannot combine {left} and {right}: convert one of them first, at a rate you choose")
        self.left, self.right = left, right


class LedgerError(ModelmuxError):
    """The ledger or the journal cannot be read or written."""


class JournalFull(LedgerError):
    """The journal cannot take another record and ``on_journal_full="refuse"``."""


class InvalidOutput(ModelmuxError, ValueError):
    """The answer does not fit the type given as ``output=``. ``reply`` is the whole, billed reply."""

    def __init__(self, message: str, *, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.reply = reply


class StreamConsumed(ModelmuxError):
    """A stream can be read once; this one was read to its end or closed."""


# --- the vendor's side ---------------------------------------------------------------------------------------


class ProviderError(ModelmuxError):
    """An attempt failed at a vendor.

    ``status`` is the HTTP status (None when there was none), ``code`` and ``kind`` the vendor's own code and type,
    ``param`` the parameter it names, ``retry_after`` seconds to wait as the vendor asks, ``retry`` the
    :class:`Retry` class, ``billed`` a :class:`Billed`. ``endpoint`` is filled in by the exchange. ``body`` is the
    vendor's error object, parsed where it was JSON. ``answer`` is the vendor's answer as it came, for a call that hands
    such answers on.

    ``blames``, ``weight`` and ``ejection`` are facts of the class: whose fault it is, what one failure counts towards
    ejecting whoever that is, and for how many seconds the first time and at most (see ``routing.breakers``).
    """

    default_retry: ClassVar[Retry] = Retry.SAME
    default_billed: ClassVar[Billed] = Billed.NO
    blames: ClassVar[Blame] = "endpoint"
    weight: ClassVar[float] = 1.0
    ejection: ClassVar[tuple[float, float]] = (1.0, 8.0)
    answer: tuple[HttpHead, bytes] | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        kind: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        retry: Retry | None = None,
        billed: Billed | None = None,
        endpoint: str | None = None,
        provider: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status, self.code, self.kind, self.param = status, code, kind, param
        self.request_id, self.retry_after = request_id, retry_after
        self.retry = self.default_retry if retry is None else retry
        self.billed = self.default_billed if billed is None else billed
        self.endpoint, self.provider = endpoint, provider
        self.body = body
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        facts = [self.endpoint or self.provider, self.status and f"HTTP {self.status}", self.code]
        said = ", ".join(str(fact) for fact in facts if fact)
        return f"{said}: {self.message}" if said else self.message


class RequestRejected(ProviderError):
    """The vendor calls the request wrong: no retry helps."""

    default_retry = Retry.NEVER
    blames = "caller"
    weight = 0.0


class UnsupportedParameter(RequestRejected):
    """The vendor or model does not take one of the parameters; ``param`` names it where the vendor does."""

    default_retry = Retry.ELSEWHERE


class ContextTooLong(RequestRejected):
    """The prompt is larger than the model's window. ``limit`` and ``asked`` are tokens, where stated."""

    default_retry = Retry.ELSEWHERE
    limit: int | None = None
    asked: int | None = None


class ContentBlocked(RequestRejected):
    """A content policy refused the prompt. Not shopped around by default."""


class RequestTooLarge(RequestRejected):
    """The request has too many bytes for this vendor."""

    default_retry = Retry.ELSEWHERE


class ToolUseFailed(RequestRejected):
    """The vendor rejected the tool call its own model made; asking again is sensible."""

    default_retry = Retry.SAME
    default_billed = Billed.UNKNOWN


class AuthError(ProviderError):
    """The key is missing, wrong or expired."""

    default_retry = Retry.ELSEWHERE
    blames = "key"
    weight = AT_ONCE
    ejection = (1.0, 600.0)


class PermissionDenied(ProviderError):
    """The key is right but may not do this."""

    default_retry = Retry.ELSEWHERE
    ejection = (1.0, 600.0)


class RegionBlocked(PermissionDenied):
    """Not served from or to this country or region."""


class BillingError(ProviderError):
    """The account cannot pay: balance, card or plan."""

    default_retry = Retry.ELSEWHERE
    blames = "key"
    weight = AT_ONCE
    ejection = (1.0, 600.0)


class QuotaSpent(BillingError):
    """The account's quota is used up: never the same key again until someone acts."""

    ejection = (3600.0, 3600.0)


class ModelNotFound(ProviderError):
    """The vendor does not know the model, or has retired it, or the address is wrong.

    ``missing`` is ``model``, or where the vendor answers so to a request that a model can't serve, ``ability``, or
    ``other`` for something that the request named: a file, an earlier response.
    """

    default_retry = Retry.ELSEWHERE
    ejection = (1.0, 600.0)
    missing: Literal["model", "ability", "other"] = "model"


class RateLimited(ProviderError):
    """Too many requests or tokens. ``dimension`` says of what, where the vendor does."""

    weight = 0.0  # limits know when to come back
    dimension: str | None = None


class Overloaded(ProviderError):
    """The vendor has no capacity at the moment."""


class ServerError(ProviderError):
    """The vendor failed."""

    default_billed = Billed.UNKNOWN


class MalformedResponse(ProviderError):
    """The vendor answered something its wire does not allow: HTML, cut JSON, another shape."""

    default_retry = Retry.ELSEWHERE
    default_billed = Billed.UNKNOWN


class ConnectionFailed(ProviderError):
    """No connection could be made, so nothing was sent."""

    blames = "provider"


class ConnectionLost(ProviderError):
    """The connection broke after the request went out, before a whole answer came. ``answered`` says whether any
    byte of the answer had come.
    """

    default_billed = Billed.UNKNOWN
    answered: bool = False


class AttemptTimeout(ProviderError):
    """A phase took too long: ``pool``, ``connect``, ``write``, ``first_byte``, ``read``, ``first_token``,
    ``between_tokens`` or ``total``.
    """

    default_billed = Billed.UNKNOWN
    phase: str = "total"


class ResponseTooLarge(ProviderError):
    """The answer passed ``max_response_bytes`` and was cut off."""

    default_retry = Retry.NEVER
    default_billed = Billed.YES
    blames = "caller"
    weight = 0.0


class StreamError(ProviderError):
    """The vendor reported an error inside a stream that had begun with a good status."""

    default_billed = Billed.UNKNOWN


class StreamTruncated(StreamError):
    """The stream ended without the end its wire requires: the answer is not whole."""


class StreamInterrupted(StreamError):
    """A stream broke after output had been handed over. ``partial`` is what had come, ``__cause__`` why it broke."""

    default_retry = Retry.NEVER
    partial: Response | None = None
