"""Calls at a time: a fixed number, one that adapts, and the line of those who wait."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux.routing.concurrency import DECREASE, FORGET, Slots
from modelmux.routing.pauses import LONGEST_WAIT, Pause


def test_nothing_is_limited_until_a_refusal():
    slots = Slots()
    assert slots.room(10_000, 0.0)
    assert slots.most is None
    assert slots.idle(0.0)


def test_a_refusal_sets_the_limit_below_what_was_under_way():
    slots = Slots()
    slots.refused(1.0, 0.5, 20)
    assert slots.most == int(20 * DECREASE)
    assert not slots.room(14, 1.0)
    assert slots.room(13, 1.0)


def test_one_decrease_a_round_trip():
    slots = Slots()
    for _ in range(10):
        slots.refused(1.0, 0.5, 20)
    assert slots.most == 14
    slots.refused(2.0, 1.5, 14)
    assert slots.most == 9


def test_a_refusal_of_a_lone_call_is_no_matter_of_concurrency():
    slots = Slots()
    slots.refused(1.0, 0.5, 1)
    assert slots.most is None


def test_a_limits_worth_of_successes_raises_it_by_one():
    slots = Slots()
    slots.refused(1.0, 0.5, 20)
    for _ in range(16):
        slots.left(2.0, 0.1, 14)
    assert slots.most == 15


def test_successes_of_an_idle_endpoint_say_nothing_about_more():
    slots = Slots()
    slots.refused(1.0, 0.5, 20)
    for _ in range(100):
        slots.left(2.0, 0.1, 1)
    assert slots.most == 14


def test_it_is_forgotten_after_some_quiet_minutes():
    slots = Slots(cap=50)
    slots.refused(1.0, 0.5, 20)
    slots.left(1.0 + FORGET + 1, 0.1, 1)
    assert slots.most == 50


@pytest.mark.parametrize("capacity", [4, 10, 30])
def test_it_settles_near_what_the_vendor_can_do(capacity):
    """A vendor that serves ``capacity`` at a time, 100 callers that always want more: 100 rounds of a second."""
    slots, served, refused = Slots(), 0, 0
    for moment in range(100):
        started = min(100, slots.most or 100)
        for call in range(started):
            at = moment + 0.9
            if call < capacity:
                slots.left(at, 0.9, started)
                served += moment >= 20
            else:
                slots.refused(at, float(moment), started)
                refused += moment >= 20
    assert served > 0.75 * 80 * capacity
    assert refused < 0.15 * served


def test_who_waited_goes_before_who_comes_now():
    slots, rng = Slots(cap=1), Random(1)
    back = slots.comes_back(0.0, rng, patience=10.0)
    assert not slots.room(0, back)
    assert slots.room(0, back, waited=True)
    slots.entered(waited=True)
    assert slots.room(0, back)


def test_a_place_in_the_line_is_kept_only_for_who_waits_and_not_for_long():
    slots, rng = Slots(cap=1), Random(1)
    slots.comes_back(0.0, rng)
    assert slots.room(0, 0.0)
    back = slots.comes_back(0.0, rng, patience=10.0)
    assert slots.room(0, back + 0.1)


def test_the_wait_is_as_long_as_the_line():
    """10 at a time, half a second each: a turn is 50 ms."""
    slots, rng = Slots(cap=10), Random(1)
    slots.left(0.0, 0.5, 1)
    waits = [slots.comes_back(0.0, rng, patience=100.0) for _ in range(20)]
    for place, wait in enumerate(waits, 1):
        assert 0.8 * 0.05 * place <= wait <= 0.05 * place + 1e-9


@pytest.mark.parametrize("seconds", [0.05, 1.0, 20.0])
def test_a_full_endpoint_is_kept_busy_and_nobody_starves(seconds):
    """60 callers, 10 at a time, calls of half to one and a half ``seconds``: in virtual time."""
    slots, rng = Slots(cap=10), Random(7)
    flying, busy, ends = 0, 0.0, 200 * seconds
    waits: list[float] = []
    # (time, number, what, when the caller came)
    events = [(rng.random() * seconds, number, "asks", None) for number in range(60)]
    heapify(events)
    while events[0][0] < ends:
        at, number, what, came = heappop(events)
        if what == "ends":
            flying -= 1
            slots.left(at, at - came, flying + 1)
            heappush(events, (at, number, "asks", None))
        elif slots.room(flying, at, waited=came is not None):
            slots.entered(waited=came is not None)
            flying += 1
            took = seconds * (0.5 + rng.random())
            busy += took
            waits.append(at - (at if came is None else came))
            heappush(events, (at + took, number, "ends", at))
        else:
            back = slots.comes_back(at, rng, patience=1e9, waited=came is not None)
            assert back > at
            heappush(events, (back, number, "asks", at if came is None else came))
    assert busy > 0.9 * 10 * ends
    assert max(waits) < 25 * seconds


# --- pauses


@given(st.floats(0, 1e4), st.floats(0, 3_600), st.integers(1, 500), st.integers(0, 2**32))
def test_a_pause_is_never_shorter_than_asked(at, asked, flying, seed):
    pause = Pause()
    pause.hit(at, at, asked, flying, Random(seed))
    assert at + asked <= pause.earliest(at) <= at + asked + 0.25 + 1e-9


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_the_latest_end_counts(asked):
    pause, rng = Pause(), Random(1)
    for seconds in asked:
        pause.hit(0.0, 0.0, seconds, 1, rng)
    assert pause.earliest(0.0) >= max(asked)


def test_as_many_a_second_are_let_out_as_were_under_way():
    pause, rng = Pause(), Random(1)
    pause.hit(0.0, 0.0, 5.0, 40, rng)
    starts = []
    for _ in range(200):
        starts.append(pause.earliest(1.0))
        pause.release(starts[-1], rng)
    assert starts == sorted(set(starts))
    assert 4 < starts[-1] - starts[0] < 6


def test_two_seconds_after_the_wait_nobody_is_held():
    pause, rng = Pause(), Random(1)
    pause.hit(0.0, 0.0, 5.0, 1, rng)
    at = pause.until + 3
    for _ in range(50):
        assert pause.earliest(at) == at
        pause.release(at, rng)


def test_waits_without_a_word_from_the_vendor_have_an_end():
    pause, at = Pause(), 0.0
    for _ in range(100):
        pause.hit(at, at, None, 1, Random(1))
        assert pause.until - at <= LONGEST_WAIT
        at = pause.until
