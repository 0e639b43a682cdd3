"""The one generator from a request to its events and receipt.

``exchange`` decides, then tries endpoints one after another as the plan and the failures say. It does no IO and knows
no event loop: it yields effects (``_effects``) and plain-calls a recorder whose append outlives the process.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from modelmux import _books as books
from modelmux import providers
from modelmux._attempt import Trial, attempt
from modelmux._credentials import refused, token_for
from modelmux._effects import Answered, Effect, Emit, Look, Sleep
from modelmux._upstream import as_it_came, http_request
from modelmux.errors import (
    AttemptTimeout,
    AuthError,
    DeadlineExceeded,
    ModelmuxError,
    ProviderError,
    RequestRejected,
    StreamInterrupted,
    Unsupported,
)
from modelmux.money import Money
from modelmux.receipt import Attempt
from modelmux.routing import retry
from modelmux.types import Event, Reply, Restarted, Warning

if TYPE_CHECKING:
    from random import Random

    from modelmux._clock import Clock
    from modelmux._http import HttpRequest
    from modelmux._secret import Secret
    from modelmux.cost.recorder import Recorder
    from modelmux.cost.records import AttemptRow
    from modelmux.endpoint import Target
    from modelmux.routing.ceilings import Ceiling
    from modelmux.routing.health import Health
    from modelmux.routing.needs import RouteOptions
    from modelmux.routing.plan import Decision
    from modelmux.routing.table import Fleet
    from modelmux.types import Request


@dataclass(frozen=True, slots=True)
class Env:
    """What all calls of a Mux share."""

    clock: Clock
    health: Health
    recorder: Recorder
    rng: Random
    max_response_bytes: int
    retry: retry.RetryPolicy = retry.DEFAULT_RETRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. ``deadline`` is absolute on the monotonic clock, ``seconds`` its length as the caller gave it.

    ``bytes_of`` is a wire: what an endpoint that speaks it answers is handed over as bytes too, an error's at its
    ``answer``. ``came`` are requests as their maker wrote them, by the endpoint they were meant for: address and
    headers stay theirs. ``headers`` are added to those for a provider.
    """

    id: str
    request: Request
    fleet: Fleet
    options: RouteOptions
    stream: bool = False
    deadline: float | None = None
    seconds: float | None = None
    attempt_timeout: float | None = None
    ttft: float | None = None
    on_break: str = "raise"
    strict: bool = False
    exact_usage: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, Secret] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    bytes_of: str | None = None
    came: Mapping[str, HttpRequest] = field(default_factory=dict)
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Progress:
    """A call under way: the decision, what was tried, what it cost, what could not be said."""

    call: Call
    env: Env
    decision: Decision
    began: float
    attempts: list[Attempt] = field(default_factory=list)
    history: list[retry.Tried] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)
    avoid: frozenset[str] = frozenset()
    trial: Trial | None = None
    spent: int = 0
    handed_over: bool = False

    def ceiling(self, name: str) -> Ceiling | None:
        """What a further attempt at ``name`` may come to under ``max_cost``, given what the earlier ones cost at most;
        None without a ceiling.
        """
        limit = self.call.options.max_cost
        needs = self.decision.needs
        if limit is None or needs is None:
            return None
        left = Money(limit.nano - self.spent, limit.currency)
        return self.call.fleet.ceiling(needs, name, left=left, now=self.env.clock.time())


def exchange(call: Call, env: Env) -> Generator[Effect, Any, Reply]:
    """One call from decision to reply. Raises ModelmuxError with ``receipt`` set once an attempt was made."""
    snapshot = yield Look(call.fleet.names)
    decision = call.fleet.decide(call.request, call.options, snapshot=snapshot, rng=env.rng, now=env.clock.time())
    progress = _Progress(call, env, decision, env.clock.monotonic())
    name = decision.plan.names[0]
    while True:
        try:
            trial, last = yield from _try(progress, name)
        except ModelmuxError as error:
            move = _after(progress, name, error)
            if move is None or move.name is None:
                final = _final(progress, error)
                raise final from final.__cause__
            if move.wait > 0:
                yield Sleep(env.clock.monotonic() + move.wait)
            name = move.name
            if progress.handed_over:
                progress.handed_over = False
                yield Emit([Restarted(str(error), call.fleet.target(name).provider, name)])
            continue
        if last or trial.relay:
            yield Emit(last, b"".join(trial.held) if trial.relay else None, trial.answered)
        return _reply(progress, trial)


