"""Who is a candidate, and the reasons of those who are not."""

from __future__ import annotations

import pytest

from modelmux.errors import InvalidRequest, NoCapableEndpoint
from modelmux.routing.needs import RouteOptions
from modelmux.types import Media, Message, Output, ReasoningOptions, Request, ServerTool, Text, Tool, ToolChoice
from routing.fleets import NOW, ask, fleet, model, names, reasons, target

TOOL = Tool("f", "does f", {"type": "object", "properties": {}})


def decide(endpoints, request=None, **options):
    return endpoints.decide(request or ask(), RouteOptions.of(**options), policy="cheapest", now=NOW)


def seeing(kind, media_type, **source):
    return Request((Message("user", (Text("look"), Media(kind, media_type, **source))),))


@pytest.mark.parametrize(
    ("request_", "ability"),
    [
        (ask(tools=(TOOL,)), "tools"),
        (ask(output=Output({"type": "object"})), "schema"),
        (ask(reasoning=ReasoningOptions(effort="high")), "reasoning"),
        (seeing("image", "image/png", data="AAAA"), "vision"),
        (seeing("file", "image/png", data="AAAA"), "vision"),
        (seeing("document", "application/pdf", data="AAAA"), "pdf"),
        (seeing("audio", "audio/wav", data="AAAA"), "audio_in"),
        (seeing("video", "video/mp4", url="https://x.invalid/v"), "video_in"),
        (ask(modalities=("text", "audio")), "audio_out"),
        (ask(modalities=("image",)), "image_out"),
    ],
)
def test_an_endpoint_that_cannot_is_filtered_and_says_what_it_cannot(request_, ability):
    endpoints = fleet(
        target("can", model("can", able=f"chat tools {ability}", price=(9, 9))),
        target("cannot", model("cannot", able=" ".join({"chat", "temperature", "cache"} - {ability}))),
        target("unheard-of", known=False),
    )
    decision = decide(endpoints, request_)
    assert names(decision.ranked) == ["can", "unheard-of"]
    assert reasons(decision) == {"cannot": f"cannot do {ability}"}


def test_abilities_follow_from_modalities():
    endpoints = fleet(target("sees", model("sees", able="chat tools", modalities_in=frozenset({"text", "image"}))))
    assert decide(endpoints, seeing("image", "image/png", data="AAAA")).chosen.name == "sees"


def test_a_model_of_which_nothing_is_said_is_assumed_able():
    endpoints = fleet(target("bare", model("bare", able="chat")))
    assert decide(endpoints, ask(tools=(TOOL,))).chosen.name == "bare"


def test_what_catalogues_seldom_state_excludes_nobody():
    endpoints = fleet(target("a", model("a", able="chat tools")))
    request = ask(
        tools=(TOOL,), tool_choice=ToolChoice("required"), parallel_tool_calls=True, stream=True, logprobs=True
    )
    assert decide(endpoints, request).chosen.name == "a"


def test_switched_off_reasoning_is_not_needed():
    endpoints = fleet(target("plain", model("plain", able="chat tools")))
    for off in (ReasoningOptions(effort="none"), ReasoningOptions(enabled=False), ReasoningOptions(budget=0)):
        assert decide(endpoints, ask(reasoning=off)).chosen.name == "plain"


def test_a_text_document_needs_no_ability():
    endpoints = fleet(target("plain", model("plain", able="chat tools")))
    assert decide(endpoints, seeing("document", "text/plain", text="words")).chosen.name == "plain"


def test_models_that_do_not_chat_are_no_candidates():
    endpoints = fleet(target("talks"), target("embeds", model("embeds", able="embed")))
    decision = decide(endpoints)
    assert names(decision.ranked) == ["talks"]
    assert reasons(decision) == {"embeds": "not a chat model"}


def test_a_server_tool_runs_where_its_wire_is_spoken_or_the_model_has_the_ability():
    request = ask(tools=(ServerTool("web_search", "anthropic.messages"),))
    endpoints = fleet(
        target("native", wire="anthropic.messages", price={"input": 9, "output": 9}),
        target("searches", model("searches", able="chat tools web_search")),
        target("other"),
    )
    decision = decide(endpoints, request)
    assert names(decision.ranked) == ["searches", "native"]
    assert reasons(decision) == {"other": "its provider does not run web_search"}


# --- require and exclude


def family():
    return fleet(
        target("cheap", model("cheap", able="chat tools", price=(0.1, 0.1)), provider="openai", tags={"team": "a"}),
        target("eu", model("eu", price=(1, 1)), provider="mistral", region="eu-west-1", tags={"team": "b"}),
        target("dark", known=False, provider="groq", region="us-east-1"),
    )


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"require": {"vision"}}, ["eu"]),
        ({"require": {"tools"}}, ["cheap", "eu"]),
        ({"require": {"openai"}}, ["cheap"]),
        ({"require": {"openai-alias"}}, ["cheap"]),
        ({"require": {"openai", "groq"}}, ["cheap", "dark"]),
        ({"require": {"openai", "mistral", "vision"}}, ["eu"]),
        ({"require": {"mistral/eu"}}, ["eu"]),
        ({"require": {"mistral:eu"}}, ["eu"]),
        ({"require": "team:a"}, ["cheap"]),
        ({"exclude": {"team:a"}}, ["eu", "dark"]),
        ({"exclude": ["openai", "dark"]}, ["eu"]),
        ({"exclude": {"vision"}}, ["cheap", "dark"]),
        ({"exclude": {"gemini"}}, ["cheap", "eu", "dark"]),
        ({"region": "eu"}, ["eu"]),
        ({"region": "EU-West-1"}, ["eu"]),
        ({"models": ["eu", "groq/dark"]}, ["eu", "dark"]),
        ({"models": "auto"}, ["cheap", "eu", "dark"]),
    ],
)
def test_require_exclude_region_and_models(options, left):
    assert names(decide(family(), **options).ranked) == left


