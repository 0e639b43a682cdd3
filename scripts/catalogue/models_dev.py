"""models.dev (MIT): limits, modalities, abilities and dates, and a third opinion on prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from catalogue.prices import Entry, Rates, Version, exact

SOURCE = "models.dev 2026-09-30"

_UNITS = {
    "input": "input",
    "output": "output",
    "cache_read": "cache_read",
    "cache_write": "cache_write_5m",
    "reasoning": "reasoning",
    "input_audio": "input_audio",
    "output_audio": "output_audio",
}
_FLAGS = {"tool_call": "tools", "structured_output": "schema", "reasoning": "reasoning", "temperature": "temperature"}
_IN = {"image": "vision", "pdf": "pdf", "audio": "audio_in", "video": "video_in"}
_OUT = {"image": "image_out", "audio": "audio_out", "video": "video_out"}


def entries(provider: dict[str, Any] | None) -> dict[str, Entry]:
    return {} if provider is None else {model_id: _entry(model_id, row) for model_id, row in provider["models"].items()}


def _entry(model_id: str, row: dict[str, Any]) -> Entry:
    reads, writes = (row.get("modalities", {}).get(side) or ["text"] for side in ("input", "output"))
    abilities = {ability for flag, ability in _FLAGS.items() if row.get(flag) is True}
    abilities |= {_IN[kind] for kind in reads if kind in _IN} | {_OUT[kind] for kind in writes if kind in _OUT}
    facts: dict[str, Any] = {
        "name": row.get("name") or "",
        "abilities": abilities,
        "modalities_in": sorted(reads),
        "modalities_out": sorted(writes),
        "family": row.get("family") or "",
        "released": row.get("release_date"),
        "knowledge": row.get("knowledge"),
    }
    limit = row.get("limit", {})
    for field, name in (("context", "context"), ("max_input", "input"), ("max_output", "output")):
        if isinstance(limit.get(name), int) and limit[name] > 0:
            facts[field] = limit[name]
    if row.get("status") == "deprecated":
        facts["abilities"].add("deprecated")
    return Entry(model_id, _versions(row.get("cost")), facts)


def _versions(cost: Any) -> list[Version]:
    if not isinstance(cost, dict):
        return []
    version = Version(_rates(cost), source=SOURCE, source_date="2026-09-30")
    for tier in cost.get("tiers", ()):
        kind = tier.get("tier", {})
        if kind.get("type") == "context" and isinstance(kind.get("size"), int):
            version.above[kind["size"]] = _rates(tier)
    return [version] if version.rates else []


def _rates(cost: dict[str, Any]) -> Rates:
    rates: dict[str, Decimal] = {}
    for name, unit in _UNITS.items():
        if isinstance(cost.get(name), int | float):
            rates[unit] = exact(cost[name])
    return rates
