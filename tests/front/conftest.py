"""Every test of a front runs twice: sync and async."""

from __future__ import annotations

from typing import Any

import pytest

from front.upstream import AsyncCaller, SyncCaller


@pytest.fixture(params=[SyncCaller(), AsyncCaller()], ids=lambda caller: caller.name)
def ask(request: Any) -> Any:
    return request.param


@pytest.fixture(autouse=True)
def _no_keys(no_vendor_keys: None) -> None:
    """No developer's own keys."""
