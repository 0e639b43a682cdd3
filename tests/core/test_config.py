from __future__ import annotations

from pathlib import Path

import pytest

from modelmux import config
from modelmux.endpoint import Endpoint
from modelmux.errors import ConfigError

GOOD = """
models = ["openai/gpt-5-mini", ["anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"]]
policy = "cheapest"
deadline = 30

[providers.openai]
api_key_env = "MY_KEY"
base_url = "https://proxy.example/v1"

[[endpoints]]
model = "openai_compatible/qwen3"
base_url = "http://localhost:8000/v1"
price = { input = "0.1", output = 2 }
tags = { zone = "kr" }
"""


def test_a_file_becomes_the_arguments_of_a_mux(tmp_path: Path) -> None:
    path = tmp_path / "modelmux.toml"
    path.write_text(GOOD, "utf-8")
    arguments = config.from_file(path).arguments({"MY_KEY": "test-key"})
    assert arguments["policy"] == "cheapest"
    assert arguments["providers"]["openai"] == {
        "api_key": "test-key",
        "base_url": "https://proxy.example/v1",
        "headers": {},
    }
    assert arguments["models"][1] == ["anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"]
    last = arguments["models"][2]
    assert isinstance(last, Endpoint)
    assert (last.model, last.price, last.tags) == (
        "openai_compatible/qwen3",
        {"input": "0.1", "output": 2},
        {"zone": "kr"},
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("polcy = 'x'", "polcy: no key is called 'polcy'; did you mean 'policy'"),
        ("[providers.openai]\napi_kee = 'x'", "did you mean 'api_key'"),
        ("[[endpoints]]\nmodel = 'a/b'\nbase_ulr = 'x'", "did you mean 'base_url'"),
        ("deadline = -1", "deadline: Input should be greater than 0"),
        ("durability = 'sometimes'", "durability: Input should be 'journal', 'fsync' or 'none'"),
        ("models = [", "is not TOML"),
    ],
)
def test_a_wrong_key_is_named_with_the_nearest_valid_one(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        config.from_file(path)
    assert says in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        config.from_file(tmp_path / "nowhere.toml")


def test_a_key_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(ConfigError, match="MY_KEY, which is not set"):
        config.parse({"providers": {"openai": {"api_key_env": "MY_KEY"}}}).arguments({})


def test_the_environment_goes_over_the_file_it_names(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("policy = 'best'\ndeadline = 9", "utf-8")
    environ = {"MODELMUX_CONFIG": str(path), "MODELMUX_POLICY": "fastest", "MODELMUX_MODELS": "a/b, c/d"}
    read = config.from_env(environ)
    assert (read.policy, read.deadline, read.models) == ("fastest", 9, ["a/b", "c/d"])


def test_a_misspelt_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="MODELMUX_POLICY"):
        config.from_env({"MODELMUX_POLCY": "x"})


def test_a_wrong_value_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse({"providers": {"openai": {"api_key": ["very-secret-word"]}}})
    assert "very-secret-word" not in str(caught.value)
