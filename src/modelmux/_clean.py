"""What must not stand in a line of HTTP: refused where the user gives it, by the name of the field, never its value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from modelmux._secret import Hidden, Secret
from modelmux.errors import ConfigError, ModelmuxError

_BREAK = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
"""CR, LF, NUL and all that some reader of a header, a log or a table takes for one."""

_REGION = re.compile(r"[A-Za-z0-9_-]{1,64}")


def line(text: str, field: str, error: type[ModelmuxError] = ConfigError) -> str:
    """``text``, which is one line. Raises ``error`` naming ``field``."""
    if _BREAK.search(text):
        raise error(f"{field} holds a control character (CR, LF, NUL …)", field=field)  # type: ignore[call-arg]
    return text


def key(given: Secret, field: str) -> Secret:
    """A key that can stand in a header. Raises ConfigError, whose frames do not hold it in the open."""
    if not isinstance(given.reveal(), str):
        raise ConfigError(f"{field} is a {type(given.reveal()).__name__}; give a string", field=field)
    if not given.reveal().isascii():
        raise ConfigError(f"{field} holds a character that no header can carry (not ASCII)", field=field)
    if _BREAK.search(given.reveal()):
        raise ConfigError(f"{field} holds a control character (CR, LF, NUL …)", field=field)
    return given


def headers(given: Mapping[str, str], field: str) -> dict[str, str]:
    """Headers with lower-case names. Raises ConfigError."""
    given = Hidden(given)
    for name in given:
        key(Secret(given[name]), f"{field}.{line(name, field)}")
    return Hidden({name.lower(): value for name, value in given.items()})


def address(url: str, field: str = "base_url") -> str:
    """An address that means the same to every reader of URLs. Raises ConfigError."""
    line(url, field)
    if "\\" in url or " " in url or "#" in url:
        raise ConfigError(f"{field} holds a backslash, a space or a fragment", field=field)
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError(f"{field} is not the address of a server", field=field)
    return url


def region(name: str, field: str = "region") -> str:
    """A region, which may stand in a host's name. Raises ConfigError."""
    if not _REGION.fullmatch(name):
        raise ConfigError(f"{field}={name!r} is not the name of a region", field=field)
    return name


def path_model(model: str, field: str = "model") -> str:
    """A model's name that stands in a URL's path: not one that climbs out of it. Raises ConfigError."""
    if any(segment in (".", "..") for segment in model.split("/")):
        raise ConfigError(
            f"{model!r} cannot stand in an address: it holds '.' or '..' as a part of its own", field=field
        )
    return model
