"""What a newcomer gets wrong, and what their machine has set already."""

from __future__ import annotations

import pytest

from modelmux import Mux, errors

OPENAI = "openai/gpt-5-mini"


def test_a_key_set_for_another_tool_does_not_break_the_rest(no_vendor_keys, monkeypatch) -> None:
    """Cloudflare's token is set on many a machine, and its provider has no address without an account."""
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "test-key")
    assert {name.partition("/")[0] for name in Mux().endpoints} == {"openai"}


@pytest.mark.parametrize(("variable", "native"), [("GEMINI_API_KEY", "gemini"), ("COHERE_API_KEY", "cohere")])
def test_one_key_does_not_list_every_model_twice(no_vendor_keys, monkeypatch, variable, native) -> None:
    monkeypatch.setenv(variable, "test-key")
    assert {name.partition("/")[0] for name in Mux().endpoints} == {native}
    chosen_by_hand = Mux(providers={f"{native}_openai": {"api_key": "test-key"}})
    assert any(name.startswith(f"{native}_openai/") for name in chosen_by_hand.endpoints)


@pytest.mark.parametrize(
    ("messages", "options", "field"),
    [
        (42, {}, "messages"),
        ("hi", {"model": []}, "model"),
        ("hi", {"system": 5}, "system"),
        ("hi", {"stop": 3}, "stop"),
        ("hi", {"stop": [3]}, "stop"),
        *(("hi", {name: "search"}, name) for name in ("tags", "keys", "extra")),
    ],
)
def test_a_malformed_call_names_the_argument(vendors, make_mux, messages, options, field) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        make_mux(OPENAI).chat(messages, **options)
    assert caught.value.field == field
    assert vendors.requests() == []


def test_no_models_is_not_all_models() -> None:
    with pytest.raises(errors.ConfigError, match="models= is empty"):
        Mux([])


@pytest.mark.parametrize(
    "options", [{"policy": "cheepest"}, {"max_cost": "much"}, {"max_cost": 0}, {"default_max_output": -1}]
)
def test_a_wrong_default_is_refused_when_the_mux_is_made(vendors, options) -> None:
    with pytest.raises(errors.ModelmuxError, match=str(next(iter(options.values())))):
        Mux(vendors.endpoints(), **options)


def test_a_near_name_is_suggested_once(no_vendor_keys, monkeypatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
    monkeypatch.setenv("OPENROUTER_API_KEY", "test-key")
    with pytest.raises(errors.UnknownName) as caught:
        Mux(["claude-haiku"])
    suggested = str(caught.value).partition("did you mean ")[2].partition("?")[0].split(" or ")
    assert len(suggested) == len(set(suggested)) > 1
