"""Pack recorded vendor interactions for the tests: ``python scripts/pack_corpus.py SOURCE_DIR``.

SOURCE_DIR holds one gzip file of JSON lines per vendor (see ``tests/data/wire/README.md`` for the format and where
the recordings come from). Kept are the calls whose wires are built; of each recording, the fields the tests read.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "tests" / "data" / "wire"
KEPT = ("id", "source_repo", "source_path", "licence", "kind", "vendor", "api", "model", "stream", "features")


CHAT = {"chat", "chat_v1", "chat_v2", "responses", "completions", "messages", "anthropic"}
GOOGLE = {"generateContent", "interactions"}
AMAZON = {"converse", "converse-stream", "invoke", "invoke-stream"}
CALLS = CHAT | GOOGLE | AMAZON


def wanted(api: str) -> bool:
    return api.partition(".")[2] in CALLS


def main(source: Path) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    total = 0
    for path in sorted(source.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [row for row in map(json.loads, lines) if wanted(row["api"])]
        if not rows:
            continue
        packed = [
            {key: row[key] for key in KEPT if key in row} | {"request": row["request"], "response": row["response"]}
            for row in rows
        ]
        text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in packed)
        # mtime 0 so that packing the same recordings again changes no byte.
        (OUT / path.name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
        total += len(packed)
    print(f"{total} recordings packed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
