"""One attempt with its accounts: asked for, journalled, sent, and settled however it ends."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any

from modelmux import _books as books
from modelmux import providers
from modelmux._attempt import Trial, attempt
from modelmux._credentials import refused, token_for
from modelmux._effects import Answered, Effect
from modelmux._upstream import as_it_came, http_request
from modelmux.cost.units import INPUT_TOKENS
from modelmux.errors import AttemptTimeout, AuthError, ModelmuxError, ProviderError, Retry, Unsupported
from modelmux.routing.claims import Grant, Outcome
from modelmux.routing.patience import patience
from modelmux.types import Event, Warning
from modelmux.wire._names import under_own_names

if TYPE_CHECKING:
    from modelmux._call import Call, Progress
    from modelmux._http import HttpRequest
    from modelmux._secret import Secret
    from modelmux.cost.records import AttemptRow
    from modelmux.endpoint import Target
    from modelmux.types import Request

_READ = frozenset(INPUT_TOKENS)

_FAIR = 1.0
"""Seconds that a caller's deadline must leave an endpoint before missing it says something about the endpoint."""


def run(
    progress: Progress, grant: Grant, request: Request | None = None
) -> Generator[Effect, Any, tuple[Trial, list[Event]]]:
    """One attempt with the leave that ``grant`` is, which the caller gives back where nothing was sent. Returns the
    stream's last events, which the caller gets once the outcome is recorded. ``request`` stands in for the call's own.
    Raises ModelmuxError.
    """
    call, env = progress.call, progress.env
    trial, http, token = yield from _prepared(progress, grant.scopes.endpoint, request or call.request)
    row = books.intent(trial, call, progress.decision)
    env.recorder.intent(row)
    progress.spent += row.bound_nano or 0
    try:
        hold = call.on_break == "buffer"
        last = yield from attempt(trial, http, stream=call.stream, hold=hold, limit=env.max_response_bytes)
        trial.status = "ok"
    except ModelmuxError as error:
        trial.status = "cut" if trial.handed_over else "failed"
        trial.error = error
        if isinstance(error, ProviderError):
            _explain(error, trial)
        if token is not None and isinstance(error, AuthError):
            refused(trial.target, call.keys, token)
        raise
    finally:
        progress.trial = trial
        if trial.process == os.getpid():  # else this is a forked child's copy, and the attempt goes on in its parent
            _settle(progress, trial, row, grant)
    return trial, last


def _prepared(
    progress: Progress, name: str, request: Request
) -> Generator[Effect, Any, tuple[Trial, HttpRequest, Secret | None]]:
    """The attempt and what it sends."""
    call, env = progress.call, progress.env
    target = call.fleet.target(name)
    codec, came = target.codec, call.came.get(name)
    request, warnings = _asked(progress, name, request)
    if came is not None and _untouched(call, request, target):
        assert request.source is not None
        return (
            _trial(progress, target, Answered(name, target.provider, codec.id, request.source.body), request),
            came,
            None,
        )
    body, unsaid = codec.encode_request(request, model=target.model, stream=call.stream)
    warnings += unsaid
    if call.strict and warnings:
        _refuse(name, warnings)
    body = _with_extra(body, call.extra, target)
    token = None
    if target.row.hook and came is None:
        by = _earlier(call.deadline, env.clock.monotonic(), call.attempt_timeout)
        token = yield from token_for(target, call.keys, env.clock, by)
    if came is not None:
        http = as_it_came(came, body, request.source)
    else:
        beside = call.headers.get(target.provider)
        now = env.clock.time()
        http = http_request(target, body, stream=call.stream, keys=call.keys, now=now, token=token, beside=beside)
    answered = Answered(name, target.provider, codec.id, body, warnings)
    return _trial(progress, target, answered, request), http, token


def _untouched(call: Call, request: Request, target: Target) -> bool:
    """Whether a request that came for this endpoint goes there word for word, so that it need not be encoded."""
    source = request.source
    return (
        request is call.request
        and source is not None
        and source.wire == target.codec.id
        and request.model == target.model
        and request.stream == call.stream
        and not call.extra
    )


