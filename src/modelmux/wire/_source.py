"""Same wire in and out: start from the body as it came and change only what changed since.

A request that was decoded from a body of this very wire keeps that body as ``source``. Encoding it again must not
rebuild it: fields nobody understands have to survive untouched. So the two encodings (of the request as decoded
and as it is now) are compared, and only their difference is applied to a copy of the original body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import compress
from operator import attrgetter, is_
from typing import Any

from modelmux.types import Request, Source, Warning

Encode = Callable[[Request], tuple[dict[str, Any], list[Warning]]]

_NAMES = tuple(field.name for field in fields(Request) if field.name != "source")
_SAID = attrgetter(*_NAMES)
_COMPARED = tuple(name not in ("model", "stream") for name in _NAMES)
_ABSENT: Any = object()


def sourced(request: Request, wire: str, body: dict[str, Any]) -> Request:
    """The request, which remembers the body it was decoded from. Set in place, as nobody has seen it yet: another one
    would cost as much as all of the decoding.
    """
    object.__setattr__(request, "source", Source(wire, body, _SAID(request)))
    return request


def unchanged(request: Request, name: str) -> bool:
    """Whether a field of a request is what was decoded from its source; False without one."""
    source = request.source
    return source is not None and source.said[_NAMES.index(name)] is getattr(request, name)


def from_source(req: Request, wire: str, encode: Encode) -> tuple[dict[str, Any], list[Warning]] | None:
    """The original body with the caller's changes applied, or None when ``req`` did not come from ``wire``.

    ``encode`` encodes a request without regard to its source. ``model`` and ``stream`` are left to the caller, since
    some wires keep them outside the body.
    """
    source = req.source
    if source is None or source.wire != wire:
        return None
    if all(compress(map(is_, _SAID(req), source.said), _COMPARED)):
        return dict(source.body), []
    was = dict(zip(_NAMES, source.said, strict=True))
    before, _ = encode(Request(**{**was, "model": req.model, "stream": req.stream}))
    after, warnings = encode(replace(req, source=None))
    return _patched(source.body, before, after), warnings


def _patched(body: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    out = dict(body)
    for key in before.keys() | after.keys():
        old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
        if old is new or old == new:
            continue
        if new is _ABSENT:
            out.pop(key, None)
        elif isinstance(old, dict) and isinstance(new, dict) and isinstance(out.get(key), dict):
            out[key] = _patched(out[key], old, new)
        else:
            out[key] = new
    return out
