"""Compile the model catalogue from three public snapshots and what is kept by hand.

    python scripts/update_catalogue.py --snapshots DIR [--check]

DIR holds ``genai_prices.json.gz`` (genai-prices' bundled data as JSON), ``litellm_prices.json.gz`` (LiteLLM's model
table) and ``models_dev.json.gz`` (the models.dev API document). Writes one JSON file a provider under
``src/modelmux/catalogue/data`` and ``docs/disagreements.md``. Fails when sources differ on a first-party price and
neither a rule nor ``scripts/catalogue/exceptions.toml`` decides. ``--check`` writes nothing and fails if it would.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from catalogue import genai, litellm, models_dev, names, overlay, report
from catalogue.merge import Decider, Merged, facts
from catalogue.prices import Entry

HERE = Path(__file__).parent
ROOT = HERE.parent
DATA = ROOT / "src" / "modelmux" / "catalogue" / "data"
AS_OF = "2026-11-21"
"""The day the snapshots were taken: prices in force then are compared."""


class Snapshots:
    def __init__(self, folder: Path) -> None:
        self.genai = {row["id"]: genai.Provider(row) for row in _read(folder / "genai_prices.json.gz")}
        self.litellm: dict[str, dict[str, Any]] = _read(folder / "litellm_prices.json.gz")
        self.models_dev: dict[str, dict[str, Any]] = _read(folder / "models_dev.json.gz")

    def providers(self) -> dict[str, dict[str, Any]]:
        spellings = {str(row["litellm_provider"]) for row in self.litellm.values() if row.get("litellm_provider")}
        given = tomllib.loads((HERE / "catalogue" / "providers.toml").read_text("utf-8"))
        return names.all_providers(given, sorted(self.genai), sorted(spellings), sorted(self.models_dev))


def _read(path: Path) -> Any:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / "catalogue" / name).read_text("utf-8"))


def compile_provider(
    snapshots: Snapshots, provider: str, row: dict[str, Any], by_hand: dict[str, Any], ruled: dict[tuple[str, str], str]
) -> Merged:
    """All models that any source has for one provider."""
    tables = {
        "litellm": litellm.entries(snapshots.litellm, row.get("litellm", []), row.get("strip", [])),
        "models_dev": models_dev.entries(snapshots.models_dev.get(row.get("models_dev", ""))),
    }
    priced = [snapshots.genai[name] for name in row.get("genai", [])]
    own = {entry.id: entry for entry in priced[0].own()} if priced else {}
    decider = Decider(provider, AS_OF, bool(row.get("first_party")), ruled)
    merged = Merged()
    extra = overlay.ids(by_hand, provider, own)
    for model_id in sorted({*own, *tables["litellm"], *tables["models_dev"], *extra}):
        found: dict[str, Entry] = {name: table[model_id] for name, table in tables.items() if model_id in table}
        if (entry := next((e for p in priced if (e := p.find(model_id)) is not None), None)) is not None:
            found["genai"] = entry
        if not found:
            continue
        versions = overlay.apply(by_hand, provider, model_id, decider.prices(found))
        model = facts(found)
        if versions:
            model["prices"] = [version.compiled() for version in versions]
        merged.models[model_id] = {key: value for key, value in model.items() if value not in (None, "", [])}
    for entry in own.values():
        for alias in entry.aliases:
            if alias not in merged.models:
                merged.aliases.setdefault(alias, entry.id)
    merged.disagreements = decider.disagreements
    return merged


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snapshots", type=Path, required=True)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    snapshots = Snapshots(args.snapshots)
    by_hand = _toml("overlay.toml")
    exceptions: dict[str, dict[tuple[str, str], str]] = {}
    for rule in _toml("exceptions.toml").get("decide", ()):
        for model in rule["models"]:
            exceptions.setdefault(rule["provider"], {})[model, rule.get("unit", "*")] = rule["use"]
    outputs: dict[Path, bytes] = {}
    disagreements, counts = [], {"models": 0, "providers": 0, "priced": 0, "agreed": 0}
    for provider, row in sorted(snapshots.providers().items()):
        merged = compile_provider(snapshots, provider, row, by_hand, exceptions.get(provider, {}))
        if not merged.models:
            continue
        disagreements += merged.disagreements
        counts["providers"] += 1
        counts["models"] += len(merged.models)
        counts["priced"] += sum("prices" in model for model in merged.models.values())
        counts["agreed"] += sum(any(v.get("agreed_by") for v in m.get("prices", ())) for m in merged.models.values())
        data = {"provider": provider, "as_of": AS_OF, "aliases": merged.aliases, "models": merged.models}
        outputs[DATA / f"{provider}.json"] = _dump(data)
    outputs[ROOT / "docs" / "disagreements.md"] = report.markdown(disagreements, AS_OF, counts).encode()
    return _finish(outputs, [d for d in disagreements if d.decision == "undecided"], check=args.check)


def _dump(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _finish(outputs: dict[Path, bytes], undecided: list[Any], *, check: bool) -> int:
    for d in undecided:
        values = ", ".join(f"{name} {value}" for name, value in d.values.items())
        print(f"undecided: {d.provider}/{d.model} {d.unit}: {values}", file=sys.stderr)
    if undecided:
        print(f"{len(undecided)} prices need an entry in scripts/catalogue/exceptions.toml", file=sys.stderr)
        return 1
    stale = [path for path in outputs if not path.is_file() or path.read_bytes() != outputs[path]]
    gone = [path for path in DATA.glob("*.json") if path not in outputs]
    if check:
        for path in (*stale, *gone):
            print(f"out of date: {path.relative_to(ROOT)}", file=sys.stderr)
        return 1 if stale or gone else 0
    for path in gone:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(outputs[path])
    print(f"{len(outputs) - 1} catalogue files, {sum(map(len, outputs.values()))} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
