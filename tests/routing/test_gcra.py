"""A rate kept: never more than 98 % of the limit in any minute, whatever is asked, given back and corrected."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate, pairwise
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux.routing.gcra import Gcra

MINUTE = 60.0


def worst_minute(admitted: list[tuple[float, float]]) -> float:
    """The most that any closed span of a minute holds: one that begins with an admission does."""
    starts = [start for start, _ in sorted(admitted)]
    sums = [0.0, *accumulate(amount for _, amount in sorted(admitted))]
    spans = ((bisect_left(starts, first), bisect_right(starts, first + MINUTE)) for first in starts)
    return max((sums[end] - sums[begin] for begin, end in spans), default=0.0)


def allowed(limit: int) -> float:
    return max(1.0, 0.98 * limit)


@given(st.integers(0, 2**32))
def test_no_minute_holds_more_than_98_percent(seed):
    """Forty steps of a busy bucket, drawn so that most of them meet a spell that is not over."""
    draw, at = Random(seed), 0.0
    limit = draw.choice([1, 2, 7, 60, 1_000, 30_000])
    bucket = Gcra(limit)
    kept: dict[int, list[float]] = {}
    for step in draw.choices(["ask", "give back", "less", "wait"], [2, 1, 1, 1], k=40):
        if step == "wait":
            at += draw.choice([draw.uniform(0, 4), draw.uniform(0, 4), draw.uniform(0, 90)])
        elif step == "ask":
            amount, patience = (
                max(1, limit * draw.choice([draw.randint(0, 8), draw.randint(0, 100)]) // 100),
                draw.uniform(0, 9),
            )
            got = bucket.reserve(amount, at, patience)
            if got is not None:
                assert at <= got[0] <= at + patience
                kept[got[1]] = [got[0], amount]
        elif kept:
            number = draw.choice(sorted(kept))
            part = kept[number][1] if step == "give back" else kept[number][1] // 2
            bucket.correct(number, -part, at)
            kept[number][1] -= part
    # Then somebody takes all there is for a minute: what was credited too much is spent now.
    small = max(1, limit // 1_000)
    while (got := bucket.reserve(small, at, patience=MINUTE)) is not None:
        kept[got[1]] = [got[0], small]
    assert worst_minute([(start, amount) for start, amount in kept.values()]) <= allowed(limit) * (1 + 1e-9)


@given(st.sampled_from([1, 2, 9, 60, 5_000]), st.integers(1, 200))
def test_waiters_get_times_of_their_own_one_after_another(limit, many):
    bucket = Gcra(limit)
    starts = [bucket.reserve(1, 0.0)[0] for _ in range(many)]
    assert starts == sorted(starts)
    waiting = [start for start in starts if start > 0]
    gaps = [later - sooner for sooner, later in pairwise(waiting)]
    assert all(gap == pytest.approx(1 / bucket.rate, rel=1e-6) for gap in gaps)


@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0, 20)), min_size=1, max_size=30), st.integers(1, 900))
def test_what_is_given_back_at_once_leaves_no_trace(before, amount):
    bucket, at = Gcra(1_000), 0.0
    for size, seconds in before:
        bucket.reserve(size, at)
        at += seconds
    probes = (1, 50, 500, 980)
    seen = [bucket.earliest(probe, at) for probe in probes]
    _, number = bucket.reserve(amount, at)
    bucket.give_back(number, amount)
    assert [bucket.earliest(probe, at) for probe in probes] == pytest.approx(seen)


def test_a_bucket_that_ran_empty_is_not_credited_for_what_it_has_forgotten():
    bucket = Gcra(6_000)
    _, first = bucket.reserve(400, 0.0)
    bucket.reserve(400, 50.0)
    bucket.give_back(first, 400)
    fresh = Gcra(6_000)
    fresh.reserve(400, 50.0)
    assert bucket.earliest(400, 50.0) == fresh.earliest(400, 50.0) > 50.0


def test_tokens_not_written_let_the_next_call_go_sooner_and_more_of_them_later():
    less, more, plain = Gcra(1_000), Gcra(1_000), Gcra(1_000)
    numbers = [bucket.reserve(500, 0.0)[1] for bucket in (less, more, plain)]
    less.correct(numbers[0], -300, 1.0)
    more.correct(numbers[1], 300, 1.0)
    assert less.earliest(500, 1.0) < plain.earliest(500, 1.0) < more.earliest(500, 1.0)


def test_a_steady_stream_uses_nine_tenths_of_the_limit():
    bucket = Gcra(600)
    starts = [bucket.reserve(1, 0.0)[0] for _ in range(3_000)]
    minutes = starts[-1] / MINUTE
    assert 0.9 * 600 <= 3_000 / (minutes + 0.05) <= 0.98 * 600


def test_more_than_a_minute_allows_never_passes():
    bucket = Gcra(1_000)
    assert bucket.earliest(981, 5.0) == inf
    assert bucket.reserve(981, 5.0) is None
    assert bucket.reserve(980, 5.0) == (5.0, 1)


def test_a_large_amount_passes_a_fresh_bucket_at_once_and_a_used_one_after_it_was_empty():
    bucket = Gcra(1_000)
    assert bucket.earliest(900, 3.0) == 3.0
    bucket.reserve(80, 3.0)
    # 80 at 15 a second take 5⅓ s to run out, and the 820 beyond the burst as long as they last.
    assert bucket.earliest(900, 3.0) == pytest.approx(3.0 + 80 / 15 + 820 / 15)


def test_a_limit_of_one_lets_one_through_a_minute():
    bucket = Gcra(1)
    first, second = (bucket.reserve(1, 0.0)[0] for _ in range(2))
    assert (first, second > MINUTE) == (0.0, True)


def test_nothing_is_taken_by_who_does_not_wait():
    bucket = Gcra(2)
    bucket.reserve(1, 0.0)
    soonest = bucket.earliest(1, 0.0)
    assert bucket.reserve(1, 0.0, patience=1.0) is None
    assert bucket.earliest(1, 0.0) == soonest
