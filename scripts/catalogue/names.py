"""Which snapshot names belong to which provider of ours."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

_NOT_PROVIDERS = re.compile(r"^one of|^text-completion|^vertex_ai")


def all_providers(
    given: dict[str, dict[str, Any]], genai: list[str], litellm: list[str], models_dev: list[str]
) -> dict[str, dict[str, Any]]:
    """The providers of providers.toml, and the rest of the snapshots' under their own names."""
    table = {name: dict(row) for name, row in given.items()}

    def taken(source: str, name: str) -> bool:
        return any(
            fnmatchcase(name, wanted)
            for row in given.values()
            for wanted in ([row[source]] if isinstance(row.get(source), str) else row.get(source, ()))
        )

    for source, names in (("genai", genai), ("litellm", litellm), ("models_dev", models_dev)):
        for name in names:
            if taken(source, name) or _NOT_PROVIDERS.match(name):
                continue
            row = table.setdefault(re.sub(r"\W+", "_", name.lower()), {})
            if source == "models_dev":
                row.setdefault(source, name)
            elif name not in row.setdefault(source, []):
                row[source].append(name)
    return table
