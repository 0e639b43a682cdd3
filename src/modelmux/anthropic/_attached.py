"""Files as the data of images and documents in messages: a path or an open file goes out as base64."""

from __future__ import annotations

import os
from typing import Any

from modelmux._dropin.payload import FileText


def with_files(items: Any) -> Any:
    """Messages, or blocks of one, with their files marked as such; the caller's own where there are none."""
    if not isinstance(items, list | tuple) or not _worth_a_look(items):
        return items
    out: list[Any] | None = None
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            continue
        changed = {}
        source, content = item.get("source"), item.get("content")
        if isinstance(source, dict):
            marked = _source(source)
            if marked is not source:
                changed["source"] = marked
        if content is not None:
            inner = with_files(content)
            if inner is not content:
                changed["content"] = inner
        if changed:
            out = list(items) if out is None else out
            out[index] = {**item, **changed}
    return items if out is None else out


def _worth_a_look(items: Any) -> bool:
    """Whether some block has a source. Most conversations have none, and long ones are walked at every call."""
    for item in items:
        if type(item) is dict:
            content = item.get("content")
            if "source" in item or (type(content) is list and _worth_a_look(content)):
                return True
        elif isinstance(item, dict):
            return True
    return False


def _source(source: dict[str, Any]) -> dict[str, Any]:
    data = source.get("data")
    if not isinstance(data, str) and (isinstance(data, os.PathLike) or hasattr(data, "read")):
        return {**source, "data": FileText(data)}
    content = source.get("content")
    inner = with_files(content)
    return source if inner is content else {**source, "content": inner}
