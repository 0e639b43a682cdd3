"""What a function's docstring says: of the function, and of each parameter."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

_SECTIONS = (
    "args|arguments|parameters|params|returns|return|yields|yield|raises|raise|examples?|notes?|attributes|warns|"
    "see also|references|warnings?|todo|keyword args|keyword arguments|other parameters"
)
_HEAD = re.compile(rf"^(?:{_SECTIONS}):\s*$", re.IGNORECASE)
_ARGS = re.compile(r"^(?:args|arguments|parameters|params|keyword args|keyword arguments):\s*$", re.IGNORECASE)
_RULED = re.compile(rf"^(?:{_SECTIONS})\s*$", re.IGNORECASE)
_FIELD = re.compile(r"^[:@](?P<kind>\w+)(?:\s+(?P<rest>[^:]*))?:\s*(?P<text>.*)$")
_ENTRY = re.compile(r"^(?P<name>\*{0,2}\w+)\s*(?:\((?P<type>[^)]*)\))?\s*:\s*(?P<text>.*)$")


def read(function: Callable[..., object]) -> tuple[str, dict[str, str]]:
    """The description of a function, and of its parameters by name; the usual three styles are understood."""
    lines = inspect.cleandoc(function.__doc__ or "").splitlines()
    first = next((index for index, _ in enumerate(lines) if _begins_section(lines, index)), len(lines))
    params: dict[str, str] = {}
    for index in range(first, len(lines)):
        line = lines[index]
        if _ARGS.match(line):
            params |= _indented(lines[index + 1 :])
        elif line.lower().strip() in ("parameters", "other parameters") and _ruled(lines, index):
            params |= _numpy(lines[index + 2 :])
        elif (field := _FIELD.match(line)) and field["kind"] in ("param", "parameter", "arg", "argument", "key"):
            name = (field["rest"] or "").split()[-1:] or [""]
            params[name[0]] = _continued(field["text"], lines[index + 1 :])
    return _paragraphs(lines[:first]), params


def _ruled(lines: list[str], index: int) -> bool:
    return index + 1 < len(lines) and bool(re.fullmatch(r"-{3,}", lines[index + 1].strip()))


def _begins_section(lines: list[str], index: int) -> bool:
    line = lines[index]
    return bool(_HEAD.match(line) or _FIELD.match(line) or (_RULED.match(line) and _ruled(lines, index)))


def _paragraphs(lines: list[str]) -> str:
    """The first paragraph, then the rest of the text."""
    text = "\n".join(lines).strip("\n")
    short, _, long = text.partition("\n")
    long = long.strip("\n")
    return f"{short}\n\n{long.strip()}" if long.strip() else short.strip()


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _indented(lines: list[str]) -> dict[str, str]:
    """``name (type): text`` entries, one level in."""
    out: dict[str, list[str]] = {}
    level, name = 0, ""
    for line in lines:
        if not line.strip():
            if name:
                out[name].append("")
            continue
        depth = _depth(line)
        if depth == 0:
            break
        level = level or depth
        entry = _ENTRY.match(line.strip()) if depth == level else None
        if entry is not None:
            name = entry["name"].lstrip("*")
            out[name] = [entry["text"]]
        elif name:
            out[name].append(line.strip())
    return {key: "\n".join(value).strip() for key, value in out.items()}


def _numpy(lines: list[str]) -> dict[str, str]:
    """``name : type`` lines, the text below them one level in."""
    out: dict[str, list[str]] = {}
    name = ""
    for index, line in enumerate(lines):
        if _RULED.match(line) and _ruled(lines, index):
            break
        if line.strip() and _depth(line) == 0:
            name = line.partition(":")[0].strip().lstrip("*")
            out[name] = []
        elif name:
            out[name].append(line.strip())
    return {key: "\n".join(value).strip() for key, value in out.items()}


def _continued(text: str, lines: list[str]) -> str:
    out = [text]
    for line in lines:
        if not line.strip() or _depth(line) == 0:
            break
        out.append(line.strip())
    return "\n".join(out).strip()
