"""What a picture comes to: its size from its first bytes, and the vendor's published rule."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux import Mux
from modelmux.counting.pictures import Patches, Tiles, dimensions
from modelmux.types import Media, Message, Text


def png(width: int, height: int) -> bytes:
    """The start of a PNG: synthetic, signature and header chunk only."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x06\0\0\0"


def jpeg(width: int, height: int) -> bytes:
    """The start of a JPEG with an application segment before its frame header: synthetic."""
    frame = b"\xff\xc0\0\x11\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03"
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(9) + b"\xff" + frame + bytes(9)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + bytes(8)


def webp(kind: bytes, width: int, height: int) -> bytes:
    """The start of a WebP (RFC 9649), lossy, lossless or extended: synthetic."""
    head = b"RIFF\0\0\0\0WEBP" + kind + bytes(4)
    if kind == b"VP8X":
        return head + bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    if kind == b"VP8L":
        return head + b"\x2f" + ((height - 1) << 14 | width - 1).to_bytes(4, "little") + bytes(8)
    return head + bytes(3) + b"\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


KINDS = {
    "png": png,
    "jpeg": jpeg,
    "gif": gif,
    "lossy": lambda w, h: webp(b"VP8 ", w, h),
    "lossless": lambda w, h: webp(b"VP8L", w, h),
    "extended": lambda w, h: webp(b"VP8X", w, h),
}


@pytest.mark.parametrize("kind", KINDS)
@given(width=st.integers(1, 16_000), height=st.integers(1, 16_000))
def test_the_size_of_a_picture(kind, width, height):
    assert dimensions(encoded(KINDS[kind](width, height))) == (width, height)


@given(
    st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF\0\0\0\0WEBPVP8X"])
)
def test_anything_else_has_no_size_or_a_proper_one(raw, start):
    size = dimensions(encoded(start + raw))
    assert size is None or min(size) > 0


@pytest.mark.parametrize("data", ["", "not base64 …", "AAAA", encoded(png(0, 0))])
def test_what_is_no_picture(data):
    assert dimensions(data) is None


@pytest.mark.parametrize(
    ("rule", "width", "height", "detail", "tokens"),
    [
        # OpenAI "Images and vision": the page's examples
        (Tiles(85, 170), 1024, 1024, "high", 765),
        (Tiles(85, 170), 2048, 4096, "high", 1105),
        (Tiles(85, 170), 4096, 8192, "low", 85),
        (Patches(1.0), 1024, 1024, None, 1024),
        (Patches(1.0), 1800, 2400, None, 1452),
        # recorded: a picture of 800 × 400 (gpt-4-vision), the logo of 240 × 278 (gpt-4.1-mini, gpt-4o-mini)
        (Tiles(85, 170), 800, 400, None, 425),
        (Patches(1.62), 240, 278, None, 117),
        (Tiles(2_833, 5_667), 240, 278, "auto", 8_500),
    ],
)
def test_tokens_of_a_picture(rule, width, height, detail, tokens):
    assert rule.tokens(width, height, detail) == tokens


@given(width=st.integers(1, 30_000), height=st.integers(1, 30_000))
def test_no_picture_is_larger_than_the_vendor_scales_it(width, height):
    assert Patches(1.0).tokens(width, height, None) <= 1_536
    assert 0 < Tiles(0, 1).tokens(width, height, None) <= 8


def test_a_picture_in_a_request():
    asked = Message("user", (Text("What is this?"), Media("image", "image/png", data=encoded(png(800, 400)))))
    with Mux(["openai/gpt-4o"]) as mux:
        words = mux.count_tokens("What is this?")
        found = mux.count_tokens([asked])
        assert (found.tokens, found.method, found.estimated) == (words.tokens + 425, "tiktoken", ())
        unknown = mux.count_tokens([asked], model="openai/gpt-5.4")
        assert (unknown.method, unknown.estimated) == ("estimate", ("image",))
