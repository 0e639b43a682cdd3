"""What would split a request, climb out of a path or carry a key elsewhere is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from engines.loopback import Server, answer
from modelmux import Endpoint, Mux
from modelmux._resolve import ProviderSettings, Surroundings, resolve
from modelmux._upstream import http_request
from modelmux.errors import ConfigError, InvalidRequest, MissingKey, ModelmuxError, ProviderError
from modelmux.providers import get, names

BREAKS = ["\r", "\n", "\0", "\r\n", "\x7f"]
OPENAI = "openai/gpt-5-mini"


@pytest.mark.parametrize("bad", BREAKS)
def test_a_line_break_is_refused_by_the_fields_name(bad: str) -> None:
    with Server([answer()]) as server:
        mux = Mux(Endpoint(OPENAI, base_url=server.url, api_key="test-key"))
        asked: dict[str, Any] = {
            "model": lambda: mux.chat("hello", model=f"openai/gpt{bad}x"),
            "tags.user": lambda: mux.chat("hello", tags={"user": f"a{bad}b"}),
            "tags": lambda: mux.chat("hello", tags={f"a{bad}b": "x"}),
            "keys.openai": lambda: mux.chat("hello", keys={"openai": f"a{bad}b"}),
            "api_key": lambda: Mux(Endpoint(OPENAI, base_url=server.url, api_key=f"a{bad}b")),
            "base_url": lambda: Mux(Endpoint(OPENAI, base_url=f"{server.url}/{bad}x", api_key="test-key")),
            "providers.openai.headers.x-a": lambda: Mux(OPENAI, providers={"openai": {"headers": {"x-a": f"a{bad}b"}}}),
        }
        for field, call in asked.items():
            with pytest.raises((ConfigError, InvalidRequest)) as caught:
                call()
            assert caught.value.field == field
        assert server.connections == 0


@pytest.mark.parametrize("bad", ["\\", " ", "#x"])
def test_an_address_that_readers_read_differently_is_refused(bad: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        Mux(Endpoint(OPENAI, base_url=f"https://good.example/{bad}", api_key="test-key"))


@pytest.mark.parametrize("region", ["x.evil.example/", "a@b", "../x", "a b", "a#"])
def test_a_region_cannot_move_the_host(region: str) -> None:
    with pytest.raises(ConfigError, match="region"):
        Mux(Endpoint("bedrock/amazon.nova-lite-v1:0", region=region, api_key="test-key"))


IN_PATH = ["gemini/{}", "bedrock/{}"]


@pytest.mark.parametrize("model", ["a?key=b", "a#b", "a b", "a%2e", "ü", "tuned/a"])
@pytest.mark.parametrize("named", IN_PATH)
def test_a_model_stays_in_its_place_in_the_path(named: str, model: str) -> None:
    target = resolve(
        Endpoint(named.format(model), base_url="https://host.example/v1", api_key="test-key"), _nowhere({})
    )
    url = http_request(target, {}, stream=False).url
    assert url.startswith("https://host.example/v1/")
    path, _, query = url.partition("?")
    assert not query
    assert not set(path) & set("#? ")
    plain = http_request(
        resolve(Endpoint(named.format("model"), base_url="https://host.example/v1", api_key="test-key"), _nowhere({})),
        {},
        stream=False,
    ).url
    assert plain.rpartition("model")[2].endswith(path.rpartition("/")[2].rpartition(":")[2])


@pytest.mark.parametrize("model", ["..", "../x", "a/../../b", "a/."])
@pytest.mark.parametrize("named", [*IN_PATH, "azure/{}", "vertex/{}"])
def test_a_model_that_climbs_out_of_the_path_is_refused(named: str, model: str) -> None:
    with pytest.raises(ConfigError, match="part of it"):
        resolve(Endpoint(named.format(model), base_url="https://host.example/v1", api_key="test-key"), _nowhere({}))


def _nowhere(environ: dict[str, str], **settings: Any) -> Surroundings:
    return Surroundings({name: ProviderSettings(**one) for name, one in settings.items()}, environ)


_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "canary", "AZURE_OPENAI_AD_TOKEN": "canary"}
FOREIGN = [
    "https://evil.example/v1",
    "http://127.0.0.1:9/v1",
    "https://x.eastus.cloudapp.azure.com/v1",
    "https://bucket.s3.amazonaws.com/v1",
    "https://ec2-1-2-3-4.compute-1.amazonaws.com/v1",
]


@pytest.mark.parametrize("row", names())
def test_no_row_gives_the_environments_key_to_another_address(row: str) -> None:
    one = get(row)
    environ = {**_ENVIRONMENT, **dict.fromkeys(one.key_env, "canary")}
    if not any(call.wire for call in one.calls.values()):
        return
    for address in FOREIGN:
        for where, spec in (
            (_nowhere(environ), Endpoint(f"{row}/model", base_url=address)),
            (_nowhere(environ, **{row: {"base_url": address}}), Endpoint(f"{row}/model")),
        ):
            target = resolve(spec, where)
            assert target.key is None
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environ.items():
                    patch.setenv(name, value)
                try:
                    request = http_request(target, {}, stream=False)
                except MissingKey:
                    continue
            assert "canary" not in request.url + str(list(request.headers.values()))


def test_headers_of_a_provider_do_not_follow_to_another_address() -> None:
    where = _nowhere({}, openai={"api_key": "test-key", "headers": {"x-gateway-key": "canary"}})
    assert resolve(Endpoint(OPENAI), where).row.headers["x-gateway-key"] == "canary"
    assert "x-gateway-key" not in resolve(Endpoint(OPENAI, base_url="https://evil.example/v1"), where).row.headers


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed_not_even_at_home(status: str) -> None:
    with Server([answer()]) as other, Server([answer(status=status, headers=f"location: {other.url}\r\n")]) as server:
        mux = Mux(Endpoint(OPENAI, base_url=server.url, api_key="test-key"))
        with pytest.raises(ProviderError) as caught:
            mux.chat("hello")
        assert caught.value.status == int(status[:3])
        assert other.connections == 0
        assert len(server.seen) == 1


def test_what_a_request_says_is_never_read_as_a_setting() -> None:
    with Server([answer(b"{}", status="400 Bad Request")]) as server:
        mux = Mux(Endpoint(OPENAI, base_url=server.url, api_key="test-key"))
        extra = {"base_url": "https://evil.example", "api_key": "other", "headers": {"authorization": "other"}}
        with pytest.raises(ModelmuxError):
            mux.chat("hello", extra=extra)
        assert server.seen[0].headers["authorization"] == "Bearer test-key"
        assert b"evil.example" in server.seen[0].body
