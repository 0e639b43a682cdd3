"""The recorded vendor interactions the tests run on (``tests/data/wire``)."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent / "data" / "wire"


@cache
def vendor(name: str) -> tuple[dict[str, Any], ...]:
    with gzip.open(ROOT / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return tuple(map(json.loads, lines))


def recordings(*apis: str) -> Iterator[dict[str, Any]]:
    """Every recording, or those of the named apis."""
    for path in sorted(ROOT.glob("*.jsonl.gz")):
        for row in vendor(path.name.removesuffix(".jsonl.gz")):
            if not apis or row["api"] in apis:
                yield row


def body_of(message: dict[str, Any]) -> bytes:
    """The body of a recorded response (or a text request) as it crossed the wire."""
    body = message.get("body")
    if message.get("body_encoding") == "base64":
        return base64.b64decode(body)
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
