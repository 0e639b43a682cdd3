"""What an encoding cannot say, for formats that report each detail of it."""

from __future__ import annotations

from modelmux.types import Warning


class Losses:
    """The warnings of one encoding, each once."""

    def __init__(self) -> None:
        self.warnings: list[Warning] = []

    def add(self, field: str, action: str, detail: str = "") -> None:
        warning = Warning(field, action, detail)
        if warning not in self.warnings:
            self.warnings.append(warning)
