"""The one generator from a request to its events and receipt.

``exchange`` decides, then tries endpoints one after another as the plan and the failures say. It does no IO and knows
no event loop: it yields effects (``_effects``) and plain-calls a recorder whose append outlives the process.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from modelmux import _leg as leg
from modelmux import _moves as moves
from modelmux._admission import admitted
from modelmux._call import Call, Env, Progress
from modelmux._effects import Effect, Emit, Look, Sleep
from modelmux._hedge import hedged
from modelmux._resume import joined
from modelmux.errors import ModelmuxError
from modelmux.types import Restarted

if TYPE_CHECKING:
    from modelmux._attempt import Trial
    from modelmux.routing.claims import Grant
    from modelmux.types import Event, Reply

__all__ = ["Call", "Env", "exchange"]


def exchange(call: Call, env: Env) -> Generator[Effect, Any, Reply]:
    """One call from decision to reply. Raises ModelmuxError with ``receipt`` set once an attempt was made. Closed
    before its end, it books what was under way, and tells the receipt to whoever keeps it (``Call.told``).
    """
    snapshot = yield Look(call.all_scopes)
    decision = call.fleet.decide(call.request, call.options, snapshot=snapshot, rng=env.rng, now=env.clock.time())
    progress = Progress(call, env, decision, snapshot, env.clock.monotonic())
    name = decision.plan.names[0]
    broken: ModelmuxError | None = None
    try:
        while True:
            grant = yield from admitted(progress, name)
            if grant is None:
                assert broken is not None  # only a call that tried something is left without a place to go
                raise (final := moves.final(progress, broken)) from final.__cause__
            try:
                trial, last = yield from _attempted(progress, grant, broken)
            except ModelmuxError as error:
                move = moves.after(progress, error)
                if move is None or move.name is None:
                    raise (final := moves.final(progress, error)) from final.__cause__
                if move.wait > 0:
                    yield Sleep(env.clock.monotonic() + move.wait)
                name, broken = move.name, error
                continue
            if trial.answered is not None:
                progress.warnings = list(trial.answered.warnings)
            if last or trial.relay:
                yield Emit(last, b"".join(trial.held) if trial.relay else None, trial.answered)
            return moves.reply(progress, trial)
    except GeneratorExit:
        moves.left(progress)
        raise


def _attempted(
    progress: Progress, grant: Grant, broken: ModelmuxError | None
) -> Generator[Effect, Any, tuple[Trial, list[Event]]]:
    """The next attempt, whose grant is settled whatever happens in it."""
    try:
        return (yield from _made(progress, grant, broken))
    finally:
        progress.give_back(grant)


def _made(
    progress: Progress, grant: Grant, broken: ModelmuxError | None
) -> Generator[Effect, Any, tuple[Trial, list[Event]]]:
    """The first attempt, hedged where the call asks for it; after a break, one that goes on with what the caller has,
    or begins anew and says so.
    """
    call, partial = progress.call, progress.partial
    if partial is None:
        if call.hedge is not None and broken is None:
            return (yield from hedged(progress, grant, call.hedge))
        return (yield from leg.run(progress, grant))
    target = call.fleet.target(grant.scopes.endpoint)
    request = partial.begin(call.request, target) if call.on_break == "resume" else None
    if request is not None:
        return (yield from joined(leg.run(progress, grant, request), partial))
    progress.partial = None
    yield Emit([Restarted(str(broken), target.provider, target.name)])
    return (yield from leg.run(progress, grant))
