"""Wait here or go elsewhere."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux.routing.queueing import TOLERANCE, choose


@pytest.mark.parametrize(
    ("waits", "seconds", "deadline", "place", "wait"),
    [
        ([0, 0], [9, 1], None, 0, 0),  # the policy knew how long they take
        ([0.05, 0], [1, 1], None, 0, 0.05),  # not worth leaving
        ([5, 0], [1, 1], None, 1, 0),
        ([5, 0], [1, 20], None, 0, 5),  # elsewhere is slower than waiting here
        ([5, 1, 0], [1, 1, 1], None, 2, 0),
        ([5, 2], [1, 1], None, 1, 2),
        ([inf, 30], [1, 1], None, 1, 30),
        ([inf, 30], [1, 1], 10, None, 30),
        ([30, inf], [1, 1], 30, None, 30),
        ([0, 0], [99, 99], 1, 0, 0),  # how long it takes is a guess
        ([inf, inf], [1, 1], None, None, inf),
        ([], [], None, None, inf),
    ],
)
def test_choices(waits, seconds, deadline, place, wait):
    assert choose(waits, seconds, deadline) == (place, wait)


moments = st.one_of(st.just(0.0), st.floats(0, 100), st.just(inf))


@given(st.lists(st.tuples(moments, st.floats(0, 60)), max_size=8), st.one_of(st.none(), st.floats(0.1, 100)))
def test_nobody_before_the_last_that_needs_no_wait_is_much_sooner(options, deadline):
    waits, seconds = [wait for wait, _ in options], [taking for _, taking in options]
    place, wait = choose(waits, seconds, deadline)
    if place is None:
        assert all(w == inf or (deadline is not None and w >= deadline) for w in waits)
        assert wait == min(waits, default=inf)
        return
    assert wait == waits[place]
    assert deadline is None or wait == 0 or wait < deadline
    for earlier in range(place):
        late = deadline is not None and waits[earlier] >= deadline
        mine = waits[place] + seconds[place]
        assert late or waits[earlier] > 0
        assert late or waits[earlier] + seconds[earlier] > mine + TOLERANCE * (1 - 1e-9)
