"""Counting tokens for a front: the vendor's own count where one vendor is asked for, else by what is known here."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from modelmux.counting import ask
from modelmux.counting.count import TokenCount, count_for

if TYPE_CHECKING:
    from modelmux._effects import Effect
    from modelmux.endpoint import Target
    from modelmux.types import Request
    from modelmux.wire._front import Operation


def counting(request: Request, targets: Sequence[Target], op: Operation) -> Generator[Effect, Any, TokenCount]:
    """The count for these endpoints. Raises what asking a vendor raises."""
    if len(targets) == 1 and targets[0].provider == op.format.owner and targets[0].key is not None:
        return (yield from ask.count(request, targets[0]))
    return count_for(request, targets)
