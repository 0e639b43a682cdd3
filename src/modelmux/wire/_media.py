"""Media by ``data:`` URL (RFC 2397)."""

from __future__ import annotations

import binascii
from base64 import b64decode

from modelmux.types import Media


def asks_detail(media: Media) -> bool:
    """Whether a certain detail is asked for; ``auto`` is what happens anyway."""
    return media.detail is not None and media.detail != "auto"


def text_of(media: Media) -> str | None:
    """The text of a document that is one, given as such or by its bytes."""
    if media.text is not None or media.data is None or not (media.media_type or "").startswith("text/"):
        return media.text
    try:
        return b64decode(media.data).decode("utf-8", "replace")
    except binascii.Error:
        return None


def split_data_url(url: str) -> tuple[str | None, str] | None:
    """Media type and base64 of a plain ``data:`` URL, None for any other URL."""
    if not url.startswith("data:"):
        return None
    comma = url.find(",", 0, 200)
    head = url[5:comma]
    if comma < 0 or not head.endswith(";base64") or head.count(";") != 1:
        return None
    return head[:-7] or None, url[comma + 1 :]


def url_of(media: Media, fallback: str) -> str | None:
    """A URL for media given by bytes or by URL, None for any other. ``fallback`` is the type where none is known."""
    return media.url if media.data is None else f"data:{media.media_type or fallback};base64,{media.data}"


def bytes_of(media: Media) -> tuple[str | None, str] | None:
    """Media type and base64 of media that come with their bytes, as such or inside their URL."""
    if media.data is not None:
        return media.media_type, media.data
    return split_data_url(media.url) if media.url is not None else None
