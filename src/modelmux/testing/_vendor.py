"""One vendor without a network: it takes requests, keeps its limits and its script, and says step by step what comes.

The servers on sockets and the provider in the process are made of it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import parse_qs

from modelmux._clock import Clock, SystemClock
from modelmux.testing._limits import FORMS, Limits, Spent
from modelmux.testing._refusals import spoken
from modelmux.testing._reply import JSON, NO_FAULT, Reply, reply, tokens
from modelmux.testing._script import Script
from modelmux.testing._shapes import Failure, Shape, dump
from modelmux.testing._shapes.anthropic import Anthropic
from modelmux.testing._shapes.embeddings import Embeddings
from modelmux.testing._shapes.gemini import Gemini
from modelmux.testing._shapes.interactions import Interactions
from modelmux.testing._shapes.openai import OpenAI
from modelmux.testing._shapes.responses import Responses
from modelmux.testing._steps import Step, steps
from modelmux.testing.answers import Answer, RecordedRequest
from modelmux.testing.faults import Fault

if TYPE_CHECKING:
    from modelmux.endpoint import Endpoint

SHAPES: Mapping[str, type[Shape]] = {
    **{name: shape for shape in (OpenAI, Anthropic, Gemini) for name in (shape.vendor, shape.wire)},
    Interactions.wire: Interactions,
    Responses.wire: Responses,
}
_KINDS: Mapping[str, tuple[type[OpenAI], ...]] = {OpenAI.vendor: (OpenAI, Responses, Embeddings)}
"""The shapes of a vendor that answers in several, told apart by how the address ends."""

OVERLOAD = Fault(kind="overloaded")
"""Each vendor says it in its own way."""


class VendorOptions(TypedDict, total=False):
    """See :class:`~modelmux.testing.VendorServer`."""

    key: str | None
    models: tuple[str, ...] | None
    latency: float | Callable[[RecordedRequest], float]
    pace: float | Callable[[RecordedRequest], float]
    capacity: int | None
    clock: Clock | None


class Vendor(Script):
    """``latency`` and ``pace`` are seconds before an answer's head and between the events of a stream, or callables
    that say so for a request; ``capacity`` is how many requests may be under way at once, above which the rest get
    ``overload``. All may be changed at any time. ``requests`` lists what came, oldest first; ``in_flight`` how many
    are under way, ``max_in_flight`` how many ever were, ``hung_up`` how many the caller left before they were over.
    """

    def __init__(
        self,
        vendor: str = "openai",
        *,
        key: str | None = "test-key",
        models: tuple[str, ...] | None = None,
        latency: float | Callable[[RecordedRequest], float] = 0.0,
        pace: float | Callable[[RecordedRequest], float] = 0.0,
        capacity: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        super().__init__(self.clock)
        if vendor not in SHAPES:
            raise ValueError(f"no server for {vendor!r}: expected one of {sorted(SHAPES)}")
        self._shape = SHAPES[vendor]()
        self.vendor = self._shape.vendor
        self.wire = self._shape.wire
        self.key = self._own_key = key
        self.models = models or self._shape.models
        self._only = models is not None
        self.latency = latency
        self.pace = pace
        self.capacity = self._own_capacity = capacity
        self.overload = OVERLOAD
        self.requests: list[RecordedRequest] = []
        self._forget()

    def _forget(self) -> None:
        self.requests.clear()
        self._under_way: set[RecordedRequest] = set()
        self._limits: Limits | None = None
        self.max_in_flight = self.hung_up = 0
        self._numbers = count(1)

    def reset(self) -> None:
        """As new: up, healthy, its own key, no script, no limits, nothing recorded, counting from 1."""
        self.clear()
        self.key = self._own_key
        self.capacity = self._own_capacity
        self.overload = OVERLOAD
        self._forget()

    @property
    @abstractmethod
    def base_url(self) -> str:
        """Where the vendor's own address would stand."""

    def endpoint(self, model: str | None = None, **options: Any) -> Endpoint:
        """An endpoint that leads here. ``model`` is ``provider/model`` or a model of this vendor, by default its
        first; ``options`` are those of :class:`~modelmux.Endpoint`.
        """
        from modelmux.endpoint import Endpoint

        name = model or self.models[0]
        given = {"base_url": self.base_url, "api_key": self.key, **options}
        return Endpoint(name if "/" in name else f"{self.vendor}/{name}", **given)

    def limit(
        self,
        *,
        rpm: int | None = None,
        tpm: int | None = None,
        itpm: int | None = None,
        otpm: int | None = None,
        retry_after: str | None = None,
    ) -> None:
        """Keep rate limits, per minute: requests, tokens, input and output tokens. Every answer says in this vendor's
        headers where they stand (Gemini's do not); what exceeds them is answered 429. ``retry_after`` is how it says
        when to come back: ``seconds``, ``ms``, ``both``, ``date``, ``duration``, ``none``; by default as this vendor
        does. Without a limit, none is kept any more.
        """
        given = {"requests": rpm, "tokens": tpm, "input": itpm, "output": otpm}
        known = {of: limit for of, limit in given.items() if limit is not None}
        form = retry_after or self._shape.retry_form
        self._limits = Limits(known, form, self.clock.monotonic()) if known else None

    # --- requests (in the server's thread) -----------------------------------------------------------------------

    def receive(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> RecordedRequest:
        path, _, query = target.partition("?")
        pairs = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()} if query else {}
        number = next(self._numbers)
        request = RecordedRequest(method, path, pairs, headers, body, number, self.clock.monotonic())
        self.requests.append(request)
        self._under_way.add(request)
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        return request

    def finish(self, request: RecordedRequest, outcome: str) -> None:
        """This request is over."""
        request.outcome = outcome
        request.ended = self.clock.monotonic()
        if request in self._under_way:  # else it was forgotten meanwhile
            self._under_way.remove(request)
            self.hung_up += outcome == "hung up"

    @property
    def in_flight(self) -> int:
        return len(self._under_way)

    def respond(self, request: RecordedRequest) -> Iterator[Step]:
        refusal = self._refusal(request)
        if refusal is not None:
            status, value = refusal
            return steps(Reply(status, {"content-type": JSON}, [dump(value)]))
        asked = request.asked
        if asked is None:
            raise RuntimeError("a chat that was not refused says what it asks for")
        met = self._met(tokens(asked.prompt))
        if met is not None:
            return self._refused(request, self._over(met, asked.model), met)
        shape = self._shape_of(request)
        fault = self.next_fault(request)
        if fault is None and self.capacity is not None and self.in_flight > self.capacity:
            return self._refused(request, self.overload)
        replaced = fault is not None and fault.replaces
        answer = Answer() if replaced else shape.unscripted(request) or self.next_answer(request)
        fault = spoken(fault or answer.fault or NO_FAULT, self.vendor)
        made = reply(shape, answer, asked, request.number, fault)
        latency = self.latency if answer.latency is None else answer.latency
        pace = self.pace if answer.pace is None else answer.pace
        return steps(
            self._metered(made),
            fault,
            latency=latency(request) if callable(latency) else latency,
            pace=pace(request) if callable(pace) else pace,
        )

    def _refused(self, request: RecordedRequest, fault: Fault, limit: Spent | None = None) -> Iterator[Step]:
        """A refusal, at once: it takes no place that others could have."""
        assert request.asked is not None
        fault = spoken(fault, self.vendor)
        made = reply(self._shape_of(request), Answer(), request.asked, request.number, fault, limit)
        return steps(self._metered(made), fault)

    def _met(self, prompt: int) -> Spent | None:
        """The limit that a request of so many tokens exceeds."""
        with self._lock:
            return None if self._limits is None else self._limits.claim(prompt, self.clock.monotonic())

    def _over(self, met: Spent, model: str) -> Fault:
        """The answer to a request that exceeds a limit."""
        assert self._limits is not None
        message = (
            f"Rate limit reached for {model} on {met.of} per min: Limit {met.limit}, Remaining {met.remaining}. "
            f"Please try again in {met.wait:.3f}s."
        )
        return Fault(status=429, message=message, headers=FORMS[self._limits.form](met.wait, self.clock.time()))

    def _metered(self, made: Reply) -> Reply:
        """The reply with what it says about the limits, from which its output is taken."""
        limits = self._limits
        if limits is None:
            return made
        now = self.clock.monotonic()
        with self._lock:
            limits.settle(made.written, now)
            spent = limits.spent(now)
        return replace(made, headers={**made.headers, **self._shape.limit_headers(spent, self.clock.time())})

    def _refusal(self, request: RecordedRequest) -> tuple[int, Any] | None:
        """What is answered instead of an answer; None for a proper chat, whose ``asked`` is then known."""
        shape = self._shape_of(request)
        if self.key is not None and shape.key(request) != self.key:
            return shape.wrong_key()
        if request.method == "GET" and request.path.endswith("/models"):
            return 200, shape.listing(self.models)
        if request.method == "POST" and (counted := self._counted(request)) is not None:
            return counted
        if request.method != "POST" or not shape.is_chat(request):
            message = f"Invalid URL ({request.method} {request.path})"
            return 404, shape.error(Failure(404, message, "not_found_error"))
        try:
            problem = shape.problem(request) if isinstance(request.json, dict) else "The body must be a JSON object."
            asked = None if problem else shape.asked(request)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            problem, asked = f"The body could not be read: {error}", None
        if asked is None:
            return 400, shape.error(Failure(400, str(problem)))
        if self._only and asked.model not in self.models:
            return shape.unknown, shape.unknown_model(asked.model)
        request.asked = asked
        return None

    def _shape_of(self, request: RecordedRequest) -> Shape:
        """The format that this request is in."""
        kinds = _KINDS.get(self.vendor, ())
        kind = next((kind for kind in kinds if request.path.endswith(kind.path)), None)
        return self._shape if kind is None else kind(request)

    def _counted(self, request: RecordedRequest) -> tuple[int, Any] | None:
        """The answer to a request for a count of tokens; None for any other request."""
        shape = self._shape
        try:
            asked = shape.counting(request)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            return 400, shape.error(Failure(400, f"The body could not be read: {error}"))
        if asked is None:
            return None
        if self._only and asked.model not in self.models:
            return 404, shape.unknown_model(asked.model)
        return 200, {asked.field: max(1, tokens(asked.text))}
