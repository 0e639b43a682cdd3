"""Names for arguments' types, and files from paths, as every vendor's package has them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

from modelmux._dropin.absent import NOT_GIVEN, NotGiven, Omit, not_given, omit
from modelmux._dropin.timeouts import Timeout

NoneType = type(None)
Headers: TypeAlias = Mapping[str, str | Omit]
Query: TypeAlias = Mapping[str, object]
Body: TypeAlias = object
FileContent: TypeAlias = IO[bytes] | bytes | os.PathLike[str]
FileTypes: TypeAlias = Any
SequenceNotStr: TypeAlias = Sequence
RequestOptions: TypeAlias = dict[str, Any]
Transport: TypeAlias = Any
ProxiesTypes: TypeAlias = Any


def file_from_path(path: str) -> tuple[str, bytes]:
    """A file argument: its name and its content."""
    return Path(path).name, Path(path).read_bytes()


__all__ = [
    "NOT_GIVEN",
    "Body",
    "FileContent",
    "FileTypes",
    "Headers",
    "NoneType",
    "NotGiven",
    "Omit",
    "ProxiesTypes",
    "Query",
    "RequestOptions",
    "SequenceNotStr",
    "Timeout",
    "Transport",
    "not_given",
    "omit",
]
