"""Google's application default credentials: what in the environment can be exchanged for an access token.

Service accounts sign an assertion (RFC 7523), which needs RSA: the extra ``modelmux[vertex]`` brings it. A user's own
login is exchanged by its refresh token; on Google's machines the metadata server hands tokens out.
"""

from __future__ import annotations

import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from modelmux._credentials import TokenSource, shared
from modelmux._http import HttpRequest
from modelmux._json import dumps, loads
from modelmux._secret import Hidden, Secret
from modelmux.errors import ConfigError

__all__ = ["source"]

FILE = "GOOGLE_APPLICATION_CREDENTIALS"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"

_LIFETIME = 3600
"""Seconds an assertion is valid: the longest that Google takes."""

_INSTEAD = "; or set VERTEX_ACCESS_TOKEN to a ready-made token"

_OFF_CLOUD = (
    f"where none is, set VERTEX_ACCESS_TOKEN to a token, or {FILE} to a file of credentials, or log in with "
    "'gcloud auth application-default login'"
)

_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


def source(environ: Mapping[str, str]) -> TokenSource:
    """The source of the environment's tokens; one for all calls with the same credentials. Nothing is read yet but
    which files there are. Raises ConfigError where the environment names a file that is not there.
    """
    place = _file(environ)
    host = environ.get("GCE_METADATA_HOST") or "metadata.google.internal"
    if place is None:
        return shared(host, lambda: TokenSource(f"the metadata server {host}", _of_metadata(host), _OFF_CLOUD))
    return shared(str(place), lambda: TokenSource(f"the credentials {place}", _of_file(place)))


def _file(environ: Mapping[str, str]) -> Path | None:
    """Where the credentials stand: the variable names the file, else the command line tool keeps one."""
    named = environ.get(FILE)
    if named:
        if not Path(named).is_file():
            raise ConfigError(f"{FILE}={named}: there is no such file", field=FILE)
        return Path(named)
    home = environ.get("CLOUDSDK_CONFIG")
    if not home and sys.platform == "win32":
        home = environ.get("APPDATA") and f"{environ['APPDATA']}/gcloud"
    elif not home:
        home = environ.get("HOME") and f"{environ['HOME']}/.config/gcloud"
    usual = Path(home or ".") / "application_default_credentials.json"
    return usual if home and usual.is_file() else None


def _of_metadata(host: str) -> Callable[[float], HttpRequest]:
    request = HttpRequest("GET", f"http://{host}{METADATA}", {"metadata-flavor": "Google"})
    return lambda _now: request


def _of_file(place: Path) -> Callable[[float], HttpRequest]:
    """The file is read anew for each token: whoever rotates keys replaces it."""

    def ask(now: float) -> HttpRequest:
        try:
            held = loads(place.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigError(f"{place} cannot be read: {error}", field=FILE) from None
        if not isinstance(held, dict) or held.get("type") not in _KINDS:
            kind = held.get("type") if isinstance(held, dict) else None
            raise ConfigError(
                f"{place} holds credentials of type {kind!r}; {' and '.join(_KINDS)} can be used{_INSTEAD}",
                field=FILE,
            )
        required, make = _KINDS[held["type"]]
        held = Hidden(held)
        missing = [name for name in required if not isinstance(held.get(name), str) or not held[name]]
        if missing:
            raise ConfigError(f"{place} lacks {', '.join(missing)}", field=FILE)
        uri = held.get("token_uri") or TOKEN_URI
        return HttpRequest("POST", uri, _FORM, urlencode(make(held, uri, now)).encode())

    return ask


def _service_account(held: Mapping[str, Any], uri: str, now: float) -> dict[str, str]:
    issued = int(now)
    header = {"alg": "RS256", "typ": "JWT"}
    if held.get("private_key_id"):
        header["kid"] = held["private_key_id"]
    claims = {"iss": held["client_email"], "scope": SCOPE, "aud": uri, "iat": issued, "exp": issued + _LIFETIME}
    said = _part(dumps(header)) + b"." + _part(dumps(claims))
    assertion = said + b"." + _part(_signed(Secret(held["private_key"]), said))
    return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion.decode()}


def _user(held: Mapping[str, Any], _uri: str, _now: float) -> dict[str, str]:
    names = ("client_id", "client_secret", "refresh_token")
    return {"grant_type": "refresh_token", **{name: held[name] for name in names}}


_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any], str, float], dict[str, str]]]] = {
    "service_account": (("client_email", "private_key"), _service_account),
    "authorized_user": (("client_id", "client_secret", "refresh_token"), _user),
}
"""Kind of credentials -> what they must hold, and what is posted for a token."""


def _part(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _signed(pem: Secret, data: bytes) -> bytes:
    """RS256 (RFC 7518, section 3.3). Raises ConfigError without the extra, and for a key that is none."""
    try:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise ConfigError(
            f"a service account's token takes an RSA signature: install modelmux[vertex]{_INSTEAD}", field=FILE
        ) from None
    wrong = ""
    try:
        key = load_pem_private_key(pem.reveal().encode(), password=None)
    except (ValueError, TypeError) as error:
        wrong = str(error)
    if wrong:
        raise ConfigError(f"the service account's private_key cannot be read: {wrong}", field=FILE)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigError("the service account's private_key is no RSA key", field=FILE)
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
