"""Counting learned from reported usage. Models and counts here are made up; the recordings are in test_tokens.py."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux import tokens
from modelmux.catalogue.tokenizers import UNKNOWN
from modelmux.routing import learning
from modelmux.routing.learning import PLAIN, Learned, parts, script_of
from modelmux.routing.table import Fleet
from modelmux.types import Media, Message, Output, Request, ServerTool, Text, Tool, ToolCall, ToolResult, Usage
from routing.fleets import ask, fleet, model, target

WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel")
BASE = tokens.profile("m", "openai.chat")


def prompt(rng: random.Random, most: int = 400) -> Request:
    return ask(" ".join(rng.choices(WORDS, k=rng.randint(5, most))))


def learn(known: Learned, count: int, truth, *, outlier=None) -> random.Random:
    rng = random.Random(5)
    for number in range(count):
        measure = tokens.measure(prompt(rng))
        reported = truth(measure)
        if outlier is not None and number % 10 == 9:
            reported = outlier(reported)
        known.learn("m", BASE, measure, reported)
    return rng


def off(known: Learned, rng: random.Random, truth) -> float:
    errors = []
    for _ in range(40):
        measure = tokens.measure(prompt(rng))
        errors.append(abs(measure.estimate(known.profile("m", PLAIN)).expected / truth(measure) - 1))
    return sorted(errors)[len(errors) // 2]


class Unlearned:
    @staticmethod
    def profile(name: str, script: str):
        return BASE


def strange(measure) -> int:
    """A tokenizer that finds half as many again, behind a long prompt of its own."""
    return int(60 + 1.5 * sum(parts(measure, BASE)[:-1]))


def right(measure) -> int:
    return int(sum(parts(measure, BASE)[:-1]))


def test_fifty_calls_teach_a_strange_tokenizer():
    known = Learned()
    rng = learn(known, 50, strange)
    assert off(known, rng, strange) <= 0.06
    assert off(Unlearned(), rng, strange) > 0.25


@pytest.mark.parametrize("outlier", [lambda n: n * 12, lambda n: max(1, n // 12)], ids=["added", "dropped"])
def test_outliers_count_little(outlier):
    known = Learned()
    rng = learn(known, 80, strange, outlier=outlier)
    assert off(known, rng, strange) <= 0.15


def test_what_is_right_already_stays():
    known = Learned()
    rng = learn(known, 50, right)
    assert off(known, rng, right) <= 0.02


def test_it_follows_a_change():
    known = Learned()
    learn(known, 200, right)
    rng = learn(known, 150, strange)
    assert off(known, rng, strange) <= 0.12


def test_bounds_never_learn():
    known = Learned()
    learn(known, 50, strange)
    measure = tokens.measure(ask("alpha bravo " * 50))
    assert measure.estimate(known.profile("m", PLAIN)).bound == measure.estimate(BASE).bound


def test_scripts_are_learned_apart():
    known = Learned()
    known.learn("m", BASE, tokens.measure(ask("안녕하세요 반갑습니다")), 40)
    assert known.profile("m", "hangul") is not None
    assert known.profile("m", PLAIN) is None
    assert known.profile("other", "hangul") is None


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("plain words", PLAIN),
        ("", PLAIN),
        ("naïve café", "latin"),
        ("one é in a long enough line of ASCII", PLAIN),
        ("오늘 날씨가 좋다", "hangul"),
        ("какая сегодня погода", "cyrillic"),
        ("今日はいい天気ですね", "kana"),
        ("今天天气很好", "han"),
        ("🎉🎉🎉 party", PLAIN),
    ],
)
def test_scripts(text, script):
    assert script_of(tokens.measure(ask(text))) == script


@pytest.mark.parametrize(
    "request_",
    [
        Request((Message("user", (Media("image", "image/png", data="AAAA"),)),)),
        Request((Message("user", (Media("document", "application/pdf", data="AAAA"),)),)),
        Request((Message("user", (Text("hi"),)),), tools=(ServerTool("web_search", "openai.chat"),)),
        Request((Message("user", (Text("hi"),)),), extra={"openai.chat": {"previous_response_id": "r1"}}),
    ],
    ids=["image", "pdf", "server tool", "kept by the vendor"],
)
def test_input_that_is_not_in_the_request_teaches_nothing(request_):
    known = Learned()
    known.learn("m", BASE, tokens.measure(request_), 500)
    known.learn("m", tokens.profile("x/compound"), tokens.measure(ask("hi")), 500)
    known.learn("m", BASE, tokens.measure(ask("hi")), 0)
    assert not known.models


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(learning, "LIMIT", 3)
    known = Learned()
    for number in range(9):
        known.learn(f"m{number}", BASE, tokens.measure(ask("hello there")), 90)
    assert len(known.models) == 3
    before = known.profile("m0", PLAIN)
    known.learn("m0", BASE, tokens.measure(ask("hello there")), 90)
    assert known.profile("m0", PLAIN) is not before


TOOL = Tool("look_up", "Looks things up", {"type": "object", "properties": {"what": {"type": "string"}}})
SCHEMA = Output(schema={"type": "object", "properties": {"answer": {"type": "string"}}})
TURNS = (
    Message("assistant", (Text("let me see", signature="sig" * 20), ToolCall("1", "look_up", {"what": "x"}))),
    Message("tool", (ToolResult("1", (Text("found it"),)),)),
)


@given(st.text(max_size=200), st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["openai.chat", None]))
def test_the_parts_add_up_to_the_estimate(text, tools, schema, turns, wire):
    messages = ask(text).messages + (TURNS if turns else ())
    request = Request(messages, tools=(TOOL,) if tools else (), output=SCHEMA if schema else None)
    profile = tokens.profile("m", wire)
    measure = tokens.measure(request)
    assert int(sum(parts(measure, profile)[:-1]) + 1e-9) == pytest.approx(measure.estimate(profile).expected, abs=1)


# --- in the fleet


def test_a_fleet_counts_as_its_answers_taught_it():
    made = fleet(target("one", model("one")), target("two", model("two")))
    request = ask("alpha bravo charlie " * 20)
    before = made.decide(request)
    for _ in range(50):
        decision = made.decide(request)
        made.learn("one", decision.needs, Usage({"input": 150, "cache_read": 50}))
    after = made.decide(request)
    assert after.input_tokens("one") == pytest.approx(200, rel=0.03)
    assert after.input_tokens("two") == before.input_tokens("two") != pytest.approx(200, rel=0.03)
    assert after.bound("one") == before.bound("one")
    cost = {one.name: one.expected_cost for one in after.ranked}
    assert cost["one"] > cost["two"]


def test_a_model_on_two_endpoints_learns_once():
    shared = Learned()
    made = [fleet_of(shared), fleet_of(shared)]
    request = ask("alpha bravo charlie " * 20)
    for _ in range(50):
        made[0].learn("a", made[0].decide(request).needs, Usage({"input": 300}))
    for one in made:
        assert one.decide(request).input_tokens("a") == one.decide(request).input_tokens("b")
        assert one.decide(request).input_tokens("a") == pytest.approx(300, rel=0.03)


def fleet_of(shared: Learned):
    info = model("m")
    return Fleet([target("a", info), target("b", info)], learned=shared)


def test_usage_that_was_counted_here_teaches_nothing():
    made = fleet(target("one"))
    decision = made.decide(ask("hello"))
    for _ in range(20):
        made.learn("one", decision.needs, Usage({"input": 999}, reported=False))
        made.learn("one", None, Usage({"input": 999}))
    assert made.decide(ask("hello")).input_tokens("one") == decision.input_tokens("one")


def test_the_unknown_profile_learns_too():
    known = Learned()
    for _ in range(30):
        known.learn("m", UNKNOWN, tokens.measure(ask("hello there, how are you")), 60)
    assert tokens.measure(ask("hello there, how are you")).estimate(
        known.profile("m", PLAIN)
    ).expected == pytest.approx(60, abs=2)
