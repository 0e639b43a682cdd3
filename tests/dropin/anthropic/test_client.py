"""A client's manners: keys, headers, errors, time limits, copies."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import modelmux
import modelmux.anthropic as anthropic
from dropin.anthropic.calls import ASK, ERROR, MESSAGE, STREAM
from dropin.loopback import Loopback, Say


@pytest.fixture
def client(loopback: Loopback) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="test-key", base_url=loopback.url.removesuffix("/v1"))


def test_the_top_level_names_are_the_same_objects():
    assert modelmux.Anthropic is anthropic.Anthropic
    assert modelmux.AsyncAnthropic is anthropic.AsyncAnthropic


def test_every_public_name_is_there():
    assert [name for name in anthropic.__all__ if getattr(anthropic, name, None) is None] == []


@pytest.mark.parametrize(
    "line",
    [
        "from modelmux.anthropic.types.message_param import MessageParam",
        "from modelmux.anthropic.types.beta.beta_message import BetaMessage",
        "from modelmux.anthropic.resources.messages.messages import AsyncMessages",
        "from modelmux.anthropic.types import Message, RawMessageStreamEvent, TextBlock, ToolParam",
    ],
)
def test_deep_modules_can_be_imported_first(line: str):
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_keys_and_headers_come_from_the_environment(loopback: Loopback, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "a token")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", loopback.url.removesuffix("/v1"))
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-one: 1\nX-Two:2\nnonsense")
    loopback.say(MESSAGE)
    anthropic.Anthropic().messages.create(**ASK)
    headers = loopback.seen[0].headers
    assert (headers["authorization"], headers["x-one"], headers["x-two"]) == ("Bearer a token", "1", "2")
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN")
    with pytest.raises(TypeError, match="Could not resolve authentication method"):
        anthropic.Anthropic().messages.create(**ASK)
    with pytest.raises(ValueError, match="at most one"):
        anthropic.Anthropic(api_key="a", auth_token="b")


def test_sampling_parameters_are_still_taken(client: anthropic.Anthropic, loopback: Loopback):
    loopback.say(MESSAGE)
    client.messages.create(**ASK, temperature=0.2, top_p=0.9, top_k=3)
    client.beta.messages.create(**ASK, temperature=0.2)
    assert {"temperature": 0.2, "top_p": 0.9, "top_k": 3}.items() <= loopback.seen[0].json.items()
    assert loopback.seen[1].json["temperature"] == 0.2


def test_errors_copy_and_pickle(client: anthropic.Anthropic, loopback: Loopback):
    loopback.say(Say(ERROR, 404, {"request-id": "req_1"}))
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(**ASK)
    for error in (caught.value, copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert (type(error), error.status_code, error.request_id) == (anthropic.NotFoundError, 404, "req_1")
        assert error.body == ERROR
        assert error.response.status_code == 404
        assert error.request.method == "POST"
        assert str(error) == str(caught.value)


def test_an_unreachable_server_is_a_connection_error(pauses: list[float]):
    client = anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1:9", max_retries=1)
    with pytest.raises(anthropic.APIConnectionError) as caught:
        client.messages.create(**ASK)
    assert not isinstance(caught.value, anthropic.APITimeoutError)
    assert caught.value.__cause__ is not None
    assert len(pauses) == 1


def test_results_are_accepted_as_the_next_calls_input(client: anthropic.Anthropic, loopback: Loopback):
    loopback.say(MESSAGE)
    answer = client.messages.create(**ASK)
    turns = [*ASK["messages"], {"role": "assistant", "content": answer.content}]
    client.messages.create(**{**ASK, "messages": turns})
    assert loopback.seen[1].json["messages"][1]["content"] == MESSAGE["content"]
    again = pickle.loads(pickle.dumps(answer))
    assert again.to_dict() == answer.to_dict() == MESSAGE


@pytest.mark.parametrize("opened", [False, True])
def test_a_file_in_a_message_goes_out_as_base64(
    client: anthropic.Anthropic, loopback: Loopback, tmp_path: Path, opened: bool
):
    path = tmp_path / "image.png"
    path.write_bytes(b"image")
    with path.open("rb") as file:
        data: Any = file if opened else path
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
        result = {"type": "tool_result", "tool_use_id": "one", "content": [image]}
        loopback.say(MESSAGE)
        client.messages.create(**{**ASK, "messages": [{"role": "user", "content": [result]}]})
    sent = loopback.seen[-1].json["messages"][0]["content"][0]["content"][0]
    assert sent["source"]["data"] == "aW1hZ2U="
    assert image["source"]["data"] is data


def test_a_copy_shares_connections_and_changes_what_is_said(client: anthropic.Anthropic, loopback: Loopback):
    other = client.with_options(max_retries=5, timeout=3, default_headers={"X-One": "1"}, api_key="other")
    again = other.with_options(default_headers={"x-one": "2"})
    loopback.say(MESSAGE)
    again.messages.create(**ASK)
    headers = loopback.seen[0].headers
    assert (headers["authorization"], headers["x-one"]) == ("Bearer other", "2")
    assert (again.max_retries, again.timeout, again._wire) == (5, 3, client._wire)
    assert client.api_key == "test-key"


def test_a_stream_left_early_gives_its_connection_back(client: anthropic.Anthropic, loopback: Loopback):
    loopback.say(STREAM)
    with client.messages.create(**ASK, stream=True) as events:
        assert next(events).type == "message_start"
    with client.messages.stream(**ASK) as stream:
        for event in stream:
            if event.type == "text":
                assert stream.current_message_snapshot.content[0].text == event.snapshot
                break
    assert client.messages.count_tokens(model="m", messages=[]) is not None


def test_models_that_are_about_to_go_are_told_of(client: anthropic.Anthropic, loopback: Loopback):
    loopback.say(MESSAGE)
    gone = next(iter(anthropic.resources.messages.DEPRECATED_MODELS))
    with pytest.warns(DeprecationWarning, match=gone):
        client.messages.create(**{**ASK, "model": gone})


def test_clients_of_other_clouds_say_what_to_use():
    for name in ("AnthropicBedrock", "AsyncAnthropicVertex", "AnthropicFoundry"):
        with pytest.raises(TypeError, match=f"has no {name}; use"):
            getattr(anthropic, name)()
    with pytest.raises(TypeError, match="as_vendor"):
        anthropic.Anthropic(api_key="k", middleware=[print])
