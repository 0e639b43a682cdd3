"""An endpoint that keeps all its calls waiting while its equals answer gets no more of them."""

from __future__ import annotations

from modelmux.routing.health import SILENT, Health


def test_calls_that_wait_long_without_an_answer_make_silence() -> None:
    health = Health()
    health.started("a", 10.0)
    assert health.snapshot(at=10.0 + SILENT).silent == {}
    assert health.snapshot(at=10.5 + SILENT).silent == {"a": 0.5 + SILENT}


def test_a_good_answer_breaks_the_silence_of_the_others() -> None:
    health = Health()
    health.started("a", 0.0)
    health.started("a", 0.0)
    health.succeeded("a", 1.0, None, 20.0)
    assert health.snapshot(at=20.5).silent == {}
    assert "a" in health.snapshot(at=21.0 + SILENT).silent


def test_a_failure_breaks_no_silence_and_the_last_call_ends_it() -> None:
    health = Health()
    health.started("a", 0.0)
    health.started("a", 1.0)
    health.failed("a", 5.0)
    assert health.snapshot(at=5.0).silent == {"a": 5.0}
    health.cancelled("a")
    assert health.snapshot(at=50.0).silent == {}
