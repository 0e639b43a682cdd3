"""Arguments of a function call that come in fragments (``partialArgs``), each with the JSON path it belongs to."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

_STEP = re.compile(r"\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\[(['\"])(.*?)\3\]")
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")
_MOST = 100_000
"""Longest array a path may reach into: an index is a vendor's word, not a promise of memory."""


class PartialArgs:
    """The arguments so far."""

    __slots__ = ("_open", "value")

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}
        self._open: str | None = None

    def add(self, call: dict[str, Any]) -> None:
        """Take in one ``functionCall`` fragment."""
        args = call.get("args")
        if isinstance(args, dict):
            self.value.update(args)
        fragments = call.get("partialArgs")
        for fragment in fragments if isinstance(fragments, list) else ():
            if isinstance(fragment, dict) and isinstance(fragment.get("jsonPath"), str):
                self._put(fragment["jsonPath"], fragment)

    def _put(self, path: str, fragment: dict[str, Any]) -> None:
        steps = [
            int(index) if index else name or quoted for name, index, _, quoted in _STEP.findall(path.removeprefix("$"))
        ]
        key = next((name for name in _VALUES if name in fragment), None)
        if not steps or key is None:
            return
        value = None if key == "nullValue" else fragment[key]
        if key == "numberValue" and isinstance(value, float) and value.is_integer():
            value = int(value)
        holder: Any = self.value
        for step, following in pairwise(steps):
            holder = _enter(holder, step, [] if isinstance(following, int) else {})
        _set(holder, steps[-1], value, append=path == self._open and isinstance(value, str))
        self._open = path if fragment.get("willContinue") is True else None


def _enter(holder: Any, step: str | int, empty: Any) -> Any:
    found = _get(holder, step)
    if isinstance(found, (dict, list)):
        return found
    _set(holder, step, empty, append=False)
    return empty


def _get(holder: Any, step: str | int) -> Any:
    if isinstance(holder, dict):
        return holder.get(str(step))
    return holder[step] if isinstance(step, int) and step < len(holder) else None


def _set(holder: Any, step: str | int, value: Any, *, append: bool) -> None:
    if append:
        before = _get(holder, step)
        value = before + value if isinstance(before, str) else value
    if isinstance(holder, dict):
        holder[str(step)] = value
    elif isinstance(step, int) and step < _MOST:
        holder.extend([None] * (step + 1 - len(holder)))
        holder[step] = value
