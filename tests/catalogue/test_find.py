"""Finding a model: by its name, never by likeness. And what every packaged catalogue file must keep to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from modelmux import catalogue
from modelmux.catalogue import Model, find, load, register
from modelmux.cost.units import PER


@pytest.mark.parametrize(
    ("provider", "name", "found"),
    [
        ("openai", "gpt-5-mini", "gpt-5-mini"),
        ("openai", "openai/gpt-5-mini", "gpt-5-mini"),
        ("openai", "gpt-5.6-sol-2026-07-01", "gpt-5.6-sol"),
        ("google", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini", "gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("anthropic", "claude-3-7-sonnet-20250219", "claude-3-7-sonnet-latest"),
        ("anthropic", "claude-opus-5-5-20261001", "claude-opus-5-5"),
        ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
    ],
)
def test_names_that_stand_for_a_model(provider: str, name: str, found: str) -> None:
    model = find(provider, name)
    assert model is not None
    assert model.id == found


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("openai", "gpt-5-mini-turbo"),
        ("openai", "gpt-5-mi"),
        ("openai", "my-gpt-5-mini"),
        ("openai", "gpt-9-imaginary-mini"),
        ("openai", "anthropic/claude-sonnet-4-6"),
        ("openai", "gpt-5-mini-2025-13-07"),
        ("openai", "gpt-5-mini-2025"),
        ("openai", ""),
        ("anthropic", "claude-sonnet"),
        ("bedrock", "anthropic.claude-sonnet-4-5"),
        ("nobody", "gpt-5-mini"),
        ("clova", "HCX-007"),
        ("kakao", "kanana"),
    ],
)
def test_nothing_is_guessed(provider: str, name: str) -> None:
    assert find(provider, name) is None


def test_a_regional_profile_has_its_own_price() -> None:
    plain, regional = (
        find("bedrock", f"{prefix}.anthropic.claude-sonnet-4-5-20250929-v1:0") for prefix in ("global", "us")
    )
    assert plain is not None
    assert regional is not None
    assert Decimal(regional.prices[-1].rates["input"]) == Decimal("1.1") * Decimal(plain.prices[-1].rates["input"])


def test_a_model_is_one_object() -> None:
    assert find("openai", "gpt-5-mini") is find("openai", "openai/gpt-5-mini")


def test_a_registered_model_is_found_and_replaces() -> None:
    model = Model("tiny-test-model", "openai", aliases=("tiny",))
    try:
        register(model)
        assert find("openai", "tiny-test-model") is model
        assert find("openai", "tiny") is model
    finally:
        for name in ("tiny-test-model", "tiny"):
            del catalogue._registered["openai", name]
        find.cache_clear()


def test_what_is_known_of_a_model() -> None:
    model = find("openai", "gpt-5-mini")
    assert model is not None
    assert {"chat", "tools", "schema", "vision", "reasoning"} <= model.abilities
    assert model.modalities_in >= {"text", "image"}
    assert model.context == 400_000
    assert model.max_output == 128_000
    assert model.released == "2025-08-07"


def test_every_file_keeps_the_rules() -> None:
    names = catalogue.providers()
    assert len(names) > 100
    for name in names:
        loaded = load(name)
        for alias, target in loaded.aliases.items():
            assert target in loaded, (name, alias)
            assert alias not in loaded, (name, alias)
        for model_id in loaded:
            _check(loaded[model_id])


def _check(model: Model) -> None:
    where = f"{model.provider}/{model.id}"
    for limit in (model.context, model.max_input, model.max_output):
        assert limit is None or limit > 0, where
    if model.released is not None:
        date.fromisoformat(model.released if len(model.released) > 7 else f"{model.released}-01"[:10])
    for version in model.prices:
        assert version.source, where
        assert version.start is None or version.end is None or version.start < version.end, where
        for rates in (version.rates, *(tier["rates"] for tier in version.tiers)):
            for unit, amount in rates.items():
                assert unit in PER, (where, unit)
                assert Decimal(amount) >= 0, (where, unit)
                assert "E" not in amount.upper(), (where, unit)
        assert all(isinstance(tier["above"], int) and tier["above"] > 0 for tier in version.tiers), where
        for window in version.windows:
            assert 0 <= window["from"] < window["to"] <= 1440, where


def test_rows_are_answered_by_their_own_file() -> None:
    for name in ("openai", "anthropic", "gemini", "vertex", "azure", "xai", "deepseek", "mistral", "groq", "bedrock",
                 "openrouter", "perplexity", "deepinfra", "moonshot", "upstage", "cerebras", "together", "fireworks",
                 "cohere", "voyage"):  # fmt: skip
        priced = [model_id for model_id in load(name) if load(name)[model_id].prices]
        assert priced, name
