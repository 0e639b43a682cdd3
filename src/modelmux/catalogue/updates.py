"""Newer prices without a new release: reading catalogue files and archives, and installing them, checked."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from modelmux import _json
from modelmux.catalogue import parse_model
from modelmux.catalogue.installed import NAME, directory
from modelmux.cost.units import PER
from modelmux.errors import ConfigError

__all__ = ["Update", "install", "read_files"]

_MOST = 256 * 1024 * 1024
"""Bytes that an archive may unpack to; the whole catalogue has 5 million."""


@dataclass(frozen=True, slots=True)
class Update:
    """What was installed: providers, their number of models, the day the prices are of, and where."""

    providers: tuple[str, ...]
    models: int
    as_of: str
    place: Path


def install(path: Path, sha256: str) -> Update:
    """Check a catalogue file and put it into the user's data directory.

    ``path``: one provider's JSON, or a zip, wheel or tar archive of such files. ``sha256`` is what its publisher says
    it hashes to. Raises ConfigError when it hashes to something else, cannot be read, or holds no catalogue; nothing
    is written then.
    """
    place = directory()
    if place is None:
        raise ConfigError("this user has no data directory: set XDG_DATA_HOME", field="file")
    content = _read(path)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.strip().lower():
        raise ConfigError(f"{path} hashes to {found}, not to the sha256 given; nothing was installed", field="sha256")
    files = read_files(path, content)
    checked = {name: _checked(name, raw) for name, raw in files.items()}
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, raw in files.items():
            new = place / f".{name}.{os.getpid()}.new"
            new.write_bytes(raw)
            new.replace(place / f"{name}.json")
    except OSError as error:
        raise ConfigError(f"cannot write to {place}: {error.strerror}", field="file") from None
    return Update(
        tuple(sorted(files)),
        sum(len(data["models"]) for data in checked.values()),
        min(data["as_of"] for data in checked.values()),
        place,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", field="file") from None


def read_files(path: Path, content: bytes | None = None) -> dict[str, bytes]:
    """The provider files in ``path`` (a JSON file, an archive, or a directory), by provider. Raises ConfigError."""
    if content is None and path.is_dir():
        members: list[tuple[str, bytes]] = [(file.name, _read(file)) for file in sorted(path.glob("*.json"))]
    else:
        content = _read(path) if content is None else content
        try:
            members = list(_members(path.name, content))
        except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError) as error:
            raise ConfigError(f"{path} is no archive that can be read: {error}", field="file") from None
    files = {}
    for _, raw in members:
        try:
            data = _json.loads(raw)
        except ValueError:
            continue
        if isinstance(data, dict) and isinstance(data.get("models"), dict) and isinstance(data.get("provider"), str):
            files[data["provider"]] = raw
    if not files:
        raise ConfigError(f"{path} holds no catalogue: no JSON file with a provider and its models", field="file")
    return files


def _members(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The JSON files of an archive, whatever folder they are in; a JSON file is its own only member."""
    left = _MOST
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                if info.filename.endswith(".json"):
                    left = _less(left, info.file_size)
                    yield info.filename, archive.read(info)
    elif content[:2] == b"\x1f\x8b" and name.endswith((".json.gz", ".json.gzip")):
        with gzip.open(io.BytesIO(content)) as file:
            raw = file.read(_MOST + 1)
        _less(left, len(raw))
        yield name, raw
    elif name.endswith(".json"):
        yield name, content
    else:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive_:
            for member in archive_:
                if member.isfile() and member.name.endswith(".json"):
                    left = _less(left, member.size)
                    file_ = archive_.extractfile(member)
                    if file_ is not None:
                        yield member.name, file_.read()


def _less(left: int, size: int) -> int:
    if size > left:
        raise ConfigError(f"the archive unpacks to more than {_MOST} bytes", field="file")
    return left - size


def _checked(name: str, raw: bytes) -> dict[str, Any]:
    """The file parsed, every price in it as well. Raises ConfigError for what this version could not use."""
    data: dict[str, Any] = _json.loads(raw)
    try:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no provider id")
        date.fromisoformat(data["as_of"])
        for model_id, model in data["models"].items():
            for version in parse_model(name, model_id, model).prices:
                tiers = [tier["rates"] for tier in version.tiers]
                for rates in (version.rates, *tiers, dict(version.uplift)):
                    bad = [text for text in rates.values() if not Decimal(text) >= 0]
                    unknown = [] if rates == version.uplift else [unit for unit in rates if unit not in PER]
                    if bad or unknown:
                        raise ValueError(f"{model_id}: {', '.join([*bad, *unknown])} is no price or unit")
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
        why = f"the catalogue of {name!r} cannot be used: {error}; nothing was installed"
        raise ConfigError(why, field="file") from None
    return data
