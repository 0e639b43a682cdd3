"""AWS Signature Version 4, from the published algorithm ("Create a signed AWS API request" in the IAM user guide).

Pure: the time is an argument and nothing is read or sent.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from modelmux._http import HttpRequest

_ALGORITHM = "AWS4-HMAC-SHA256"

_UNSIGNED = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "expect",
        "transfer-encoding",
        "user-agent",
        "x-amzn-trace-id",
    }
)
"""Headers that a client or a proxy may change on the way: signing them would break the signature."""

_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AWS access key; ``session_token`` belongs to temporary ones."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def sign(request: HttpRequest, credentials: Credentials, region: str, service: str, now: float) -> dict[str, str]:
    """The headers to add to ``request``: date, session token, authorisation. ``now`` is in seconds since the epoch.

    ``request.url`` is taken as it will be sent: its path is encoded once more for the signature, as every service but
    S3 does.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"x-amz-date": stamp}
    if credentials.session_token:
        added["x-amz-security-token"] = credentials.session_token
    text, names = canonical_request(request, added)
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(text.encode()).hexdigest()))
    key = signing_key(credentials.secret_key, stamp[:8], region, service)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    added["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return added


def canonical_request(request: HttpRequest, added: dict[str, str]) -> tuple[str, str]:
    """The request in the form that is hashed, and the names of the signed headers."""
    url = urlsplit(request.url)
    host = (url.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if url.port is not None and url.port != _DEFAULT_PORTS.get(url.scheme):
        host = f"{host}:{url.port}"
    headers = {"host": host}
    for name, value in {**request.headers, **added}.items():
        if name.lower() not in _UNSIGNED:
            headers[name.lower()] = " ".join(value.split())
    lines = [f"{name}:{headers[name]}\n" for name in sorted(headers)]
    names = ";".join(sorted(headers))
    body = hashlib.sha256(request.body).hexdigest()
    parts = (request.method, _canonical_path(url.path), _canonical_query(url.query), "".join(lines), names, body)
    return "\n".join(parts), names


def _canonical_path(path: str) -> str:
    """Without empty and dot segments (RFC 3986, 5.2.4), and encoded once more."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return "/" + quote("/".join(kept), safe="/-_.~") + end


def _canonical_query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    encoded = sorted((_once(name), _once(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _once(text: str) -> str:
    """Encoded exactly once, however it came."""
    return quote(unquote(text), safe="-_.~")


@lru_cache(maxsize=64)
def signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """The key of a day (``YYYYMMDD``), a region and a service: four nested HMACs."""
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
