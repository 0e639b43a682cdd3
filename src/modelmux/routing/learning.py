"""What reported usage teaches about counting: how a model's true input differs from the estimate. Pure state.

For each (model, script) a factor is kept for every part of an estimate (:data:`PARTS`): text, the frame around
messages, tool calls, tools, their schemas, the answer's schema, signatures, and a prompt that the vendor puts before
the caller's. An answer's reported input moves the
factors a little: a Kalman filter with a diagonal covariance, on the relative error, that believes outliers less (input
that a vendor dropped or added of its own says nothing about counting). What comes out is a tokenizer profile like
those of the catalogue, so that an estimate costs the same before and after. Bounds never learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import mul, sub
from typing import TYPE_CHECKING, NamedTuple

from modelmux.catalogue.tokenizers import CLASSES

if TYPE_CHECKING:
    from modelmux.catalogue.tokenizers import Profile
    from modelmux.tokens import Measure

PARTS = ("text", "frame", "calls", "tools", "schemas", "answer", "signatures", "hidden")
"""The parts of an estimate that have a factor of their own."""

LIMIT = 4_096
"""Pairs of model and script that are learned; later ones keep their estimates as they are."""

PLAIN = "plain"
"""The script of text that is mostly ASCII."""

_SCRIPTS = {CLASSES.index(name): name for name in ("latin", "greek", "cyrillic", "arabic", "indic", "kana", "han",
                                                  "hangul")}  # fmt: skip
_SHARE = 0.1  # of the characters: from there on a script shapes the count

# Fitted on recordings (docs/prices.md). _DOUBT: how far factors are off to begin with, and _MOST_DOUBT at most
# (variances); _NOISE: how far a reported count is from any such sum (variance of the relative error); _MEMORY: what
# an answer leaves of old certainty; _SURPRISE: the most that one counts, in relative errors of that size;
# _SUSPICION: how much a miss, in units of the hidden prompt, adds to the doubt whether there is none.
_DOUBT = (0.03, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.02)
_NOISE = 0.05**2
_MEMORY = 0.98
_SURPRISE = 1.5
_MOST_DOUBT = (*_DOUBT[:-1], 25.0)
_SUSPICION = 0.001
_START = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0)
_LEAST = (0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.0)
_MOST = (5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 100.0)
_HIDDEN = 20.0  # tokens of a hidden prompt that its factor counts in
_AS_EXPECTED = 0.5  # tokens, and as many more for each thousand: an answer no further off has nothing to teach
_WORTH_SAYING = 0.005  # a profile is made anew when a factor has moved by this much


class _Kept(NamedTuple):
    factors: Sequence[float]
    doubt: Sequence[float]
    profile: Profile
    said: Sequence[float]  # the factors that are in the profile


class Learned:
    """Factors by (model, script).

    Single dict operations on values that never change, so threads may call it without a lock; a lost race costs one
    sample. ``models`` names every model that anything is known of.
    """

    __slots__ = ("_kept", "models")

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self.models: dict[str, None] = {}

    def profile(self, model: str, script: str) -> Profile | None:
        """How ``model`` counts text of ``script``; None where nothing was learned."""
        kept = self._kept.get((model, script))
        return None if kept is None else kept.profile

    def learn(self, model: str, base: Profile, measure: Measure, reported: int) -> None:
        """An answer of ``model`` said that the request of this ``measure`` came to ``reported`` tokens of input.

        ``base`` is the profile of the catalogue. Requests whose input is not all in them teach nothing.
        """
        if reported <= 0 or measure.open or measure.media or base.agentic:
            return
        key = (model, script_of(measure))
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= LIMIT:
                return
            kept = _Kept(_START, _DOUBT, base, _START)
        counted = parts(measure, base)
        expected = sum(map(mul, kept.factors, counted))
        if key in self._kept and abs(reported - expected) < _AS_EXPECTED * (1 + reported / 1000):
            return
        factors, doubt = _moved(kept.factors, kept.doubt, counted, expected, reported)
        profile, said = kept.profile, kept.said
        if max(map(abs, map(sub, factors, said))) > _WORTH_SAYING:
            profile, said = _scaled(base, factors), factors
        self._kept[key] = _Kept(factors, doubt, profile, said)
        self.models[model] = None


def _moved(
    factors: Sequence[float], doubt: Sequence[float], counted: Sequence[float], expected: float, reported: int
) -> tuple[Sequence[float], Sequence[float]]:
    """Factors and their variances after one answer, for whose request they gave ``expected`` tokens."""
    size = max(expected, reported)
    error = (reported - expected) / size
    variance = _NOISE
    pulls = []
    for place, part in enumerate(counted):
        if part:  # most requests have no tools and no schema
            share = part / size
            pull = doubt[place] * share
            variance += share * pull
            pulls.append((place, share, pull))
    variance = max(variance, (error / _SURPRISE) ** 2)
    learned, moved = list(factors), [d / _MEMORY for d in doubt]
    for place, share, pull in pulls:
        learned[place] = min(_MOST[place], max(_LEAST[place], factors[place] + pull * error / variance))
        moved[place] *= 1 - pull * share / variance
    # Nothing but a hidden prompt makes every answer larger by the same amount: misses raise the suspicion of one.
    moved[-1] = min(_MOST_DOUBT[-1], moved[-1]) + _SUSPICION * ((reported - expected) / _HIDDEN) ** 2
    return learned, list(map(min, moved, _MOST_DOUBT))


def parts(measure: Measure, profile: Profile) -> tuple[float, ...]:
    """The expected tokens of a request without media, split into :data:`PARTS`; the last is a unit, not expected."""
    add, weights = profile.overhead, profile.weights
    tools = schemas = answer = 0.0
    if measure.tools:
        tools = add.tools + add.tool * measure.tools
        schemas = add.schema * sum(map(mul, weights, measure.tool_counts))
    if measure.schema_counts:
        answer = add.output + add.answer * sum(map(mul, weights, measure.schema_counts))
    return (
        sum(map(mul, weights, measure.counts)),
        add.request + add.message * measure.messages,
        add.call * measure.calls,
        tools,
        schemas,
        answer,
        add.signed * measure.signed,
        _HIDDEN,
    )


def _scaled(base: Profile, factors: Sequence[float]) -> Profile:
    text, frame, calls, tools, schemas, answer, signatures, hidden = factors
    add = base.overhead
    return replace(
        base,
        weights=tuple([weight * text for weight in base.weights]),
        overhead=replace(
            add,
            request=add.request * frame + _HIDDEN * hidden,
            message=add.message * frame,
            call=add.call * calls,
            tools=add.tools * tools,
            tool=add.tool * tools,
            schema=add.schema * schemas / text,  # schemas are counted with the weights of text
            output=add.output * answer,
            answer=add.answer * answer / text,
            signed=add.signed * signatures,
        ),
    )


def script_of(measure: Measure) -> str:
    """The script that shapes the count of a request: the one most of its characters beyond ASCII are of."""
    counts = measure.counts
    if len(counts) < len(CLASSES):
        return PLAIN
    most = max(_SCRIPTS, key=counts.__getitem__)
    return _SCRIPTS[most] if counts[most] >= _SHARE * sum(counts) else PLAIN
