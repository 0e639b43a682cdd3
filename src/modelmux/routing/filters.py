"""Who can serve a request at all. Checks are bit masks over the fleet; their reasons are rendered only when asked for.

A model that the catalogue does not know is assumed able. What is required by name must be known.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modelmux import providers
from modelmux.errors import InvalidRequest
from modelmux.routing.needs import ABILITIES, BIT, Needs, ability_names

if TYPE_CHECKING:
    from modelmux.catalogue import Model
    from modelmux.endpoint import Target

_SELDOM_STATED = frozenset({"chat", "stream", "json", "parallel_tools", "tool_choice", "logprobs"})
"""Abilities that catalogues leave out too often for their absence to mean anything."""

_MODALITY = {"image": "vision", "pdf": "pdf", "audio": "audio_in", "video": "video_in"}
_MODALITY_OUT = {"image": "image_out", "audio": "audio_out"}
_IMPLIED = {"schema": "json"}
_NOT_CHAT = frozenset({"embed", "rerank", "transcribe", "speak", "image", "video", "ocr", "realtime"})


@dataclass(frozen=True, slots=True)
class Check:
    """``failing`` has a bit for every target that fails; ``why`` gives the reason for one of them."""

    failing: int
    why: Callable[[int], str]


_SAYS_LITTLE = frozenset({"chat", "temperature"})
"""A model of which the catalogue says no more than this is one whose abilities it does not know."""


def abilities_of(info: Model) -> frozenset[str]:
    """A model's abilities, with those that its modalities and other abilities imply."""
    able = set(info.abilities)
    able.update(_MODALITY[kind] for kind in info.modalities_in if kind in _MODALITY)
    able.update(_MODALITY_OUT[kind] for kind in info.modalities_out if kind in _MODALITY_OUT)
    able.update(implied for ability, implied in _IMPLIED.items() if ability in able)
    return frozenset(able)


class Facts:
    """A fleet as bit masks: bit ``i`` of a mask speaks of target ``i``."""

    __slots__ = ("able", "everyone", "known", "regions", "retired", "seen", "targets", "terms", "wires")

    def __init__(self, targets: tuple[Target, ...]) -> None:
        self.targets = targets
        self.everyone = (1 << len(targets)) - 1
        self.known = 0
        self.able: dict[str, int] = {}
        self.terms: dict[str, int] = {}
        self.wires: dict[str, int] = {}
        self.seen: tuple[frozenset[str] | None, ...] = ()
        seen: list[frozenset[str] | None] = []
        for index, target in enumerate(targets):
            bit = 1 << index
            abilities = (
                abilities_of(target.info) if target.info is not None and target.info.abilities - _SAYS_LITTLE else None
            )
            seen.append(abilities)
            if abilities is not None:
                self.known |= bit
                _mark(self.able, abilities, bit)
            _mark(self.terms, names_of(target), bit)
            _mark(self.wires, (target.call.wire or "",), bit)
        self.seen = tuple(seen)

    def matching(self, term: str) -> int | None:
        """Targets that ``term`` names; None when no name of any kind is like it."""
        mask = self.terms.get(term)
        if mask is None and ":" not in term and "/" not in term and providers.find(term) is None:
            return None
        return mask or 0


def names_of(target: Target) -> set[str]:
    """Everything that ``require=``, ``exclude=`` and ``model=`` may call this target, abilities apart."""
    ids = (target.row.id, *target.row.aliases)
    models = {target.model}
    if target.info is not None:
        models.update((target.info.id, *target.info.aliases))
    return {
        target.name,
        *ids,
        *models,
        *(f"{provider}{mark}{model}" for provider in ids for model in models for mark in "/:"),
        *(f"{key}:{value}" for key, value in target.tags.items()),
    }


def _mark(table: dict[str, int], names: Iterable[str], bit: int) -> None:
    for name in names:
        table[name] = table.get(name, 0) | bit


def check_names(facts: Facts, needs: Needs) -> None:
    """Raises InvalidRequest for a name in ``require``, ``exclude`` or ``models`` that means nothing here."""
    options = needs.options
    for field, terms in (("require", options.require), ("exclude", options.exclude), ("model", options.models)):
        for term in sorted(terms):
            if (field != "model" and term in BIT) or facts.matching(term) is not None:
                continue
            near = difflib.get_close_matches(term, [*ABILITIES, *facts.terms], n=3, cutoff=0.6)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise InvalidRequest(f"{field}= names {term!r}, which is no {_KINDS[field]}{hint}", field=field)


