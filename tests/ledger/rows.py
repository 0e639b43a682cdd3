"""Synthetic attempts for the tests of journal and ledger."""

from __future__ import annotations

from typing import Any

from modelmux.cost.records import AttemptRow

START = 1_760_000_000.0


def intent(number: int = 1, **changes: Any) -> AttemptRow:
    row = AttemptRow(
        attempt_id=f"attempt-{number}",
        call_id=f"call-{number}",
        started_at=START + number,
        provider="maple",
        endpoint="maple/leaf-2",
        model_asked="leaf-2",
        key_hash="0a1b2c",
        tags={"user": "42", "team": "growth"},
        user="42",
        currency="USD",
        bound_nano=5_000_000,
        decision="cheapest of 2",
    )
    return row._replace(**changes)


def outcome(number: int = 1, **changes: Any) -> AttemptRow:
    row = intent(number)._replace(
        state="ok",
        first_token_at=START + number + 0.5,
        ended_at=START + number + 2.0,
        model_served="leaf-2-0101",
        tier="default",
        stream=True,
        http_status=200,
        units={"input": 100, "output": 20},
        cost_nano=1_000_000,
        cost_status="priced",
        cost_source="catalogue",
        price_version="2025-01-01",
        request_id=f"request-{number}",
        finish="stop",
    )
    return row._replace(**changes)
