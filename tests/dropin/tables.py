"""The drop-ins' tables, read without the library."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any


def table(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


def name_of(path: Path) -> str:
    return path.name.removesuffix(".json.gz")