_KINDS = {
    "require": "ability, provider, endpoint, model or tag",
    "exclude": "ability, provider, endpoint, model or tag",
    "model": "configured model or endpoint",
}


def fixed_checks(facts: Facts, needs: Needs) -> list[Check]:
    """The checks that depend on nothing but names and abilities; the same for all requests of a kind."""
    checks = [_able(facts, needs), _server_tools(facts, needs)]
    options = needs.options
    if options.require:
        checks += _required(facts, options.require)
    checks += [_excluded(facts, term) for term in sorted(options.exclude)]
    if options.region is not None:
        checks.append(_in_region(facts, options.region))
    if options.models:
        listed = _union(facts, options.models)
        checks.append(Check(facts.everyone & ~listed, lambda _: "not among the models this call names"))
    return [check for check in checks if check.failing]


def retired_check(facts: Facts, now: float) -> Check:
    """Models whose last day has passed."""
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    failing = 0
    for index, target in enumerate(facts.targets):
        if target.info is not None and target.info.retired and target.info.retired[:10] <= today:
            failing |= 1 << index
    return Check(failing, lambda index: f"retired on {getattr(facts.targets[index].info, 'retired', '')}")


def _able(facts: Facts, needs: Needs) -> Check:
    wanted = needs.abilities - _SELDOM_STATED
    failing = 0
    for name in wanted:
        failing |= facts.known & ~facts.able.get(name, 0)
    if "chat" in needs.abilities:
        failing |= facts.known & ~facts.able.get("chat", 0) & _union_of(facts.able, _NOT_CHAT)

    def why(index: int) -> str:
        able = facts.seen[index] or frozenset()
        missing = sorted(wanted - able)
        if not missing:
            return "not a chat model"
        return "cannot do " + ", ".join(missing)

    return Check(failing, why)


def _server_tools(facts: Facts, needs: Needs) -> Check:
    failing = 0
    for kind, wire in needs.server_tools:
        failing |= facts.everyone & ~(facts.wires.get(wire, 0) | facts.able.get(kind, 0))
    kinds = ", ".join(sorted(kind for kind, _ in needs.server_tools))
    return Check(failing, lambda _: f"its provider does not run {kinds}")


def _required(facts: Facts, require: frozenset[str]) -> list[Check]:
    """Abilities and tags must all hold; of providers, endpoints and models any one will do."""
    checks, places = [], []
    for term in sorted(require):
        if term in BIT:
            checks.append(_must_be_able(facts, term))
        elif _is_tag(facts, term):
            checks.append(Check(facts.everyone & ~facts.terms.get(term, 0), lambda _, t=term: f"has no tag {t}"))  # type: ignore[misc]
        else:
            places.append(term)
    if places:
        said = " or ".join(places)
        checks.append(Check(facts.everyone & ~_union(facts, places), lambda _: f"is not {said}, which is required"))
    return checks


def _must_be_able(facts: Facts, ability: str) -> Check:
    def why(index: int) -> str:
        return f"cannot do {ability}" if facts.seen[index] is not None else f"not known to be able to do {ability}"

    return Check(facts.everyone & ~facts.able.get(ability, 0), why)


def _is_tag(facts: Facts, term: str) -> bool:
    if ":" not in term:
        return False
    key, _, value = term.partition(":")
    if any(target.tags.get(key) == value for target in facts.targets):
        return True
    return term not in facts.terms and providers.find(key) is None


def _excluded(facts: Facts, term: str) -> Check:
    if term in BIT:
        return Check(facts.able.get(term, 0), lambda _: f"does {term}, which is excluded")
    return Check(facts.terms.get(term, 0), lambda _: f"{term} is excluded")


def _in_region(facts: Facts, region: str) -> Check:
    wanted = region.lower()
    failing = 0
    for index, target in enumerate(facts.targets):
        place = (target.region or "").lower()
        if place != wanted and not place.startswith(wanted + "-"):
            failing |= 1 << index

    def why(index: int) -> str:
        place = facts.targets[index].region
        return f"is in region {place}, not {region}" if place else f"not known to be in region {region}"

    return Check(failing, why)


def _union(facts: Facts, terms: Iterable[str]) -> int:
    return _union_of(facts.terms, terms)


def _union_of(table: dict[str, int], names: Iterable[str]) -> int:
    mask = 0
    for name in names:
        mask |= table.get(name, 0)
    return mask


def describe(needs: Needs) -> list[str]:
    """The abilities of ``needs``, for people: without what every chat model does."""
    return sorted(ability_names(needs.bits) - {"chat", "stream"})
