"""One provider's models from what the sources say, each price decided and every disagreement written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from catalogue.prices import Entry, Version, differ, text

COMPARED = ("input", "output", "cache_read")
SOURCES = ("genai", "litellm", "models_dev")
_SUPPLEMENT = frozenset({"cache_read", "cache_write_5m", "cache_write_1h", "input_audio", "cache_read_audio"}) | {
    "output_audio", "input_image", "cache_read_image", "output_image", "search", "search_prompt", "annotated_page",
    "character", "request_low", "request_medium", "request_high",
}  # fmt: skip
_CALLS = frozenset({"chat", "responses", "embed", "rerank", "image", "transcribe", "speak", "ocr", "realtime"}) | {
    "video", "completion", "moderate",
}  # fmt: skip


@dataclass
class Disagreement:
    """One unit of one model on whose price the sources differ, and how that was decided."""

    provider: str
    model: str
    unit: str
    values: dict[str, Decimal]
    decision: str
    chosen: str
    first_party: bool


@dataclass
class Merged:
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    disagreements: list[Disagreement] = field(default_factory=list)


@dataclass
class Decider:
    """Decides prices for one provider. ``exceptions``: (model, unit) -> a source's name or ``disputed``."""

    provider: str
    day: str
    first_party: bool
    exceptions: Mapping[tuple[str, str], str]
    disagreements: list[Disagreement] = field(default_factory=list)

    def prices(self, found: dict[str, Entry]) -> list[Version]:
        """The price versions of one model from up to three entries, by source."""
        stated = {name: version for name in SOURCES if (version := self._stated(found.get(name))) is not None}
        live = {name: version for name, version in stated.items() if any(version.rates.values())}
        texts = "models_dev" in found and found["models_dev"].facts["modalities_out"] == ["text"]
        if not live and ((len(stated) > 1 and texts) or any(found[name].id.endswith(":free") for name in stated)):
            live = stated  # nothing at all is a price only if the name says so, or two sources of a model of text
        if not live:
            genai = found.get("genai")
            return genai.versions if genai is not None and _has_price(genai) else []
        exact = [version for name, version in live.items() if name != "genai"]
        if exact and "genai" in live and found["genai"].loose and not any(_agree(live["genai"], v) for v in exact):
            del live["genai"]  # sources that know the id itself beat a pattern that fits it
        primary = next(name for name in SOURCES if name in live)
        disputed: dict[str, list[str]] = {}
        for unit in COMPARED:
            values = {name: version.rates[unit] for name, version in live.items() if unit in version.rates}
            if len(values) < 2 or not any(differ(a, b) for a in values.values() for b in values.values()):
                continue
            chosen, why = self._decide(found, unit, values, primary)
            self.disagreements.append(
                Disagreement(
                    self.provider, found[primary].id, unit, values, why, chosen or "disputed", self.first_party
                )
            )
            if chosen is None:
                disputed[unit] = sorted({text(value) for value in values.values()}, key=Decimal)
            elif differ(values[chosen], values.get(primary, values[chosen])):
                primary = chosen
        versions = found[primary].versions
        current = live[primary]
        current.disputed = disputed
        current.agreed_by = [live[name].source for name in live if name != primary and _agree(current, live[name])]
        if primary == "genai" and "litellm" in live and live["litellm"].source in current.agreed_by:
            versions = _supplement(versions, current, found["litellm"])
        return versions

    def _stated(self, entry: Entry | None) -> Version | None:
        version = None if entry is None else entry.current(self.day)
        return version if version is not None and version.rates else None

    def _decide(
        self, found: dict[str, Entry], unit: str, values: dict[str, Decimal], primary: str
    ) -> tuple[str | None, str]:
        ruled = self.exceptions.get((found[primary].id, unit)) or self.exceptions.get((found[primary].id, "*"))
        if ruled is not None:
            return (None if ruled == "disputed" else ruled), "exceptions file"
        if "genai" in values:
            older = [v.rates.get(unit) for v in found["genai"].versions if not v.when]
            if len(older) > 1 and all(
                value in older for name, value in values.items() if differ(value, values["genai"])
            ):
                return "genai", "dated history: the other value is an earlier or a peak price"
        for name, value in values.items():
            if sum(not differ(value, other) for other in values.values()) >= 2:
                return (primary if not differ(values.get(primary, value), value) else name), "two against one"
        if self.first_party:
            return None, "undecided"
        return None, "disputed"


def _has_price(entry: Entry) -> bool:
    return any(any(version.rates.values()) for version in entry.versions)


def _agree(a: Version, b: Version) -> bool:
    shared = [unit for unit in ("input", "output") if unit in a.rates and unit in b.rates]
    return bool(shared) and not any(differ(a.rates[unit], b.rates[unit]) for unit in shared)


def _supplement(versions: list[Version], current: Version, other: Entry) -> list[Version]:
    """Units, tiers and uplifts that a source which agrees on the price knows beside it."""
    theirs = other.versions[0]
    for unit, rate in theirs.rates.items():
        if unit.startswith("request_") and "request" not in current.rates:
            continue
        searched = unit in ("search", "search_prompt") and {"search", "search_prompt"} & set(current.rates)
        if unit in _SUPPLEMENT and unit not in current.rates and rate and not searched:
            current.rates[unit] = rate
    for version in versions:
        if not version.when and not version.windows:
            version.uplift = dict(theirs.uplift)
    known = [version.when for version in versions if version.when]
    added = []
    for version in other.versions[1:]:
        if version.when not in known:
            version.start = current.start
            added.append(version)
    return [*versions, *added]


def facts(found: dict[str, Entry]) -> dict[str, Any]:
    """What is known of a model besides its price: models.dev first, LiteLLM for what it lacks, then genai-prices."""
    merged: dict[str, Any] = {}
    abilities: set[str] = set()
    for name in ("models_dev", "litellm", "genai"):
        entry = found.get(name)
        if entry is None:
            continue
        for key, value in entry.facts.items():
            if key == "abilities":
                abilities |= value
            elif value and key not in merged:
                merged[key] = value
    if not abilities & _CALLS and "text" in merged.get("modalities_out", ["text"]):
        abilities.add("chat")
    merged.pop("deprecated", None)
    if "deprecated" in abilities:
        abilities.discard("deprecated")
        merged["deprecated"] = merged.get("retired") or "unknown"
    if merged.get("max_input") == merged.get("context"):
        merged.pop("max_input", None)
    merged["abilities"] = " ".join(sorted(abilities))
    for key in ("modalities_in", "modalities_out"):
        if key in merged:
            merged[key] = " ".join(merged[key])
            if merged[key] == "text":
                del merged[key]
    return merged
