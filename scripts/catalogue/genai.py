"""genai-prices (MIT): dated history, prices by context and prompt length, and which ids a price is for."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

from catalogue.prices import Entry, Rates, Version, exact

SOURCE = "genai-prices 0.2.3"

UNITS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
    "output_citation_mtok": "citation",
    "input_audio_mtok": "input_audio",
    "cache_audio_read_mtok": "cache_read_audio",
    "output_audio_mtok": "output_audio",
    "input_image_mtok": "input_image",
    "cache_image_read_mtok": "cache_read_image",
    "output_image_mtok": "output_image",
    "input_video_mtok": "input_video",
    "output_video_mtok": "output_video",
    "audio_hours": "audio_ms",
    "input_audio_hours": "audio_ms",
    "input_document_kpages": "page",
    "input_annotated_document_kpages": "annotated_page",
    "input_mchars": "character",
    "requests_kcount": "request",
    "web_searches_kcount": "search",
    "storage_searches_kcount": "file_search",
}
"""The snapshot's fields -> our units; both are prices of the same quantity."""

_CONTEXT = {"service_tier": "tier", "processing": "processing", "speed": "speed"}


class Provider:
    """One provider's models, with the rule that says which of them prices an id."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.id = data["id"]
        self.models = [(model, _matcher(model["match"]), _exact_ids(model)) for model in data["models"]]

    def find(self, model_id: str) -> Entry | None:
        """The entry that prices ``model_id``: by exact id before by pattern, as the snapshot lists them."""
        for model, _, exact_ids in self.models:
            if model_id in exact_ids:
                return self._entry(model, model_id)
        for model, matches, _ in self.models:
            if matches(model_id):
                entry = self._entry(model, model_id)
                entry.loose = True
                return entry
        return None

    def own(self) -> list[Entry]:
        """Every model under its own id, with the ids the snapshot calls the same."""
        return [self._entry(model, model["id"]) for model, _, _ in self.models]

    def _entry(self, model: dict[str, Any], model_id: str) -> Entry:
        facts: dict[str, Any] = {"name": model.get("name") or ""}
        if model.get("context_window"):
            facts["context"] = model["context_window"]
        aliases = [alias for alias in (*_exact_ids(model), *_stems(model["match"])) if alias != model_id]
        return Entry(model_id, versions(model), facts, sorted(aliases))


def _exact_ids(model: dict[str, Any]) -> set[str]:
    return {model["id"], *_equals(model["match"])}


def _equals(clause: dict[str, Any]) -> set[str]:
    if "equals" in clause:
        return {clause["equals"]}
    return {name for inner in clause.get("or_", ()) for name in _equals(inner)}


def _stems(clause: dict[str, Any]) -> set[str]:
    """What the ids of a family begin with: the name without the date of a snapshot."""
    if "starts_with" in clause:
        return {clause["starts_with"]} if clause["starts_with"][-1].isalnum() else set()
    return {name for inner in clause.get("or_", ()) for name in _stems(inner)}


def _matcher(clause: dict[str, Any]) -> Callable[[str], bool]:
    match clause:
        case {"equals": wanted}:
            return lambda name: name == wanted
        case {"starts_with": wanted}:
            return lambda name: name.startswith(wanted)
        case {"ends_with": wanted}:
            return lambda name: name.endswith(wanted)
        case {"contains": wanted}:
            return lambda name: wanted in name
        case {"regex": wanted}:
            pattern = re.compile(wanted)
            return lambda name: pattern.search(name) is not None
        case {"or_": inner}:
            any_of = [_matcher(each) for each in inner]
            return lambda name: any(each(name) for each in any_of)
        case {"and_": inner}:
            all_of = [_matcher(each) for each in inner]
            return lambda name: all(each(name) for each in all_of)
    raise ValueError(f"a clause that is not known: {clause}")


def versions(model: dict[str, Any]) -> list[Version]:
    """The model's price history: of its conditional prices the last that applies holds."""
    prices = model["prices"]
    rows = prices if isinstance(prices, list) else [{"prices": prices}]
    starts = [row.get("constraint", {}).get("start_date") for row in rows]
    made = []
    for at, row in enumerate(rows):
        rates, above = _rates(row["prices"])
        if not rates and model["id"].endswith(":free"):
            rates = {"input": Decimal(0), "output": Decimal(0)}
        constraint = row.get("constraint", {})
        later = [day for day in starts[at + 1 :] if day]
        version = Version(rates, above=above, source=SOURCE, end=min(later) if later else None)
        if constraint.get("start_time"):
            # One entry cannot carry both a date and hours there; the date is that of the entries before it.
            version.start = max((day for day in starts[:at] if day), default=None)
            version.windows = _hours(constraint["start_time"], constraint["end_time"])
        else:
            version.start = constraint.get("start_date")
        if version.start is None or version.end is None or version.start < version.end:
            made.append(version)
    return made + _variants(model, made)


def _variants(model: dict[str, Any], plain: list[Version]) -> list[Version]:
    """Prices for a tier, processing or speed. The first date of each says when it was verified, not when it began
    to hold: it is taken to have held as long as the plain price did beside which it was verified.
    """
    by_context: dict[tuple[tuple[str, str], ...], list[Version]] = {}
    for row in model.get("price_variants", ()):
        when = {_CONTEXT[key]: value for key, value in row["when"].items() if key in _CONTEXT}
        rates, above = _rates(row["prices"])
        if len(when) != len(row["when"]) or not (rates or above):
            continue
        verified = row.get("constraint", {}).get("start_date")
        version = Version(rates, above=above, when=when, start=verified, source=SOURCE, source_date=verified or "")
        by_context.setdefault(tuple(when.items()), []).append(version)
    for history in by_context.values():
        history.sort(key=lambda version: version.start or "")
        first = history[0].start or ""
        held = [v for v in plain if not v.windows and (v.start or "") <= first and (v.end is None or first < v.end)]
        if held:
            history[0].start = held[-1].start
        for earlier, later in pairwise(history):
            earlier.end = later.start
    return [version for history in by_context.values() for version in history]


def _rates(prices: dict[str, Any]) -> tuple[Rates, dict[int, Rates]]:
    rates: Rates = {}
    above: dict[int, Rates] = {}
    for name, price in prices.items():
        unit = UNITS.get(name)
        if unit is None:
            continue
        if isinstance(price, dict):
            rates[unit] = Decimal(price["base"])
            for tier in price["tiers"]:
                above.setdefault(tier["start"], {})[unit] = Decimal(tier["price"])
        else:
            rates[unit] = exact(price)
    return rates, above


def _hours(start: str, end: str) -> list[dict[str, Any]]:
    """Minutes of the UTC day; hours over midnight become two windows."""
    since, until = _minute(start), _minute(end) or 1440
    if since < until:
        return [{"from": since, "to": until}]
    return [{"from": since, "to": 1440}, {"from": 0, "to": until}]


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")[:2]
    return int(hour) * 60 + int(minute)
