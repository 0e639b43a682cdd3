"""What one encoding has to know and to report."""

from __future__ import annotations

from modelmux.types import Warning
from modelmux.wire._kept import Keeper
from modelmux.wire._losses import Losses
from modelmux.wire.openai_responses.dialect import WIRE, Dialect

KEEPER = Keeper(WIRE)
ours, fields_of, kept = KEEPER.of, KEEPER.fields, KEEPER.keep


class Saying:
    """Items being written for one provider.

    ``as_came``: the request was decoded from a body meant for this very provider, so what it said is said again.
    ``native``: it was decoded from this format, for whichever provider.
    """

    __slots__ = ("_losses", "as_came", "dialect", "native", "provider")

    def __init__(self, dialect: Dialect, provider: str, *, as_came: bool = False, native: bool = False) -> None:
        self.dialect = dialect
        self.provider = provider
        self.as_came = as_came
        self.native = native
        self._losses = Losses()

    def lost(self, field: str, detail: str, action: str = "dropped") -> None:
        self._losses.add(field, action, detail)

    @property
    def warnings(self) -> list[Warning]:
        return self._losses.warnings
