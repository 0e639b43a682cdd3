"""A request as bytes, checked: what goes out can't be split into two requests by a value in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from modelmux import __version__
from modelmux._http import HttpRequest
from modelmux._secret import Hidden
from modelmux.errors import InvalidRequest

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110, section 5.6.2."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_PLAIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]]*)?(?:#.*)?"
)
"""URLs that need no escaping, no IDNA and carry no password. Any other is httpx's to understand."""

# What belongs to the connection is the engine's own affair (RFC 9110, section 7.6.1).
_OURS = frozenset(
    ("connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade")
)
_DEFAULTS = {
    "accept": "*/*",
    # Decompressing costs more CPU than a few KB cost time; whoever wants it compressed says so.
    "accept-encoding": "identity",
    "user-agent": f"modelmux/{__version__}",
}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_known_names: set[str] = set()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a plain URL leads."""

    tls: bool
    host: str
    port: int
    authority: str
    target: str = field(repr=False)

    @property
    def key(self) -> tuple[bool, str, int]:
        return self.tls, self.host, self.port


def address_of(request: HttpRequest) -> Address | None:
    """None for a URL that is httpx's to understand. Raises ``InvalidRequest`` for one that can't be sent."""
    found = _found(request.url)
    if isinstance(found, str):
        # The URL may hold a key: neither the message nor a local of this frame repeats it.
        raise InvalidRequest(found, field="url")
    return found


@lru_cache(maxsize=512)
def _found(url: str) -> Address | str | None:
    """The address, or what is wrong with the URL."""
    if _CONTROL.search(url):
        return "the URL holds a control character"
    plain = _PLAIN.fullmatch(url)
    if plain is None:
        if not url.lower().startswith(("http://", "https://")):
            return "the URL must begin with http:// or https://"
        return None
    tls = plain["scheme"] == "https"
    host = plain["host"].lower()
    usual = 443 if tls else 80
    port = int(plain["port"] or usual)
    if port > 65535:
        return "the URL's port is not a port"
    target = plain["target"] or "/"
    return Address(
        tls,
        host.strip("[]"),
        port,
        host if port == usual else f"{host}:{port}",
        target if target[0] == "/" else "/" + target,
    )


def headers_of(request: HttpRequest) -> Hidden:
    """The headers to send, with what is missing filled in, for a client that frames the body itself. Checked."""
    headers = Hidden({name: value for name, value in request.headers.items() if name not in _OURS})
    for name, value in _DEFAULTS.items():
        headers.setdefault(name, value)
    wrong = _wrong(request.method, headers)
    if wrong is not None:
        raise InvalidRequest(wrong[0], field=wrong[1])
    return headers


def head_of(request: HttpRequest, address: Address) -> memoryview:
    """Request line and headers as bytes, up to the body. In a view, for bytes would show their keys in tracebacks."""
    head = _written(request, address)
    if head is None:
        said, place = _wrong(request.method, request.headers) or ("a header cannot be sent", "headers")
        raise InvalidRequest(said, field=place)
    return head


def _written(request: HttpRequest, address: Address) -> memoryview | None:
    given = request.headers
    lines = [f"{request.method} {address.target} HTTP/1.1"]
    if "host" not in given:
        lines.append("host: " + address.authority)
    for name, value in given.items():
        if name not in _OURS:
            if name not in _known_names and not _learnt(name):
                return None
            lines.append(f"{name}: {value}")
    for name, value in _DEFAULTS.items():
        if name not in given:
            lines.append(f"{name}: {value}")
    if request.body or request.method in _WITH_BODY:
        lines.append(f"content-length: {len(request.body)}")
    lines.append("\r\n")
    head = "\r\n".join(lines)
    # Three scans in C stand for a look at every value: as many line ends as lines were written, and no NUL.
    ends = len(lines)
    if head.count("\r") != ends or head.count("\n") != ends or "\0" in head or not head.isascii():
        return None
    if request.method not in _known_names and not _learnt(request.method):
        return None
    return memoryview(head.encode())


def _wrong(method: str, headers: Mapping[str, str]) -> tuple[str, str] | None:
    """What cannot be sent, and which field it is; never its value."""
    if method not in _known_names and not _learnt(method):
        return "the method is not a token", "method"
    for name, value in headers.items():
        if name not in _known_names and not _learnt(name):
            return f"{name!r} cannot be a header's name", "headers"
        if "\r" in value or "\n" in value or "\0" in value:
            return f"header {name} holds CR, LF or NUL", f"headers.{name}"
        if not value.isascii():
            return f"header {name} is not ASCII", f"headers.{name}"
    return None


def _learnt(name: str) -> bool:
    if not _TOKEN.fullmatch(name):
        return False
    if len(_known_names) < 1000:
        _known_names.add(name)
    return True
