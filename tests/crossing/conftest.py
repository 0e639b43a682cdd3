"""Calls run twice here as well: through the sync methods and through the async ones."""

from __future__ import annotations

from mux.conftest import caller, make_mux, vendors

__all__ = ["caller", "make_mux", "vendors"]
