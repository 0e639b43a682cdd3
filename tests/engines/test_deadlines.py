"""A call ends by its deadline, whatever a server does with it: a sample here, in full in the second tier."""

from __future__ import annotations

import socket

import pytest

from engines.deadlines import BAR, measure


@pytest.mark.parametrize("stream", [False, True], ids=["chat", "stream"])
def test_no_fault_outlives_the_deadline(stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def patch(resolver: object) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", resolver)

    for kind, rows in measure(0.4, stream, patch, width=16).items():
        assert len(rows) > 20
        for row in rows:
            # Wall clock is judged in the second tier; here a hang is told from a breath.
            assert row.seconds < 0.5, (kind, row)


@pytest.mark.full
@pytest.mark.parametrize("stream", [False, True], ids=["chat", "stream"])
@pytest.mark.parametrize("seconds", [0.5, 1.5, 3.0])
def test_every_fault_ends_within_the_bar(seconds: float, stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def patch(resolver: object) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", resolver)

    late = [(kind, row) for kind, rows in measure(seconds, stream, patch).items() for row in rows if row.seconds > BAR]
    assert not late
