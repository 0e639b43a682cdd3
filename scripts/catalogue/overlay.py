"""The overlay kept by hand, applied to one model's price versions."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from catalogue.prices import Version, text


def ids(overlay: dict[str, Any], provider: str, known: Iterable[str]) -> set[str]:
    """Ids that vendors accept and no snapshot spells out; a snapshot's own rule must still price them."""
    found: set[str] = set()
    for rule in overlay.get("ids", ()):
        if provider in rule["providers"]:
            found.update(rule.get("models", ()))
            for start in rule.get("starts", ()):
                found.update(
                    to + name.removeprefix(start) for name in known if name.startswith(start) for to in rule["as"]
                )
    return found


def apply(overlay: dict[str, Any], provider: str, model: str, versions: list[Version]) -> list[Version]:
    def rules(kind: str) -> list[dict[str, Any]]:
        return [
            rule
            for rule in overlay.get(kind, ())
            if provider in rule["providers"] and any(fnmatchcase(model, name) for name in rule.get("models", ["*"]))
        ]

    versions = [deepcopy(version) for version in versions]
    for rule in rules("add"):
        for version in versions:
            if not version.when and not version.windows:
                version.rates.update({unit: Decimal(rate) for unit, rate in rule.get("rates", {}).items()})
                version.minimums.update(rule.get("minimums", {}))
                version.unknown += [unit for unit in rule.get("unknown", ()) if unit not in version.rates]
    for rule in rules("dispute"):
        for version in versions:
            if version.end is None and not version.when and not version.windows:
                for unit, value in rule["rates"].items():
                    values = {*version.disputed.get(unit, ()), value, text(version.rates[unit])}
                    version.disputed[unit] = sorted(values, key=Decimal)
    for rule in rules("rename"):
        for version in versions:
            if rule["unit"] in version.rates:
                version.rates[rule["to"]] = version.rates.pop(rule["unit"])
    if rules("inclusive"):
        for version in versions:
            version.above = {at - (at % 1000 == 0): rates for at, rates in version.above.items()}
    for rule in rules("weekdays"):
        versions = [made for version in versions for made in _weekdays(version, rule)]
    return versions


def _weekdays(version: Version, rule: dict[str, Any]) -> list[Version]:
    """Peak hours that hold on some days only from a date on: the version is split there."""
    if not version.windows or (version.end is not None and version.end <= rule["start"]):
        return [version]
    later = deepcopy(version)
    for window in later.windows:
        window["days"] = rule["days"]
    if version.start is not None and version.start >= rule["start"]:
        return [later]
    later.start, version.end = rule["start"], rule["start"]
    return [version, later]
