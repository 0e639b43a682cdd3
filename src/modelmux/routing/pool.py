"""The endpoints that pass the fixed checks, as parallel columns: what makes a decision over hundreds of them cheap."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

from modelmux.routing import scores
from modelmux.routing._prices import UNKNOWN, Prices
from modelmux.routing.filters import Check

if TYPE_CHECKING:
    from modelmux.catalogue.tokenizers import Profile
    from modelmux.endpoint import Target


class Roster:
    """What is known of each target of a fleet and does not change: name, limits, tokenizer, weight.

    Targets that count alike share a meter: ``meters`` are positions in ``profiles``. ``taught`` has a name for each
    meter of a model from whose answers counting was learned, "" for the others.
    """

    __slots__ = ("groups", "meters", "names", "profiles", "targets", "taught", "weights", "windows", "writes")

    def __init__(
        self, targets: tuple[Target, ...], profiles: Sequence[Profile], taught: Sequence[str] | None = None
    ) -> None:
        self.targets = targets
        self.names = tuple(target.name for target in targets)
        each = list(zip(profiles, taught or [""] * len(targets), strict=True))
        place = {meter: index for index, meter in enumerate(dict.fromkeys(each))}
        self.profiles = tuple(profile for profile, _ in place)
        self.taught = tuple(name for _, name in place)
        self.meters = [place[meter] for meter in each]
        self.weights = [float(target.weight) for target in targets]
        self.groups = [target.group for target in targets]
        self.windows = [_window(target) for target in targets]
        self.writes = [float(target.info.max_output or inf) if target.info else inf for target in targets]


def _window(target: Target) -> tuple[float, float]:
    """The most tokens in, and in plus out."""
    info = target.info
    if info is None:
        return inf, inf
    context = float(info.context or inf)
    return float(info.max_input or context), context


class Pool:
    """Columns over the targets in ``index``, which are positions in the fleet. ``checks`` are those the rest failed."""

    __slots__ = (
        "_positions",
        "audio",
        "checks",
        "fee",
        "fees",
        "groups",
        "index",
        "input",
        "least_window",
        "least_write",
        "long",
        "meters",
        "names",
        "output",
        "prices",
        "profiles",
        "quality",
        "quality_terms",
        "roster",
        "taught",
        "twins",
        "weights",
        "windows",
        "writes",
    )

    def __init__(self, roster: Roster, prices: Prices, index: Sequence[int], checks: Sequence[Check]) -> None:
        self.roster = roster
        self.prices = prices
        self.index = tuple(index)
        self.checks = tuple(checks)
        self._positions: dict[str, int] | None = None
        names = roster.names
        self.names = [names[i] for i in index]
        used = sorted({roster.meters[i] for i in index})
        self.profiles = [roster.profiles[meter] for meter in used]
        self.taught = [roster.taught[meter] for meter in used]
        self.meters = [used.index(roster.meters[i]) for i in index]
        self.input = [prices.input[i] for i in index]
        self.output = [prices.output[i] for i in index]
        self.audio = [prices.audio[i] for i in index]
        self.fee = [prices.fee[i] for i in index]
        self.fees = any(self.fee)
        self.long = [(position, prices.long[i]) for position, i in enumerate(index) if i in prices.long]
        self.weights = [roster.weights[i] for i in index]
        self.groups = [roster.groups[i] for i in index]
        self.windows = [roster.windows[i] for i in index]
        self.writes = [roster.writes[i] for i in index]
        self.least_window = min((least for pair in self.windows for least in pair), default=inf)
        self.least_write = min(self.writes, default=inf)
        self.quality = [
            scores.quality_prior(roster.targets[i], _blended(prices.input[i], prices.output[i])) for i in index
        ]

        self.quality_terms = scores.quality_terms(self.quality)
        self.twins = self._twins()

    def __len__(self) -> int:
        return len(self.index)

    def _twins(self) -> dict[int, tuple[int, ...]]:
        """Endpoints that serve one model at one price, by position: equal in all but how they are doing. Whoever has
        no twin is not there.
        """
        long = dict(self.long)
        groups: dict[object, list[int]] = {}
        for position, (index, *figures) in enumerate(
            zip(self.index, self.meters, self.input, self.output, self.audio, self.fee, self.quality, strict=True)
        ):
            target = self.roster.targets[index]
            model = target.info.id if target.info is not None else target.model
            groups.setdefault((model, long.get(position), *figures), []).append(position)
        return {position: tuple(group) for group in groups.values() if len(group) > 1 for position in group}

    @property
    def positions(self) -> dict[str, int]:
        if self._positions is None:
            self._positions = {name: position for position, name in enumerate(self.names)}
        return self._positions

    def narrowed(self, keep: Sequence[int], checks: Sequence[Check]) -> Pool:
        """The pool without those that failed ``checks`` too. ``keep`` are positions here."""
        return Pool(self.roster, self.prices, [self.index[position] for position in keep], (*self.checks, *checks))


def _blended(price_in: float, price_out: float) -> float | None:
    """Money for a million tokens, three parts in and one part out."""
    return None if price_in == UNKNOWN else (3 * price_in + price_out) * 250_000
