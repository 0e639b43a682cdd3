"""AWS access keys where the vendor's own tools keep them: the shared credentials file (SDKs and Tools reference guide,
"Shared config and credentials files").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from modelmux._signing import Credentials

FILE = "AWS_SHARED_CREDENTIALS_FILE"
PROFILE = "AWS_PROFILE"


def from_file(environ: Mapping[str, str]) -> Credentials | None:
    """The access key of the environment's profile, ``default`` where it names none; None where there is none. The file
    is read at first use, and again when it has changed: tools renew keys in it.
    """
    named = environ.get(FILE)
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if not (named or home):
        return None
    place = Path(named) if named else Path(home or "") / ".aws" / "credentials"
    if named and named.startswith("~/") and home:
        place = Path(home) / named[2:]
    try:
        state = place.stat()
    except OSError:
        return None
    profile = environ.get(PROFILE) or environ.get("AWS_DEFAULT_PROFILE") or "default"
    return _read(str(place), profile, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=16)
def _read(place: str, profile: str, _state: tuple[int, int]) -> Credentials | None:
    """A file that cannot be read holds nothing: what is missing is said by who wanted it."""
    from configparser import ConfigParser, Error  # 3 ms, and only for who keeps keys in a file

    parser = ConfigParser(interpolation=None, strict=False, default_section="")
    try:
        parser.read_string(Path(place).read_text("utf-8"))
    except (OSError, ValueError, Error):
        return None
    if not parser.has_section(profile):
        return None
    held = {name: value.strip() for name, value in parser.items(profile)}
    access, secret = held.get("aws_access_key_id"), held.get("aws_secret_access_key")
    token = held.get("aws_session_token") or held.get("aws_security_token")
    return Credentials(access, secret, token or None) if access and secret else None
