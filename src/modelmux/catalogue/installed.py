"""Where catalogue files stand that the user installed, and which of two files holds.

They are in the user's data directory, one JSON file a provider, as the packaged ones are. Of the two, the one of the
later day holds, so that an old update does not outlive a newer release. :mod:`modelmux.catalogue.updates` puts them
there; nothing is ever fetched.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

__all__ = ["NAME", "directory", "newer"]

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
"""What a provider's file may be called."""

_AS_OF = re.compile(rb'"as_of"\s*:\s*"([0-9-]+)"')


def directory() -> Path | None:
    """Where installed files stand (they need not exist); None where the user has no home."""
    named = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME")
    try:
        usual = "~/Library/Application Support" if sys.platform == "darwin" else "~/.local/share"
        base = Path(named or usual)
        return base.expanduser() / "modelmux" / "catalogue"
    except RuntimeError:
        return None


def newer(name: str, packaged: bytes | None) -> bytes | None:
    """The file of provider ``name`` that holds: the installed one, unless the ``packaged`` one is of a later day."""
    place = directory()
    if place is None or not NAME.fullmatch(name):
        return packaged
    try:
        mine = (place / f"{name}.json").read_bytes()
    except OSError:
        return packaged
    return mine if packaged is None or _day(mine) >= _day(packaged) else packaged


def _day(raw: bytes) -> bytes:
    found = _AS_OF.search(raw)
    return b"" if found is None else found.group(1)
