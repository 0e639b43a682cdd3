"""How each vendor writes down what it says: small builders of their own, so that they check the codecs.

Nothing here may use ``modelmux.wire``: a mistake in a codec must not be repeated by its test server.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from modelmux import _json
from modelmux.testing._limits import Spent
from modelmux.testing.answers import Answer, Asked, RecordedRequest, Said

EPOCH = 1_767_225_600
"""When every scripted answer was made, in seconds since the epoch: answers are the same in every run."""

COMMENT = b": keep-alive\n\n"

Event = tuple[str, bytes]
"""One event of a stream with its kind: ``open``, ``delta`` (it carries output), ``finish``, ``usage`` or ``end``."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error to be written in a vendor's shape. ``code`` None for the one that goes with the status; ``limit`` is
    the limit that was met, where one was.
    """

    status: int
    message: str
    code: str | None = None
    retry_after: float | str | None = None
    limit: Spent | None = None


@dataclass(frozen=True, slots=True)
class Counting:
    """A request to count: ``text`` is all that is to be counted, ``field`` where the answer holds the count."""

    model: str
    text: str
    field: str


class Shape(ABC):
    """One vendor's format: reading just enough of requests, writing answers."""

    vendor: ClassVar[str]
    wire: ClassVar[str]
    models: ClassVar[tuple[str, ...]]
    request_id: ClassVar[str] = "x-request-id"
    prefix: ClassVar[str] = "/v1"
    path: ClassVar[str] = ""
    """How the addresses end that it is asked at, where the vendor's server has several shapes."""
    unknown: ClassVar[int] = 404
    """The status for a model that it does not have."""
    retry_form: ClassVar[str] = "seconds"
    """How it says when to come back: a name of :data:`~modelmux.testing._limits.FORMS`."""

    @abstractmethod
    def key(self, request: RecordedRequest) -> str | None:
        """The key that the request carries."""

    @abstractmethod
    def is_chat(self, request: RecordedRequest) -> bool: ...

    @abstractmethod
    def asked(self, request: RecordedRequest) -> Asked: ...

    @abstractmethod
    def problem(self, request: RecordedRequest) -> str | None:
        """What this vendor would refuse in a request whose body is an object, None if nothing."""

    def counting(self, request: RecordedRequest) -> Counting | None:  # noqa: ARG002 - not every vendor counts
        """What a request for a count of tokens asks; None for any other. Raises ValueError for one to refuse."""
        return None

    def unscripted(self, request: RecordedRequest) -> Answer | None:  # noqa: ARG002 - most say what the script says
        """The answer to a request that no script is asked for; None where one is."""
        return None

    @abstractmethod
    def whole(self, said: Said) -> dict[str, Any]: ...

    @abstractmethod
    def events(self, said: Said) -> Iterator[Event]: ...

    @abstractmethod
    def error(self, failure: Failure) -> dict[str, Any]: ...

    @abstractmethod
    def stream_error(self, message: str) -> bytes: ...

    @abstractmethod
    def empty_delta(self, said: Said) -> bytes:
        """An event of output that says nothing."""

    def ping(self, said: Said, kind: str) -> bytes:
        """A sign of life inside a stream: ``event`` (a comment, where the vendor has none), ``comment``, ``empty``."""
        return self.empty_delta(said) if kind == "empty" else COMMENT

    def limit_headers(self, limits: Sequence[Spent], now: float) -> dict[str, str]:  # noqa: ARG002 - not all say it
        """What every answer says about the caller's limits. ``now`` is seconds since the epoch."""
        return {}

    @abstractmethod
    def listing(self, models: tuple[str, ...]) -> dict[str, Any]: ...

    def wrong_key(self) -> tuple[int, dict[str, Any]]:
        """Status and body for a missing or wrong key."""
        return 401, self.error(Failure(401, "Incorrect API key provided."))

    def unknown_model(self, model: str) -> dict[str, Any]:
        return self.error(Failure(404, f"The model {model!r} does not exist."))


def dump(value: Any) -> bytes:
    return _json.dumps(value)


def data(value: Any) -> bytes:
    return b"data: " + dump(value) + b"\n\n"


def bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def texts(value: Any) -> Iterator[str]:
    """Every text in a message's content, whatever the vendor calls the block around it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for name in ("text", "content", "parts"):
            if name in value:
                yield from texts(value[name])


def arguments_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else dump(arguments).decode()


def arguments_object(arguments: Any) -> Any:
    return json.loads(arguments) if isinstance(arguments, str) else arguments


def halves(text: str) -> tuple[str, ...]:
    """A tool call's arguments come in pieces: two of them, so that a reader has to join them."""
    middle = len(text) // 2
    return tuple(part for part in (text[:middle], text[middle:]) if part)
