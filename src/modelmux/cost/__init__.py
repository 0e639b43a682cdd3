"""What calls cost: usage read, prices chosen, bills made.

``price`` bills a vendor's response body; ``meter.charge`` is the fast path for usage already read; ``usage.reader``
gives the reader of one call; ``prices.sheet`` the rates in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["Cost", "price"]

if TYPE_CHECKING:
    from modelmux.cost.bill import Cost, price


def __getattr__(name: str) -> Any:
    # Lazily: the journal and the ledger stand in this package too and need none of it.
    if name in __all__:
        from modelmux.cost import bill

        return getattr(bill, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
