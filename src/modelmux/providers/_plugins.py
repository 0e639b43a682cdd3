"""Rows from outside this package: a directory of the user's, and what other distributions installed."""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

from modelmux.errors import ConfigError
from modelmux.providers import ROWS_VARIABLE, Row, parse_row

GROUP = "modelmux.providers"
"""The entry-point group."""

_log = logging.getLogger("modelmux")


def rows() -> Iterator[Row]:
    """The user's own rows first. Raises ConfigError for a directory or file of the user's that cannot be read; what
    a distribution got wrong is logged and left out.
    """
    place = os.environ.get(ROWS_VARIABLE)
    if place:
        if not Path(place).is_dir():
            raise ConfigError(f"{ROWS_VARIABLE}={place}: there is no such directory", field=ROWS_VARIABLE)
        yield from _in(Path(place), place)
    for point in entry_points(group=GROUP):
        try:
            yield from list(_of(point))
        except Exception as error:  # noqa: BLE001  # anything may happen in code that is not ours
            _log.warning("the provider plug-in %s (%s) does not load: %s", point.name, point.value, error)


def _of(point: EntryPoint) -> Iterator[Row]:
    value = point.load()
    if isinstance(value, Row):
        yield value
    elif isinstance(value, ModuleType):
        yield from _in(files(value), value.__name__)
    else:
        raise ConfigError(f"it is a {type(value).__name__}, neither a Row nor a package that holds TOML files")


def _in(place: Any, name: str) -> Iterator[Row]:
    """The rows of a directory, on disk or in a package."""
    for entry in sorted(place.iterdir(), key=lambda entry: str(entry.name)):
        if entry.name.endswith(".toml"):
            origin = f"{name}/{entry.name}"
            try:
                data = tomllib.loads(entry.read_text("utf-8"))
            except (OSError, ValueError) as error:
                raise ConfigError(f"{origin}: {error}") from error
            yield parse_row(data, origin=origin)