def _try(progress: _Progress, name: str) -> Generator[Effect, Any, tuple[Trial, list[Event]]]:
    """One attempt, journalled before it is sent and as soon as its outcome is known, however it ends."""
    call, env = progress.call, progress.env
    target = call.fleet.target(name)
    codec = target.codec
    request, warnings = _asked(progress, name)
    body, unsaid = codec.encode_request(request, model=target.model, stream=call.stream)
    warnings += unsaid
    if call.strict and warnings:
        _refuse(name, warnings)
    body = _with_extra(body, call.extra, target)
    token, came = None, call.came.get(name)
    if target.row.hook and came is None:
        by = _earlier(call.deadline, env.clock.monotonic(), call.attempt_timeout)
        token = yield from token_for(target, call.keys, env.clock, by)
    if came is not None:
        http = as_it_came(came, body, request.source)
    else:
        beside = call.headers.get(target.provider)
        now = env.clock.time()
        http = http_request(target, body, stream=call.stream, keys=call.keys, now=now, token=token, beside=beside)
    number = len(progress.attempts) + 1
    began = env.clock.monotonic()
    trial = Trial(
        id=f"{call.id}-{number}",
        number=number,
        target=target,
        wire=codec,
        clock=env.clock,
        started=env.clock.time(),
        began=began,
        deadline=_earlier(call.deadline, began, call.attempt_timeout),
        first_token_by=began + call.ttft if call.ttft is not None and call.stream else None,
        answered=Answered(name, target.provider, codec.id, body, warnings),
        relay=codec.id == call.bytes_of,
        finishes=request.n or 1,
    )
    row = books.intent(trial, call, progress.decision)
    env.recorder.intent(row)
    env.health.started(name)
    progress.trial = trial
    try:
        last = yield from attempt(
            trial, http, stream=call.stream, hold=call.on_break == "buffer", limit=env.max_response_bytes
        )
        trial.status = "ok"
    except ModelmuxError as error:
        trial.status = "cut" if trial.handed_over else "failed"
        trial.error = error
        if isinstance(error, ProviderError):
            error.endpoint, error.provider = name, target.provider
            if trial.relay:
                error.answer = b"".join(trial.held)
        if isinstance(error, AttemptTimeout) and trial.out_of_patience:
            error.phase = "first_token"
        if token is not None and isinstance(error, AuthError):
            refused(target, call.keys, token)
        raise
    finally:
        _settle(progress, trial, row)
    progress.warnings = warnings
    return trial, last


def _settle(progress: _Progress, trial: Trial, row: AttemptRow) -> None:
    """Write the attempt's outcome. Plain calls only: it runs when the caller closes or cancels, too."""
    env = progress.env
    progress.handed_over = progress.handed_over or trial.handed_over
    done = books.bill(trial, progress.decision.input_tokens(trial.target.name))
    intent, row = row, books.outcome(row, trial, done, env.clock.time())
    env.recorder.outcome(row)
    # An attempt that may have been billed counts at its bound, as long as nothing better is known in its currency.
    comparable = row.cost_nano is not None and row.currency == (intent.currency or row.currency)
    progress.spent += (row.cost_nano if comparable else intent.bound_nano) or 0
    progress.attempts.append(books.receipt_line(row, trial, done))
    name, now = trial.target.name, env.clock.monotonic()
    if trial.status == "ok":
        progress.call.fleet.learn(name, progress.decision.needs, done.usage)
        tokens_out = done.usage["output"] + done.usage["reasoning"]
        streamed = trial.first_token_after if progress.call.stream else None
        writing = now - trial.began - (streamed or 0.0)
        env.health.succeeded(name, streamed, writing / tokens_out if tokens_out else None, now)
    elif trial.error is None or isinstance(trial.error, RequestRejected) or not isinstance(trial.error, ProviderError):
        env.health.cancelled(name)
    else:
        env.health.failed(name, now)


