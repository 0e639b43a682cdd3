"""LiteLLM's model table (MIT): a second opinion on prices, tiers by suffix, uplifts, ability flags, end dates."""

from __future__ import annotations

import re
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from catalogue.prices import Entry, Rates, Version, exact

SOURCE = "LiteLLM 1.109.1"

_TOKEN_FIELDS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "cache_read_input_audio_token_cost": "cache_read_audio",
    "output_cost_per_audio_token": "output_audio",
    "input_cost_per_image_token": "input_image",
    "cache_read_input_image_token_cost": "cache_read_image",
    "output_cost_per_image_token": "output_image",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_video_token": "input_video",
    "output_cost_per_video_token": "output_video",
    "citation_cost_per_token": "citation",
    "input_cost_per_character": "character",
}
_OTHER_FIELDS = {
    "ocr_cost_per_page": ("page", Decimal(1000)),
    "annotation_cost_per_page": ("annotated_page", Decimal(1000)),
    "input_cost_per_query": ("search_unit", Decimal(1000)),
}
_MILLION = Decimal(1_000_000)
_SUFFIX = re.compile(r"^(?P<field>.+?)(?:_above_(?P<above>\d+)k_tokens)?(?:_(?P<when>priority|flex|batches))?$")
_WHEN = {"priority": ("tier", "priority"), "flex": ("tier", "flex"), "batches": ("processing", "batch")}

_ABILITIES = {
    "supports_function_calling": "tools",
    "supports_parallel_function_calling": "parallel_tools",
    "supports_tool_choice": "tool_choice",
    "supports_response_schema": "schema",
    "supports_reasoning": "reasoning",
    "supports_vision": "vision",
    "supports_pdf_input": "pdf",
    "supports_audio_input": "audio_in",
    "supports_audio_output": "audio_out",
    "supports_video_input": "video_in",
    "supports_prompt_caching": "cache",
    "supports_assistant_prefill": "prefill",
    "supports_web_search": "web_search",
    "supports_computer_use": "computer",
}
_MODES = {
    "chat": "chat",
    "responses": "chat responses",
    "completion": "completion",
    "embedding": "embed",
    "rerank": "rerank",
    "image_generation": "image",
    "image_edit": "image",
    "video_generation": "video",
    "audio_transcription": "transcribe",
    "audio_speech": "speak",
    "realtime": "realtime",
    "ocr": "ocr",
    "moderation": "moderate",
}


def entries(table: dict[str, dict[str, Any]], names: list[str], strip: list[str]) -> dict[str, Entry]:
    """The entries of some ``litellm_provider`` values (a final ``*`` stands for any end), by vendor's model id."""
    found: dict[str, Entry] = {}
    for key, row in table.items():
        name = row.get("litellm_provider")
        if not isinstance(name, str) or not any(fnmatchcase(name, wanted) for wanted in names):
            continue
        model_id = key
        for prefix in (*strip, f"{name}/"):
            if key.startswith(prefix):
                model_id = key.removeprefix(prefix)
                break
        found.setdefault(model_id, _entry(model_id, row))
    return found


def _entry(model_id: str, row: dict[str, Any]) -> Entry:
    mode = _MODES.get(row.get("mode") or "", "")
    abilities = {*mode.split(), *(ability for flag, ability in _ABILITIES.items() if row.get(flag) is True)}
    facts: dict[str, Any] = {"abilities": abilities}
    for field, name in (("max_input", "max_input_tokens"), ("max_output", "max_output_tokens")):
        if isinstance(row.get(name), int) and row[name] > 0:
            facts[field] = row[name]
    if isinstance(row.get("deprecation_date"), str) and re.fullmatch(r"\d{4}-\d\d-\d\d", row["deprecation_date"]):
        facts["retired"] = row["deprecation_date"]
    return Entry(model_id, _versions(row), facts)


def _versions(row: dict[str, Any]) -> list[Version]:
    plain = Version({}, source=SOURCE)
    laid: dict[str, Version] = {}
    for name, value in row.items():
        parsed = _price(name, value)
        if parsed is None:
            continue
        unit, amount, above, when = parsed
        version = plain if when is None else laid.setdefault(when, Version({}, when=dict([_WHEN[when]]), source=SOURCE))
        rates: Rates = version.rates if above is None else version.above.setdefault(above, {})
        rates[unit] = amount
    _by_time(row, plain)
    if row.get("mode") in ("image_generation", "image_edit") and isinstance(
        row.get("output_cost_per_image"), int | float
    ):
        plain.rates["image"] = exact(row["output_cost_per_image"])
    if any(plain.rates.values()):
        # Zeros beside a price are gaps in the table, save that of an output which the model does not have.
        plain.rates = {
            u: rate for u, rate in plain.rates.items() if rate or (u == "output" and plain.rates.get("input"))
        }
    _search(row, plain)
    for region in ("eu", "us"):
        if factor := row.get(f"regional_processing_uplift_multiplier_{region}"):
            plain.uplift[region] = str(factor)
    if isinstance(special := row.get("provider_specific_entry"), dict) and special.get("us"):
        plain.uplift["us"] = str(special["us"])
    if factor := row.get("regional_endpoint_uplift_multiplier"):
        plain.uplift["regional"] = str(factor)
    if not plain.rates:
        return []
    return [plain, *(version for version in laid.values() if version.rates or version.above)]


def _price(name: str, value: Any) -> tuple[str, Decimal, int | None, str | None] | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    match = _SUFFIX.match(name)
    if match is None:
        return None
    above = int(match["above"]) * 1000 if match["above"] else None
    field = match["field"]
    if field in _TOKEN_FIELDS:
        return _TOKEN_FIELDS[field], exact(value) * _MILLION, above, match["when"]
    if field in _OTHER_FIELDS:
        unit, per = _OTHER_FIELDS[field]
        return unit, exact(value) * per, above, match["when"]
    return None


def _by_time(row: dict[str, Any], plain: Version) -> None:
    """Audio sold by the second, where it is not sold by tokens (rows for such models list both)."""
    if "input" in plain.rates or "input_audio" in plain.rates or row.get("mode") != "audio_transcription":
        return
    second = row.get("input_cost_per_second") or row.get("output_cost_per_second")
    if isinstance(second, int | float):
        plain.rates["audio_ms"] = exact(second) * 3600


def _search(row: dict[str, Any], plain: Version) -> None:
    sizes = row.get("search_context_cost_per_query")
    if not isinstance(sizes, dict) or not sizes:
        return
    if row.get("litellm_provider") == "perplexity":  # a fee for each request there, searching or not
        for size, cost in sizes.items():
            plain.rates[f"request_{size.removeprefix('search_context_size_')}"] = exact(cost) * 1000
        return
    dearest = max(exact(value) for value in sizes.values()) * 1000
    plain.rates["search_prompt" if row.get("web_search_billing_unit") == "per_prompt" else "search"] = dearest
