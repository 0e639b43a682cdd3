"""How large a picture is, from its first bytes, and how many tokens one of that size comes to."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from math import ceil, floor, sqrt

_READ = 512 * 1024
"""Characters of base64 that are looked at: a JPEG may carry its thumbnail and profile before its size."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """A picture is scaled into 2,048 × 2,048 and its shorter side to 768; then ``base`` tokens and ``tile`` for each
    512 × 512. ``detail="low"`` is the base alone.
    """

    base: int
    tile: int

    def tokens(self, width: int, height: int, detail: str | None) -> int:
        if detail == "low":
            return self.base
        scale = min(1.0, 2_048 / max(width, height))
        scale *= min(1.0, 768 / (min(width, height) * scale))
        # Rounded, so that 768 × (512 / 768) is one tile and not two.
        across, down = round(width * scale, 3), round(height * scale, 3)
        return self.base + self.tile * ceil(across / 512) * ceil(down / 512)


@dataclass(frozen=True, slots=True)
class Patches:
    """A picture is scaled to at most 1,536 patches of 32 × 32; each is ``weight`` tokens."""

    weight: float

    def tokens(self, width: int, height: int, detail: str | None) -> int:  # noqa: ARG002 - detail changes nothing
        patches = ceil(width / 32) * ceil(height / 32)
        if patches > 1_536:
            scale = sqrt(32 * 32 * 1_536 / (width * height))
            across, down = width * scale / 32, height * scale / 32
            scale *= min(floor(across) / across, floor(down) / down) if min(across, down) >= 1 else 1
            patches = min(1_536, ceil(width * scale / 32 - 1e-9) * ceil(height * scale / 32 - 1e-9))
        return ceil(round(patches * self.weight, 6))


def dimensions(data: str) -> tuple[int, int] | None:
    """Width and height in pixels of a PNG, GIF, JPEG or WebP given in base64; None where they cannot be read."""
    start = data[:_READ]
    try:
        raw = base64.b64decode(start[: len(start) // 4 * 4])
    except (binascii.Error, ValueError):
        return None
    size = _size(raw)
    return size if size is not None and min(size) > 0 else None


def _size(raw: bytes) -> tuple[int, int] | None:
    if raw[:8] == b"\x89PNG\r\n\x1a\n" and len(raw) >= 24:
        return _big(raw, 16, 4), _big(raw, 20, 4)
    if raw[:4] == b"GIF8" and len(raw) >= 10:
        return _little(raw, 6, 2), _little(raw, 8, 2)
    if raw[:2] == b"\xff\xd8":
        return _jpeg(raw)
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP" and len(raw) >= 30:
        return _webp(raw)
    return None


def _jpeg(raw: bytes) -> tuple[int, int] | None:
    """Segment by segment to the frame header (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(raw):
        if raw[at] != 0xFF:
            return None
        marker = raw[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _big(raw, at + 7, 2), _big(raw, at + 5, 2)
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # no length follows
            at += 2
        else:
            at += 2 + _big(raw, at + 2, 2)
    return None


def _webp(raw: bytes) -> tuple[int, int] | None:
    """By the kind of the first chunk (RFC 9649)."""
    kind = raw[12:16]
    if kind == b"VP8X":
        return _little(raw, 24, 3) + 1, _little(raw, 27, 3) + 1
    if kind == b"VP8L":
        bits = _little(raw, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return _little(raw, 26, 2) & 0x3FFF, _little(raw, 28, 2) & 0x3FFF
    return None


def _big(raw: bytes, at: int, size: int) -> int:
    return int.from_bytes(raw[at : at + size], "big")


def _little(raw: bytes, at: int, size: int) -> int:
    return int.from_bytes(raw[at : at + size], "little")