def _trial(progress: Progress, target: Target, answered: Answered, request: Request) -> Trial:
    call, env = progress.call, progress.env
    number = progress.number()
    began = env.clock.monotonic()
    limits = patience(
        progress.decision.needs,
        progress.snapshot,
        target.name,
        ttft=call.ttft,
        elsewhere=progress.elsewhere(target.name),
        again=call.on_break != "raise",
    )
    return Trial(
        id=f"{call.id}-{number}",
        number=number,
        target=target,
        wire=under_own_names(target.codec, request, answered.warnings),
        clock=env.clock,
        started=env.clock.time(),
        began=began,
        deadline=_earlier(call.deadline, began, call.attempt_timeout),
        first_token_by=began + (limits.first_token if call.stream else limits.whole),
        between=limits.between if call.stream else inf,
        streamed=call.stream,
        answered=answered,
        relay=target.codec.id == call.bytes_of,
        finishes=request.n or 1,
    )


def _explain(error: ProviderError, trial: Trial) -> None:
    """What the attempt knows beside the error: who answered, and which limit a timeout was."""
    error.endpoint, error.provider = trial.target.name, trial.target.provider
    if trial.relay and trial.answered is not None and trial.answered.head is not None:
        error.answer = trial.answered.head, b"".join(trial.held)
    if isinstance(error, AttemptTimeout):
        if (phase := trial.lost_patience) is not None:
            error.phase = phase
        if error.phase not in ("pool", "connect"):
            error.retry = Retry.ELSEWHERE  # who was silent once is not waited for again


def _settle(progress: Progress, trial: Trial, row: AttemptRow, grant: Grant) -> None:
    """Write the attempt's outcome. Plain calls only: it runs when the caller closes or cancels, too."""
    env = progress.env
    done = books.bill(trial, progress.decision.input_tokens(trial.target.name))
    intent, row = row, books.outcome(row, trial, done, env.clock.time())
    # It counts at its bound from the start, and goes on so unless something better is known in its currency.
    comparable = row.cost_nano is not None and row.currency == (intent.currency or row.currency)
    if comparable:
        progress.spent += (row.cost_nano or 0) - (intent.bound_nano or 0)
    progress.attempts.append(books.receipt_line(row, trial, done))
    try:
        env.recorder.outcome(row)
    finally:
        env.state.settle(grant, _said(progress, trial, done))


def _said(progress: Progress, trial: Trial, done: books.Bill) -> Outcome:
    """What the attempt says about its endpoint."""
    head = trial.answered.head if trial.answered is not None else None
    outcome = Outcome(progress.env.clock.monotonic(), None, headers=head.headers if head is not None else {})
    error = trial.error
    outcome.stream = progress.call.stream
    if error is None:  # it answered, or whoever waited left: it was at least that late
        outcome.waited = trial.first_token_after or outcome.at - trial.began
    if trial.status == "ok":
        progress.call.fleet.learn(trial.target.name, progress.decision.needs, done.usage)
        _measured(outcome, trial, done, progress.call.stream)
    elif isinstance(error, ProviderError) and not _hurried(progress, trial, error):
        outcome.ok, outcome.error = False, error
    if done.usage.reported:
        outcome.input_tokens = done.usage.sum(_READ)
        outcome.output_tokens = done.usage["output"] + done.usage["reasoning"]
    return outcome


def _measured(outcome: Outcome, trial: Trial, done: books.Bill, stream: bool) -> None:
    """What a good answer says about the endpoint's speed."""
    outcome.ok = True
    written = done.usage["output"] + done.usage["reasoning"]
    outcome.ttft = trial.first_token_after if stream else None
    writing = outcome.at - trial.began - (outcome.ttft or 0.0)
    outcome.per_token = writing / written if written else None


def _hurried(progress: Progress, trial: Trial, error: ProviderError) -> bool:
    """Whether the caller's deadline ended an attempt too soon to blame the endpoint for it."""
    deadline = progress.call.deadline
    if not isinstance(error, AttemptTimeout) or deadline is None or progress.env.clock.monotonic() < deadline:
        return False
    known = progress.snapshot.ttft.get(trial.target.name, 0.0)
    return progress.env.clock.monotonic() - trial.began < max(_FAIR, 3 * known)


def _asked(progress: Progress, name: str, request: Request) -> tuple[Request, list[Warning]]:
    """The request as this endpoint gets it: its output capped where a ceiling says so, usage asked for."""
    call = progress.call
    if call.stream and call.exact_usage and request.include_usage is None:
        request = replace(request, include_usage=True)
    cap = progress.decision.cap(name)
    if progress.numbered and (ceiling := progress.ceiling(name)) is not None:
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
