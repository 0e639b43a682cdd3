"""From settings to endpoints: limits, several keys, and the names under which state is kept."""

from __future__ import annotations

import pytest

from modelmux import Mux, config
from modelmux._resolve import ProviderSettings, Surroundings, resolve_all
from modelmux.endpoint import Endpoint
from modelmux.errors import ConfigError
from modelmux.routing.claims import Blocked
from modelmux.routing.limits import Limits, Taken

MODEL = "openai/gpt-5-mini"
KEYS = ["test-key-1", "test-key-2", "test-key-3"]
NAMES = [MODEL, f"{MODEL}#2", f"{MODEL}#3"]


def resolved(*models: object, environ: dict[str, str] | None = None, **settings: object):
    given = {"openai": ProviderSettings(**settings)} if settings else {}
    return resolve_all(models, Surroundings(given, environ or {"OPENAI_API_KEY": "test-key"}))


def revealed(targets):
    return [target.key.reveal() for target in targets]


@pytest.mark.parametrize(
    "targets",
    [
        lambda: resolved(Endpoint(MODEL, api_key=KEYS)),
        lambda: resolved(MODEL, api_keys=KEYS),
        lambda: resolved(MODEL, api_key=KEYS),
        lambda: resolved(MODEL, api_key=KEYS[0], api_keys=KEYS),
    ],
)
def test_each_key_is_an_endpoint_and_they_are_equals(targets):
    found = targets()
    assert [target.name for target in found] == NAMES
    assert revealed(found) == KEYS
    assert {target.group for target in found} == {0}


def test_a_model_named_in_a_call_has_all_the_keys_too():
    mux = Mux("anthropic/claude-haiku-4-5", providers={"openai": {"api_keys": KEYS}})
    assert sorted(candidate.name for candidate in mux.explain("Hi", model=MODEL).ranked) == NAMES


def test_an_address_of_its_own_gets_none_of_the_providers_keys_or_limits():
    (own,) = resolved(Endpoint(MODEL, base_url="https://proxy.invalid/v1"), api_keys=KEYS, rpm=5)
    assert own.key is None
    assert own.key_limits == {}


@pytest.mark.parametrize("wrong", [[], [""], ["test-key", 3], 3, ["test-key", None]])
def test_what_is_no_key_is_refused_without_being_shown(wrong):
    with pytest.raises(ConfigError, match="api_key") as caught:
        resolved(Endpoint(MODEL, api_key=wrong))
    assert "test-key" not in str(caught.value)


def test_one_string_is_no_list_of_keys():
    with pytest.raises(ConfigError, match="api_keys"):
        resolved(MODEL, api_keys="test-key")


def test_scopes_name_endpoint_key_and_provider_at_its_origin_and_hold_no_key():
    first, second, _ = resolved(MODEL, api_keys=KEYS)
    assert first.scopes.endpoint == MODEL
    assert second.scopes.endpoint == f"{MODEL}#2"
    assert first.scopes.provider == second.scopes.provider == "openai at https://api.openai.com:443"
    assert first.scopes.key != second.scopes.key
    assert not any(key in scope for key in KEYS for target in (first, second) for scope in target.scopes)
    assert first.scopes_with(second.key) == first.scopes._replace(key=second.scopes.key)


def test_limits_of_an_endpoint_and_of_its_key():
    given = {"rpm": 100, "tpm": 2_000, "itpm": 3_000, "otpm": 4_000, "concurrency": 5}
    (target,) = resolved(Endpoint(MODEL, **given), rpm=50)
    assert {name: getattr(target, name) for name in given} == given
    assert target.key_limits == {"rpm": 50}


@pytest.mark.parametrize("limit", ["rpm", "tpm", "itpm", "otpm", "concurrency"])
@pytest.mark.parametrize("value", [0, -3, 1.5, True, "60"])
def test_a_limit_that_makes_no_sense_names_its_field(limit, value):
    with pytest.raises(ConfigError, match="whole number") as caught:
        resolved(Endpoint(MODEL, **{limit: value}))
    assert caught.value.field == limit
    with pytest.raises(ConfigError) as caught:
        Mux(MODEL, providers={"openai": {"api_key": "test-key", limit: value}})
    assert caught.value.field == limit


def test_a_keys_limit_holds_over_all_its_models():
    targets = resolved(MODEL, "openai/gpt-5-nano", rpm=100)
    state = Limits()
    for target in targets:
        state.add(target)
    for turn in range(8):
        assert isinstance(state.take(targets[turn % 2].scopes, 1, 1, 0.0), Taken)
    assert isinstance(state.take(targets[0].scopes, 1, 1, 0.0), Blocked)
    assert isinstance(state.take(targets[1].scopes, 1, 1, 0.0), Blocked)


def test_a_file_says_it_all():
    data = {
        "providers": {"openai": {"api_key_env": ["FIRST", "SECOND"], "rpm": 500, "concurrency": 20}},
        "endpoints": [{"model": MODEL, "api_key": KEYS, "itpm": 10, "otpm": 20}],
    }
    made = config.parse(data).arguments({"FIRST": "test-key-1", "SECOND": "test-key-2"})
    settings = made["providers"]["openai"]
    assert settings["api_key"] == ["test-key-1", "test-key-2"]
    assert (settings["rpm"], settings["concurrency"]) == (500, 20)
    (endpoint,) = made["models"]
    assert (endpoint.api_key, endpoint.itpm, endpoint.otpm) == (KEYS, 10, 20)
    assert len(Mux(config=data | {"providers": {}}).endpoints) == 3


def test_a_file_names_the_limit_that_is_wrong():
    with pytest.raises(ConfigError, match=r"providers\.openai\.rpm"):
        config.parse({"providers": {"openai": {"rpm": 0}}})