def test_an_ability_required_by_name_must_be_known():
    assert reasons(decide(family(), require={"vision"})) == {
        "cheap": "cannot do vision",
        "dark": "not known to be able to do vision",
    }


def test_several_reasons_are_all_given():
    decision = decide(family(), require={"vision", "mistral"}, region="eu")
    assert reasons(decision)["cheap"] == (
        "cannot do vision; is not mistral, which is required; not known to be in region eu"
    )


@pytest.mark.parametrize(
    ("options", "field", "said"),
    [
        ({"require": {"tools"}, "exclude": {"tools"}}, "require", "both name tools"),
        ({"require": {"tolls"}}, "require", "'tools'"),
        ({"exclude": {"opnai"}}, "exclude", "'opnai'"),
        ({"models": ["gpt-17"]}, "model", "'gpt-17'"),
        ({"require": [3]}, "require", "3"),
        ({"max_cost": "much"}, "max_cost", "much"),
        ({"max_cost": 0}, "max_cost", "more than nothing"),
        ({"max_cost": -1}, "max_cost", "more than nothing"),
    ],
)
def test_contradictions_and_typing_errors_are_named(options, field, said):
    with pytest.raises(InvalidRequest, match=said) as error:
        decide(family(), **options)
    assert error.value.field == field


def test_nobody_left_raises_with_the_exclusion_table():
    with pytest.raises(NoCapableEndpoint) as error:
        decide(family(), region="mars")
    message = str(error.value)
    assert "no endpoint can serve this request" in message
    for name, place in (("cheap", "not known to be in region mars"), ("eu", "is in region eu-west-1, not mars")):
        assert name in message
        assert place in message
    assert error.value.decision.chosen is None
    assert error.value.decision.plan.names == ()
    assert set(reasons(error.value.decision)) == {"cheap", "eu", "dark"}


def test_an_empty_fleet_has_no_capable_endpoint():
    with pytest.raises(NoCapableEndpoint):
        decide(fleet())


# --- sizes and dates


def test_too_small_a_window_and_too_short_an_output():
    endpoints = fleet(
        target("small", model("small", context=2_000)),
        target("terse", model("terse", max_output=100)),
        target("large", model("large", price=(9, 9))),
    )
    decision = decide(endpoints, ask("word " * 3_000, max_tokens=500))
    assert names(decision.ranked) == ["large"]
    said = reasons(decision)
    assert "window of 2,000 tokens is too small" in said["small"]
    assert said["terse"] == "writes at most 100 tokens, max_tokens is 500"


def test_a_region_is_not_the_beginning_of_a_word():
    endpoints = fleet(target("a", region="europe"), target("b", region="eu-north-1"))
    assert names(decide(endpoints, region="eu").ranked) == ["b"]


def test_the_answer_needs_room_in_the_window_too():
    endpoints = fleet(target("full", model("full", context=8_000)), target("large", model("large", price=(9, 9))))
    request = ask("hi", max_tokens=7_000, reasoning=ReasoningOptions(budget=16_000))
    assert names(decide(endpoints, request).ranked) == ["full", "large"]
    request = ask("hi", max_tokens=7_900, reasoning=ReasoningOptions(budget=16_000))
    assert reasons(decide(endpoints, request))["full"].startswith("window of 8,000 tokens is too small")


def test_the_prompt_limit_counts_where_it_is_lower_than_the_window():
    endpoints = fleet(target("a", model("a", context=400_000, max_input=3_000)), target("b", model("b", price=(9, 9))))
    assert names(decide(endpoints, ask("word " * 5_000)).ranked) == ["b"]


def test_an_upper_estimate_alone_does_not_refuse_a_call():
    endpoints = fleet(target("only", model("only", context=5_000)))
    request = ask("word " * 4_000)
    estimate = endpoints.decide(request, now=NOW).needs.tokens
    assert estimate.upper > 5_000
    assert decide(endpoints, request).chosen.name == "only"


def test_retired_models_go_out_by_date_unless_nothing_else_is_left():
    old = target("old", model("old", retired="2025-01-01", price=(0.1, 0.1)))
    new = target("new", model("new", retired="2099-01-01"))
    decision = decide(fleet(old, new))
    assert names(decision.ranked) == ["new"]
    assert reasons(decision) == {"old": "retired on 2025-01-01"}
    assert names(fleet(old, new).decide(ask(), policy="cheapest", now=NOW - 86_400 * 365).ranked) == ["old", "new"]
    assert decide(fleet(old)).chosen.name == "old"
