"""What is known of each model: abilities, limits, and prices with their dates.

Compiled by ``scripts/update_catalogue.py`` into one JSON file per provider, read one file at a time on first need.
A model is found by its exact id, an alias, a dated snapshot of either, or with the provider's prefix; never by a
part of its name or by likeness: a wrong price is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from modelmux import _json
from modelmux import providers as _rows
from modelmux.catalogue import installed

__all__ = ["Catalogue", "Model", "PriceVersion", "find", "load", "parse_model", "providers", "register"]


@dataclass(frozen=True, slots=True, eq=False)
class PriceVersion:
    """Prices that held for a time.

    ``start`` (inclusive) and ``end`` (exclusive) are epoch seconds, None for open. ``rates``: unit (see
    ``cost/units.py``) -> exact decimal price per that unit's usual quantity, as strings. A version with ``when``
    (``tier``, ``processing``, ``speed``) or ``windows`` (``days`` of the week, 1 is Monday, and minutes of the day
    ``from`` and ``to``, UTC) replaces rates of the plain version in force and is silent on the rest. ``tiers``:
    ``above`` a number of input tokens other ``rates`` hold for the whole call. ``minimums``: the least of a unit
    that a call is billed. ``uplift``: region -> factor on all token rates. ``disputed``: unit -> the sources'
    values where they differ and nothing decides. ``unknown``: units that have a price of their own which no source
    names, so that no other unit's may stand for it. ``source``, ``source_date`` and ``agreed_by`` say where it is from.
    """

    rates: Mapping[str, str]
    currency: str = "USD"
    start: float | None = None
    end: float | None = None
    when: Mapping[str, str] = field(default_factory=dict)
    windows: tuple[Mapping[str, Any], ...] = ()
    tiers: tuple[Mapping[str, Any], ...] = ()
    minimums: Mapping[str, int] = field(default_factory=dict)
    uplift: Mapping[str, str] = field(default_factory=dict)
    disputed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    source: str = ""
    source_date: str = ""
    agreed_by: tuple[str, ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model as one provider serves it. Limits are tokens, dates ISO 8601; None means not known.

    ``abilities``: ``chat tools parallel_tools tool_choice schema reasoning vision pdf audio_in audio_out video_in
    image_out cache prefill web_search computer temperature embed rerank transcribe speak image video ocr
    realtime`` (an ability that is missing may only be unknown). ``context`` is the whole window, ``max_input`` the
    limit of the prompt where it is lower. ``quality`` is a prior between 0 and 1, None where no source has one.
    Compared by identity: the catalogue hands out one object per model.
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


_SETS = ("abilities", "modalities_in", "modalities_out")
_MODEL_FIELDS = frozenset(f.name for f in fields(Model))
_VERSION_FIELDS = frozenset(f.name for f in fields(PriceVersion))


class Catalogue(Mapping[str, Model]):
    """The models of one provider, by id; each is built when first asked for."""

    __slots__ = ("_built", "_raw", "aliases", "as_of", "provider")

    def __init__(self, provider: str, data: Mapping[str, Any]) -> None:
        self.provider = provider
        self.as_of: str = data.get("as_of", "")
        self.aliases: Mapping[str, str] = data.get("aliases", {})
        self._raw: Mapping[str, Any] = data.get("models", {})
        self._built: dict[str, Model] = {}

    def __getitem__(self, model_id: str) -> Model:
        built = self._built.get(model_id)
        if built is None:
            built = parse_model(self.provider, model_id, self._raw[model_id])
            built = self._built.setdefault(model_id, built)
        return built

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def resolve(self, name: str) -> str | None:
        """The id that ``name`` stands for, exactly or as an alias."""
        return name if name in self._raw else self.aliases.get(name)


def parse_model(provider: str, model_id: str, raw: Mapping[str, Any]) -> Model:
    """A model from its compiled form. Unknown keys are ignored, so that a newer file still loads."""
    given = {key: value for key, value in raw.items() if key in _MODEL_FIELDS}
    for key in _SETS:
        if isinstance(value := given.get(key), str):
            given[key] = frozenset(value.split())
    given["aliases"] = tuple(given.get("aliases", ()))
    given["prices"] = tuple(
        _version(version, f"{provider}/{model_id}#{number}") for number, version in enumerate(given.get("prices", ()))
    )
    return Model(**{**given, "id": model_id, "provider": provider})


def _version(raw: Mapping[str, Any], version_id: str) -> PriceVersion:
    given = {key: value for key, value in raw.items() if key in _VERSION_FIELDS}
    for key in ("start", "end"):
        if isinstance(value := given.get(key), str):
            given[key] = datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()
    for key in ("windows", "tiers", "unknown", "agreed_by"):
        given[key] = tuple(given.get(key, ()))
    return PriceVersion(**{"id": version_id, **given})


_EMPTY = Catalogue("", {})
_registered: dict[tuple[str, str], Model] = {}


@lru_cache(maxsize=512)
def load(provider: str) -> Catalogue:
    """All models of a provider (id or alias), empty if the catalogue has none. Reads its file once: the packaged one,
    or one the user installed (:mod:`modelmux.catalogue.installed`), whichever is of the later day.
    """
    for name in _names(provider):
        raw = installed.newer(name, packaged(name))
        if raw is not None:
            return Catalogue(provider, _json.loads(raw))
    return _EMPTY


def packaged(name: str) -> bytes | None:
    """The content of a file of this release."""
    file = files(__package__).joinpath("data", f"{name}.json")
    return file.read_bytes() if file.is_file() else None


def _names(provider: str) -> Iterator[str]:
    """Where a provider's models may be filed: under its row's ``catalogue``, its id, or the name itself."""
    row = _rows.find(provider)
    if row is not None:
        yield row.catalogue or row.id
    yield provider


def providers() -> list[str]:
    """Ids of the providers that have a catalogue file, sorted."""
    names = {entry.name for entry in files(__package__).joinpath("data").iterdir()}
    place = installed.directory()
    if place is not None and place.is_dir():
        names |= {entry.name for entry in place.iterdir() if not entry.name.startswith(".")}
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


@lru_cache(maxsize=8192)
def find(provider: str, model: str) -> Model | None:
    """The model called ``model`` at ``provider``, or None: nothing is guessed.

    Tried in this order: the exact id or alias; a fine-tune by its base; without the provider's prefix
    (``openai/gpt-4o``, ``models/gemini-2.5-pro``) or out of an ARN; without the mark of a snapshot: its date
    (``-2025-08-07``, ``-20250807``, ``@20250807``, ``-250807``, ``-08-2025``, ``-08-07``) or number (``-001``).
    """
    if (mine := _registered.get((provider, model))) is not None:
        return mine
    catalogue = load(provider)
    if not catalogue:
        return None
    for name in _spellings(provider, model):
        if (found := catalogue.resolve(name)) is not None:
            return catalogue[found]
    return None


_MONTH, _DAY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_DATED = re.compile(
    rf"(.+?)(?:[-@]20\d\d-?{_MONTH}-?{_DAY}|-{_MONTH}-(?:20\d\d|{_DAY})|-2\d{_MONTH}{_DAY}|-00\d|@(?:default|latest))$"
)


def _spellings(provider: str, model: str) -> Iterator[str]:
    yield model
    if model.startswith("ft:"):
        yield ":".join(model.split(":")[:2])
        return
    bare = model
    if model.startswith("arn:"):
        bare = model.rpartition("/")[2]
        yield bare
    for prefix in (f"{provider}/", f"{provider}:", "models/", "publishers/google/models/"):
        if model.startswith(prefix):
            bare = model.removeprefix(prefix)
            yield bare
            break
    if (dated := _DATED.match(bare)) is not None:
        yield dated.group(1)


def register(model: Model) -> None:
    """Add or replace a model for this process."""
    for name in (model.id, *model.aliases):
        _registered[model.provider, name] = model
    find.cache_clear()
