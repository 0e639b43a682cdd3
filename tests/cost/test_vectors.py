"""Every cost vector, as exact decimals."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modelmux.cost import price
from modelmux.money import Money

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "cost" / "vectors.json").read_text("utf-8")
)["vectors"]

PER = {"Mtok": 10**6, "k": 1000, "unit": 1, "hour_s": 3600, "min_s": 60}


def test_there_are_vectors() -> None:
    assert len(VECTORS) == 71


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_vector(vector: dict[str, Any]) -> None:
    expect = vector["expect"]
    cost = price(
        vector["vendor"],
        vector["endpoint"],
        vector["model"],
        vector["response"],
        request=vector["request"],
        at=vector["at"],
    )
    assert cost.status == expect["status"]
    wanted = expect["native"]["total"] if "native" in expect else expect["total_usd"]
    currency = expect["native"]["currency"] if "native" in expect else "USD"
    if wanted is None:
        assert cost.total is None
        assert cost.money is None
        return
    # A price per hour does not divide evenly; such vectors are exact to 1e-12.
    slack = Decimal("1e-12") if any(line["per"] == "hour_s" for line in expect["lines"]) else Decimal(0)
    assert cost.total is not None
    assert abs(cost.total - Decimal(wanted)) <= slack
    assert cost.currency == currency
    assert cost.money == Money.of(cost.total, currency)


@pytest.mark.parametrize(
    "vector",
    [v for v in VECTORS if v["expect"]["status"].startswith("priced")],
    ids=[v["id"] for v in VECTORS if v["expect"]["status"].startswith("priced")],
)
def test_the_lines_add_up_to_the_total(vector: dict[str, Any]) -> None:
    cost = price(
        vector["vendor"],
        vector["endpoint"],
        vector["model"],
        vector["response"],
        request=vector["request"],
        at=vector["at"],
    )
    amounts = [line.amount for line in cost.lines]
    assert None not in amounts
    assert cost.total is not None
    assert abs(sum(amounts, Decimal(0)) - cost.total) < Decimal("1e-30")


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["id"] == "openai-compat-reasoning-exceeds-completion"])
def test_contradictions_are_flagged(vector: dict[str, Any]) -> None:
    cost = price(vector["vendor"], vector["endpoint"], vector["model"], vector["response"], at=vector["at"])
    assert any("reasoning" in note for note in cost.usage.anomalies)