def _asked(progress: _Progress, name: str) -> tuple[Request, list[Warning]]:
    """The request as this endpoint gets it: its output capped where a ceiling says so, usage asked for."""
    call = progress.call
    request = call.request
    if call.stream and call.exact_usage and request.include_usage is None:
        request = replace(request, include_usage=True)
    cap = progress.decision.cap(name)
    if progress.attempts and (ceiling := progress.ceiling(name)) is not None:
        cap = ceiling.cap
    if cap is None or (request.max_tokens is not None and request.max_tokens <= cap):
        return request, []
    detail = f"output capped at {cap} tokens so that the call stays within max_cost"
    return replace(request, max_tokens=cap), [Warning("max_tokens", "capped", detail)]


def _refuse(name: str, warnings: Sequence[Warning]) -> None:
    said = "; ".join(map(str, warnings))
    raise Unsupported(
        f"{name} cannot say all of the request (strict=True): {said}", field=warnings[0].field, warnings=tuple(warnings)
    )


def _with_extra(body: dict[str, Any], extra: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """``extra`` fields in the body. A key that is this provider's or wire's id scopes what is under it."""
    if not extra:
        return body
    out = dict(body)
    for key, value in extra.items():
        if isinstance(value, Mapping) and (key in (target.provider, target.call.wire) or key in target.row.aliases):
            out.update(value)
        elif not (isinstance(value, Mapping) and providers.find(key) is not None):
            out[key] = value
    return out


def _earlier(deadline: float | None, began: float, timeout: float | None) -> float | None:
    if timeout is None:
        return deadline
    return began + timeout if deadline is None else min(deadline, began + timeout)


def _after(progress: _Progress, name: str, error: ModelmuxError) -> retry.Move | None:
    """What to do after a failed attempt; None to give up."""
    call, env = progress.call, progress.env
    if not isinstance(error, ProviderError) or (progress.handed_over and call.on_break != "restart"):
        return None
    now = env.clock.monotonic()
    progress.history.append(retry.Tried(name, error, now))
    progress.avoid |= call.fleet.avoid(name, error)
    while True:
        move = retry.next_move(
            progress.history,
            progress.decision.plan,
            now=now,
            rng=env.rng,
            started=progress.began,
            deadline=call.deadline,
            policy=env.retry,
            avoid=progress.avoid,
        )
        ceiling = None if move.name is None else progress.ceiling(move.name)
        if move.name is None or ceiling is None or not ceiling.reason:
            return move
        progress.avoid |= {move.name}  # what is left of max_cost does not buy an answer there


def _final(progress: _Progress, error: ModelmuxError) -> ModelmuxError:
    """The error the caller gets: the last attempt's, or what it amounts to, with the receipt."""
    call, env = progress.call, progress.env
    final = error
    if isinstance(error, ProviderError):
        if call.deadline is not None and env.clock.monotonic() >= call.deadline:
            final = DeadlineExceeded(
                f"no whole answer within deadline={call.seconds} s: {error}",
                deadline=call.seconds,
                phase=getattr(error, "phase", None),
            )
            final.__cause__ = error
        elif progress.handed_over:
            final = StreamInterrupted(f"the stream broke after output was handed over: {error}", status=error.status)
            final.endpoint, final.provider, final.request_id = error.endpoint, error.provider, error.request_id
            final.partial = None if progress.trial is None else progress.trial.folder.response()
            final.__cause__ = error
    final.receipt = books.receipt(call.id, progress.attempts, progress.decision)
    if len(progress.attempts) > 1:
        tried = (f"{a.endpoint}: {type(a.error).__name__ if a.error else a.status}" for a in progress.attempts)
        final.add_note("attempts: " + "; ".join(tried))
    return final


def _reply(progress: _Progress, trial: Trial) -> Reply:
    response = trial.response
    assert response is not None
    receipt = books.receipt(progress.call.id, progress.attempts, progress.decision)
    return Reply(
        id=response.id,
        model=response.model or trial.target.model,
        choices=response.choices,
        usage=progress.attempts[-1].usage,
        created=response.created,
        service_tier=response.service_tier,
        extra=response.extra,
        raw=response.raw,
        provider=trial.target.provider,
        cost=receipt.cost,
        cost_status=receipt.cost_status,
        warnings=tuple(progress.warnings),
        receipt=receipt,
    )
