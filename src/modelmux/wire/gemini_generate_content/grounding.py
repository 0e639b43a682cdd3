"""Sources of what the model says: ``groundingMetadata`` and ``citationMetadata``, as citations and back.

Their offsets count bytes of UTF-8; citations count characters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelmux.types import Citation

_SOURCES = ("web", "retrievedContext", "maps", "image")

Texts = list[tuple[int, str]]
"""Number and text of each text part of a candidate."""


def citations_of(candidate: dict[str, Any], texts: Texts) -> dict[int, list[Citation]]:
    """The citations of each text part, by its number. Where no place in the text can be found, the last part's."""
    found: dict[int, list[Citation]] = {}
    if not texts:
        return found
    encoded = [(number, text, text.encode("utf-8", "replace")) for number, text in texts]
    for segment, fields, raw in (*_grounded(candidate), *_recited(candidate)):
        number, start, end = _place(segment, encoded)
        wanted = segment.get("text")
        text = wanted if isinstance(wanted, str) else None
        url, title = fields.get("uri"), fields.get("title")
        found.setdefault(number, []).append(
            Citation(
                url if isinstance(url, str) else None,
                title if isinstance(title, str) else None,
                text,
                start,
                end,
                raw,
            )
        )
    return found


def _grounded(candidate: dict[str, Any]) -> Iterable[tuple[dict[str, Any], dict[str, Any], Any]]:
    metadata = candidate.get("groundingMetadata")
    if not isinstance(metadata, dict):
        return
    chunks = metadata.get("groundingChunks")
    supports = metadata.get("groundingSupports")
    for support in supports if isinstance(supports, list) else ():
        segment = support.get("segment") if isinstance(support, dict) else None
        if not isinstance(segment, dict):
            continue
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            if isinstance(chunks, list) and isinstance(index, int) and 0 <= index < len(chunks):
                chunk = chunks[index]
                yield segment, _source(chunk), {"segment": segment, "chunk": chunk}


def _source(chunk: Any) -> dict[str, Any]:
    if isinstance(chunk, dict):
        for key in _SOURCES:
            if isinstance(chunk.get(key), dict):
                return dict(chunk[key])
    return {}


def _recited(candidate: dict[str, Any]) -> Iterable[tuple[dict[str, Any], dict[str, Any], Any]]:
    metadata = candidate.get("citationMetadata")
    if not isinstance(metadata, dict):
        return
    sources = metadata.get("citations", metadata.get("citationSources"))
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, dict):
            yield {key: source[key] for key in ("startIndex", "endIndex") if key in source}, source, source


def _place(segment: dict[str, Any], texts: list[tuple[int, str, bytes]]) -> tuple[int, int | None, int | None]:
    """Part number and character offsets of a segment."""
    start, end = segment.get("startIndex", 0), segment.get("endIndex")
    wanted = segment.get("text")
    first = segment.get("partIndex", 0)
    if isinstance(start, int) and isinstance(end, int) and 0 <= start <= end:
        for number, _, data in sorted(texts, key=lambda item: item[0] != first):
            found = _characters(data, start, end, wanted)
            if found is not None:
                return number, *found
        before = 0  # offsets may count through all parts
        for number, _, data in texts:
            found = _characters(data, start - before, end - before, wanted)
            if found is not None:
                return number, *found
            before += len(data)
    if isinstance(wanted, str) and wanted:
        for number, text, _ in texts:
            at = text.find(wanted)
            if at >= 0:
                return number, at, at + len(wanted)
    return texts[-1][0], None, None


def _characters(data: bytes, start: int, end: int, wanted: Any) -> tuple[int, int] | None:
    if start < 0 or end > len(data):
        return None
    piece = data[start:end].decode("utf-8", "ignore")
    if isinstance(wanted, str) and piece != wanted:
        return None
    offset = len(data[:start].decode("utf-8", "ignore"))
    return offset, offset + len(piece)


def metadata_of(texts: list[tuple[int, str, tuple[Citation, ...]]]) -> dict[str, Any] | None:
    """``groundingMetadata`` for citations that another vendor made; None when there are none."""
    chunks: list[dict[str, Any]] = []
    numbers: dict[tuple[str | None, str | None], int] = {}
    supports: list[dict[str, Any]] = []
    for part, text, citations in texts:
        for citation in citations:
            key = (citation.url, citation.title)
            if key not in numbers:
                numbers[key] = len(chunks)
                names = (("uri", citation.url), ("title", citation.title))
                chunks.append({"web": {name: value for name, value in names if value is not None}})
            if citation.start is None or citation.end is None:
                continue
            cited = text[citation.start : citation.end]
            start = len(text[: citation.start].encode("utf-8", "replace"))
            segment = {
                "partIndex": part,
                "startIndex": start,
                "endIndex": start + len(cited.encode("utf-8", "replace")),
                "text": cited,
            }
            supports.append({"segment": segment, "groundingChunkIndices": [numbers[key]]})
    if not chunks:
        return None
    return {"groundingChunks": chunks, **({"groundingSupports": supports} if supports else {})}
