"""What is tried when some endpoints can't be asked now, whatever the policy."""

from __future__ import annotations

import json
import pickle
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux.routing import policies
from modelmux.routing.claims import Blocked
from modelmux.routing.health import Snapshot
from modelmux.routing.needs import RouteOptions
from modelmux.routing.plan import Plan, Step
from modelmux.routing.standing import LAST_RESORT
from routing.fleets import NOW, ask, fleet, model, target

NAMES = ("a", "b", "c", "d")
FLEET = fleet(*(target(name, model(name, price=(place, place)), group=place) for place, name in enumerate(NAMES, 1)))


def ejected(until: float = 13.2, *, probing: bool = False) -> Blocked:
    return Blocked(until, "breaker of the endpoint open: 5 failures, last ServerError (HTTP 500)", probing=probing)


def limited(until: float = 12.0) -> Blocked:
    return Blocked(until, "limit of 60 requests a minute")


def decide(blocked, policy="cheapest", **more):
    return FLEET.decide(
        ask(), policy=policy, snapshot=Snapshot(at=10.0, blocked=blocked), rng=Random(1), now=NOW, **more
    )


def plan(blocked, policy="cheapest"):
    return decide(blocked, policy).plan.names


def test_the_ejected_are_left_out_and_the_rest_keep_their_order():
    assert plan({}) == ("a", "b", "c", "d")
    assert plan({"a": ejected(), "c": ejected()}) == ("b", "d")
    assert decide({"a": ejected()}).plan.max_attempts == 3


def test_those_at_a_limit_come_after_those_that_are_free():
    assert plan({"a": limited(14.0), "b": limited(11.0)}) == ("c", "d", "b", "a")
    assert plan({"a": limited(), "b": ejected(), "c": ejected(), "d": ejected()}) == ("a",)
    assert plan(dict.fromkeys(NAMES, limited())) == NAMES


def test_when_all_are_ejected_one_attempt_goes_where_a_probe_is_due_first():
    decision = decide({"a": ejected(19.0), "b": ejected(12.0), "c": ejected(11.0, probing=True), "d": ejected(13.0)})
    assert decision.plan == Plan((Step(("b",)),), 1)
    assert decision.chosen.name == "b"
    assert LAST_RESORT in decision.note
    assert LAST_RESORT in str(decision)


def test_the_only_endpoint_is_never_refused():
    alone = fleet(target("a"))
    decision = alone.decide(ask(), snapshot=Snapshot(blocked={"a": ejected()}), now=NOW)
    assert decision.plan.names == ("a",)


def test_a_decision_says_who_was_passed_over_and_why():
    decision = decide({"a": ejected(), "b": limited(), "elsewhere": ejected()})
    said = {
        "a": "breaker of the endpoint open: 5 failures, last ServerError (HTTP 500); next in 3.2 s",
        "b": "limit of 60 requests a minute; next in 2.0 s",
    }
    assert decision.explain()["passed_over"] == said
    assert json.loads(json.dumps(decision.explain())) == decision.explain()
    assert "passed over:" in str(decision)
    assert all(line in str(decision) for line in said.values())
    assert [row.name for row in decision.ranked] == list(NAMES)
    assert decision.policy == "cheapest"
    copy = pickle.loads(pickle.dumps(decision))
    assert (str(copy), copy) == (str(decision), decision)


def test_nothing_is_said_while_nothing_is_blocked():
    assert decide({}).passed_over == {}
    assert decide({"elsewhere": ejected()}).passed_over == {}
    assert "passed over" not in str(decide({}))


def test_more_endpoints_than_a_plan_holds():
    many = fleet(*(target(f"e{n:02}", model(f"e{n:02}", price=(n, n))) for n in range(40)))
    shut = {f"e{n:02}": ejected() for n in range(20)}
    decision = many.decide(ask(), policy="cheapest", snapshot=Snapshot(blocked=shut), now=NOW)
    assert decision.plan.names == tuple(f"e{n:02}" for n in range(20, 36))


def racing(needs, candidates, snapshot, rng):
    """Somebody else's policy, with steps of its own."""
    steps = (Step(("d", "a"), "race", len), Step(("b",)), Step(("c", "d")))
    return candidates.decide(NAMES, policy="racing", plan=Plan(steps, 2), note="as ever")


def test_a_plan_of_somebody_elses_keeps_its_shape():
    decision = decide({"b": ejected(), "d": limited()}, racing)
    assert decision.plan == Plan((Step(("a", "d"), "race", len), Step(("c", "d"))), 2)
    assert decision.note == "as ever"
    decision = decide(dict.fromkeys(NAMES, ejected()), racing)
    assert decision.plan == Plan((Step(("d",)),), 1)
    assert decision.note == f"as ever; {LAST_RESORT}"


def test_a_list_of_its_own_is_not_filled_up_with_others():
    def only_two(needs, candidates, snapshot, rng):
        return candidates.decide(NAMES, policy="two", plan=Plan((Step(("c", "a")),)))

    assert decide({"c": ejected()}, only_two).plan.names == ("a",)
    assert decide({"c": ejected(12.0), "a": ejected(11.0)}, only_two).plan.names == ("a",)


@pytest.mark.parametrize("policy", policies.names())
@given(
    shut=st.dictionaries(
        st.sampled_from(NAMES),
        st.builds(ejected, st.floats(10, 99), probing=st.booleans()) | st.builds(limited, st.floats(10, 99)),
    )
)
def test_any_policy_with_any_of_them_blocked(policy, shut):
    names = plan(shut, policy)
    open_ones = [name for name in NAMES if name not in shut]
    waiting = {name for name, block in shut.items() if block.reason.startswith("limit")}
    assert names
    assert len(set(names)) == len(names)
    assert set(names[: len(open_ones)]) == set(open_ones)
    if open_ones or waiting:
        assert set(names) == {*open_ones, *waiting}
        assert [shut[name].until for name in names[len(open_ones) :]] == sorted(shut[name].until for name in waiting)
    else:
        assert len(names) == 1
        fit = [name for name in NAMES if not shut[name].probing] or NAMES
        assert shut[names[0]].until == min(shut[name].until for name in fit)


def test_constraints_still_hold_when_all_that_meet_them_are_ejected():
    decision = decide({"b": ejected()}, options=RouteOptions.of(require={"b"}))
    assert decision.plan.names == ("b",)
