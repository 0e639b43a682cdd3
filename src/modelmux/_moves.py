"""After an attempt: what to do next, the error a call ends with, or its reply. Plain functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmux import _books as books
from modelmux._resume import Partial
from modelmux.errors import DeadlineExceeded, ModelmuxError, ProviderError, RequestRejected, StreamInterrupted
from modelmux.routing import retry
from modelmux.types import Reply

if TYPE_CHECKING:
    from modelmux._attempt import Trial
    from modelmux._call import Progress
    from modelmux.receipt import Receipt


def after(progress: Progress, error: ModelmuxError) -> retry.Move | None:
    """What to do after a failed attempt; None to give up."""
    call, env = progress.call, progress.env
    if not isinstance(error, ProviderError) or error.endpoint is None:
        return None
    now = env.clock.monotonic()
    begun = _keep(progress)
    if progress.partial is not None:
        if begun and isinstance(error, RequestRejected):
            # It may be the beginning that was refused: without it the same endpoint can still answer.
            progress.partial.text = None
            return retry.Move("same", 0.0, error.endpoint) if call.may_restart else None
        if not _may_go_on(progress):
            return None
    progress.history.append(retry.Tried(error.endpoint, error, now))
    if progress.forced:
        return None
    progress.avoid |= call.fleet.avoid(error.endpoint, error, progress.decision.needs)
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
        if move.name is None or _affordable(progress, move.name, now):
            return move
        progress.avoid |= {move.name}


def _keep(progress: Progress) -> bool:
    """Keep what a broken stream had handed over. True when this attempt was to go on with an earlier one's text."""
    trial, partial = progress.trial, progress.partial
    if trial is None:
        return False
    if partial is not None and partial.under_way:
        if trial.handed_over:
            progress.partial = Partial.of(partial.folder, partial.used + trial.folder.response().usage)
            return False
        return True
    if trial.handed_over:
        progress.partial = Partial.of(trial.folder, trial.folder.response().usage)
    return False


def _may_go_on(progress: Progress) -> bool:
    """Whether a stream that broke in front of the caller may go on, or begin anew."""
    call, partial = progress.call, progress.partial
    assert partial is not None
    if call.on_break == "resume" and not call.may_restart:
        able = {t.name for t in call.fleet.targets if partial.continued(call.request, t) is not None}
        progress.avoid |= set(call.fleet.names) - able
        return bool(able)
    return call.may_restart and call.on_break in ("restart", "resume")


def _affordable(progress: Progress, name: str, now: float) -> bool:
    """Whether what is left of ``max_cost`` buys an answer there, and a repeat is within the provider's retry budget."""
    ceiling = progress.ceiling(name)
    if ceiling is not None and ceiling.reason:
        return False
    again = any(tried.name == name for tried in progress.history)
    return not again or progress.env.state.may_repeat(progress.call.scopes(name), now)


def final(progress: Progress, error: ModelmuxError) -> ModelmuxError:
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
        elif progress.partial is not None:
            final = StreamInterrupted(f"the stream broke after output was handed over: {error}", status=error.status)
            final.endpoint, final.provider, final.request_id = error.endpoint, error.provider, error.request_id
            final.__cause__ = error
        if progress.partial is not None and isinstance(final, (StreamInterrupted, DeadlineExceeded)):
            final.partial = progress.partial.folder.response()
    final.receipt = _receipt(progress)
    if len(progress.attempts) > 1:
        tried = (f"{a.endpoint}: {type(a.error).__name__ if a.error else a.status}" for a in progress.attempts)
        final.add_note("attempts: " + "; ".join(tried))
    return final


def reply(progress: Progress, trial: Trial) -> Reply:
    """The whole answer, with what it cost."""
    response = trial.response
    assert response is not None
    usage = next(line.usage for line in reversed(progress.attempts) if line.id == trial.id)
    if progress.partial is not None:
        response = progress.partial.response(response)
        usage = progress.partial.used + usage
    receipt = _receipt(progress)
    return Reply(
        id=response.id,
        model=response.model or trial.target.model,
        choices=response.choices,
        usage=usage,
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


def left(progress: Progress) -> None:
    """The caller left before the end: what was sent until then has its receipt all the same."""
    if progress.attempts and progress.call.told is not None:
        _receipt(progress)


def _receipt(progress: Progress) -> Receipt:
    """The call's receipt, told to whoever keeps it."""
    receipt = books.receipt(progress.call.id, progress.attempts, progress.decision)
    if progress.call.told is not None:
        progress.call.told(receipt)
    return receipt
