"""The page of results: what was checked, and how many of the checks each system failed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import checks

TITLES = {"modelmux": "modelmux", "openai": "openai SDK", "litellm": "litellm Router"}


def render(results: Mapping[str, Sequence[checks.Result]], *, full: bool) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    counts = "full counts" if full else "samples of the counts"
    command = "benchmarks/reliability/rig.py" + (" --full" if full else "")
    lines = [
        "# Reliability",
        "",
        "What becomes of a call when vendors fail, over real sockets, beside the openai SDK and litellm's Router on",
        "the same fault servers. What each promise means, and how it is kept, is in [Limits](limits.md),",
        "[Errors](errors.md) and [Security](security.md).",
        "",
        f"Written by `{command}` on {when} at commit {commit.stdout.strip() or 'unknown'} ({counts}). Groups that did",
        "not run again keep their last results.",
        "",
        "A system without a fallback fails what only a fallback could save: the table says what the caller gets, not",
        "whose duty it would have been.",
        "",
        "| checks failed | " + " | ".join(TITLES[system] for system in results) + " |",
        "|---|" + "---:|" * len(results),
    ]
    for group, work in checks.GROUPS.items():
        cells = [_share([r for r in found if r.group == group], group) for found in results.values()]
        said = (work.__doc__ or "").strip().splitlines()[0]
        lines.append(f"| **{group}**: {said} | " + " | ".join(cells) + " |")
    lines.append("| **all** | " + " | ".join(_share(found, "all") for found in results.values()) + " |")
    lines += ["", "## Every check", ""]
    lines += _table(results)
    return "\n".join(lines) + "\n"


def _share(found: Sequence[checks.Result], group: str) -> str:
    if not found:
        return "no such setting" if group in checks.SETTINGS else "not run"
    return f"{sum(not result.passed for result in found)} of {len(found)}"


def _table(results: Mapping[str, Sequence[checks.Result]]) -> list[str]:
    names: dict[tuple[str, str], dict[str, Any]] = {}
    for system, found in results.items():
        for result in found:
            names.setdefault((result.group, result.name), {})[system] = result
    head = "| | | " + " | ".join(TITLES[system] for system in results) + " |"
    lines = [head, "|---|---|" + "---|" * len(results)]
    for (group, name), found in names.items():
        cells = [_cell(found.get(system)) for system in results]
        lines.append(f"| {group} | {name} | " + " | ".join(cells) + " |")
    return lines


def _cell(result: checks.Result | None) -> str:
    if result is None:
        return ""
    detail = result.detail.replace("|", "\\|").replace("\n", " ")
    return detail if result.passed else f"**failed**: {detail}"
