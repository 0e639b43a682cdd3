from __future__ import annotations

import copy
import pickle
from decimal import ROUND_HALF_EVEN, Decimal, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux.errors import CurrencyMismatch
from modelmux.money import Money, Rate

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=15, allow_nan=False, allow_infinity=False)
nanos = st.integers(min_value=-(10**24), max_value=10**24)


@given(amounts)
def test_an_amount_is_rounded_half_even_to_the_nano(amount: Decimal) -> None:
    expected = amount.scaleb(9).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    assert Money.of(amount).nano == int(expected)


@given(nanos)
def test_the_amount_is_exact_whatever_the_ambient_precision(nano: int) -> None:
    before = getcontext().prec
    getcontext().prec = 3
    try:
        amount = Money(nano).amount
        assert Money.of(amount).nano == nano
    finally:
        getcontext().prec = before


@given(st.lists(nanos, min_size=1))
def test_sums_are_exact(values: list[int]) -> None:
    total = Money(0)
    for value in values:
        total += Money(value)
    assert total == Money(sum(values))


def test_a_float_is_read_as_it_is_written() -> None:
    assert Money.of(0.1) + Money.of(0.2) == Money.of("0.3")


@pytest.mark.parametrize("operate", [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a < b, lambda a, b: a >= b])
def test_currencies_never_mix(operate) -> None:
    with pytest.raises(CurrencyMismatch, match="USD and KRW"):
        operate(Money(1, "USD"), Money(1, "KRW"))


def test_equality_across_currencies_is_false_not_an_error() -> None:
    assert Money(1, "USD") != Money(1, "KRW")
    assert Money(0, "USD") != 0


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", float("inf")])
def test_an_amount_must_be_finite(wrong) -> None:
    with pytest.raises(ValueError, match="finite"):
        Money.of(wrong)


@pytest.mark.parametrize("other", [1, 1.5, "1", None])
def test_money_adds_to_nothing_but_money(other) -> None:
    with pytest.raises(TypeError):
        Money(1) + other


def test_it_prints_as_people_write_it() -> None:
    assert str(Money.of("0.00123")) == "$0.00123"
    assert str(Money.of(1500, "KRW")) == "1500 KRW"
    assert str(-Money.of(2)) == "$-2"


def test_it_survives_pickle_and_copy() -> None:
    money = Money(5, "EUR")
    assert pickle.loads(pickle.dumps(money)) == money == copy.deepcopy(money)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_rate_is_linear(a: int, b: int) -> None:
    rate = Rate.parse("0.0375")
    assert rate.times(a) + rate.times(b) == rate.times(a + b)


def test_a_rate_below_a_nano_a_token_is_kept_exact() -> None:
    assert Rate.parse("0.00004", 1_000_000).times(3) == Decimal("1.2E-10")
