"""Files from paths."""

from __future__ import annotations

from pathlib import Path


def file_from_path(path: str) -> tuple[str, bytes]:
    """A file argument: its name and its content."""
    return Path(path).name, Path(path).read_bytes()
