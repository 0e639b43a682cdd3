"""What is known of each model: abilities, limits, and prices with their dates.

Compiled by ``scripts/update_catalogue.py`` into one JSON file per provider, read one file at a time on first need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """Prices that held for a time.

    ``start`` (inclusive) and ``end`` (exclusive) are epoch seconds, None for open. ``when`` narrows it to a tier,
    processing (``batch``), speed or region, and ``windows`` to hours of the week. ``rates``: unit -> exact decimal
    price per ``per`` units, as strings; ``tiers`` replace rates above a number of input tokens. ``source``,
    ``source_date`` and ``agreed_by`` say where it comes from.
    """

    rates: Mapping[str, Any]
    currency: str = "USD"
    start: float | None = None
    end: float | None = None
    when: Mapping[str, str] = field(default_factory=dict)
    windows: tuple[Mapping[str, Any], ...] = ()
    tiers: tuple[Mapping[str, Any], ...] = ()
    minimums: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    source_date: str = ""
    agreed_by: tuple[str, ...] = ()
    disputed: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as one provider serves it. Limits are tokens, dates ISO 8601; None means not known.

    ``abilities``: ``chat stream tools parallel_tools tool_choice json schema reasoning vision pdf audio_in
    audio_out video_in image_out cache logprobs prefill web_search code_execution embed`` …
    """

    id: str
    provider: str
    aliases: tuple[str, ...] = ()
    name: str = ""
    abilities: frozenset[str] = frozenset()
    modalities_in: frozenset[str] = frozenset({"text"})
    modalities_out: frozenset[str] = frozenset({"text"})
    context: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    released: str | None = None
    deprecated: str | None = None
    retired: str | None = None
    knowledge: str | None = None
    family: str = ""
    quality: float | None = None
    prices: tuple[PriceVersion, ...] = ()
