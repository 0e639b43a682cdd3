"""Every recorded request crosses to every other wire. What does not come through is named by a warning, and no warning
speaks of a loss where there is none.
"""

from __future__ import annotations

import pytest

from crossing import recorded


def judge(every: int) -> None:
    found = recorded.cross(every)
    for fault in ("silent", "idle", "refused"):
        pairs = {(*pair, name): ids[0] for pair, entry in found.items() for name, ids in getattr(entry, fault).items()}
        assert pairs == {}, fault
    assert sum(entry.requests for entry in found.values()) > 30_000 / every
    assert all(entry.equal for entry in found.values())


def test_a_sample_of_recorded_requests_crosses_to_every_wire() -> None:
    judge(every=23)


@pytest.mark.full
def test_every_recorded_request_crosses_to_every_wire() -> None:
    judge(every=1)


def test_a_conversation_that_went_elsewhere_comes_home() -> None:
    assert list(recorded.back_home(every=23)) == []


@pytest.mark.full
def test_every_conversation_that_went_elsewhere_comes_home() -> None:
    assert list(recorded.back_home()) == []
