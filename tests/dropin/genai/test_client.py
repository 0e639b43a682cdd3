"""What clients and answers do beside the calls that the SDK was recorded at."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import pickle
import socket
import subprocess
import sys
from types import ModuleType

import httpx
import pydantic
import pytest

from dropin.genai.cases import SAID, stream, text
from dropin.loopback import Say
from modelmux.errors import ConfigError
from modelmux.google import genai
from modelmux.google.genai import errors, types

MODEL = "gemini-2.5-flash"


@pytest.fixture
def options(loopback) -> dict[str, object]:
    loopback.say(SAID)
    return {"base_url": loopback.url.removesuffix("v1")}


@pytest.fixture
def client(options):
    with genai.Client(api_key="test-key", http_options=options) as made:
        yield made


# --- answers


def test_what_is_not_known_is_kept(loopback, client):
    loopback.say({**text("x"), "newThing": {"a": 1}})
    answer = client.models.generate_content(model=MODEL, contents="x")
    assert answer.newThing == {"a": 1}
    assert answer.model_extra == {"newThing": {"a": 1}}


ODD = [
    [],
    5,
    b'"x"',
    None,
    {"candidates": None},
    {"candidates": "x"},
    {"candidates": {"content": 1}},
    {"candidates": [5], "usageMetadata": "many", "createTime": {}},
    {"candidates": [{"content": None}], "promptFeedback": 1},
    {"candidates": [{"content": "x", "finishReason": 5, "index": "one"}]},
    {"candidates": [{"content": {"parts": "x", "role": 5}, "continuationToken": 5}]},
    {"candidates": [{"content": {"parts": [5, None, {"functionCall": "x"}, {"inlineData": {"data": "%"}}]}}]},
    {"candidates": [{"content": {"parts": [{"functionCall": {"name": 5, "args": "x"}}]}}]},
]


@pytest.mark.parametrize("body", ODD)
def test_odd_answers_raise_nothing(loopback, client, body):
    loopback.say(Say(body))
    config = {"response_schema": {"type": "STRING"}}
    answer = client.models.generate_content(model=MODEL, contents="x", config=config)
    short = [answer.text, answer.executable_code, answer.code_execution_result, answer.parsed]
    assert short == [None] * 4
    assert all(isinstance(call, types.FunctionCall) for call in answer.function_calls or ())
    assert answer.initial_prompt_token_count is None
    chat = client.chats.create(model=MODEL)
    chat.send_message("x")
    assert len(chat.get_history()) == 2


@pytest.mark.parametrize("body", [*ODD, {"models": "x"}, {"models": [5, {"name": 5}], "totalTokens": "x"}])
def test_odd_answers_to_other_calls_raise_nothing(loopback, client, body):
    loopback.say(Say(body))
    client.models.count_tokens(model=MODEL, contents="x")
    client.models.embed_content(model=MODEL, contents="x")
    client.models.get(model=MODEL)
    assert all(isinstance(model, types.Model) for model in client.models.list())
    client.files.get(name="x")


def test_answers_are_pickled_and_copied(client):
    answer = client.models.generate_content(model=MODEL, contents="x")
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert copy.deepcopy(answer) == answer
    assert answer.sdk_http_response.headers["content-type"] == "application/json"


def test_answers_are_fields_of_models_of_the_callers(client):
    class Kept(pydantic.BaseModel):
        turn: types.Content
        blob: types.Blob

    answer = client.models.generate_content(model=MODEL, contents="x")
    kept = Kept(turn=answer.candidates[0].content, blob={"data": b"\xff", "mime_type": "a/b"})
    assert kept.turn.parts[0].text == "Hello there."
    assert Kept.model_validate_json(kept.model_dump_json()) == kept
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        Kept(turn={"colour": 1}, blob={"data": b""})


def test_errors_are_pickled_with_their_class(loopback, client):
    loopback.say(Say({"error": {"code": 404, "message": "gone", "status": "NOT_FOUND"}}, 404))
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents="x")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.code, again.status, str(again)) == (
        errors.ClientError,
        404,
        "NOT_FOUND",
        str(caught.value),
    )


def test_types_that_no_table_lists_can_be_imported():
    from modelmux.google.genai.types import BrandNewThing

    assert BrandNewThing.model_validate({}) is not None
    with pytest.raises(AttributeError):
        types.no_such_thing  # noqa: B018


def test_the_modules_import_in_any_order():
    code = "import modelmux.google.genai.types as t, modelmux.google.genai.errors\nassert t.Part(text='x').text == 'x'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_import_and_a_client_load_no_http_library():
    code = (
        "from modelmux.google import genai\nfrom modelmux.google.genai import types\n"
        "genai.Client(api_key='test-key')\nimport sys\n"
        "assert not {'httpx', 'httpx2', 'tenacity', 'tiktoken', 'requests'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- connections


def test_a_clients_own_http_client_is_used_and_left_open():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=SAID)

    with httpx.Client(transport=httpx.MockTransport(answer)) as own:
        with genai.Client(api_key="test-key", http_options=types.HttpOptions(httpx_client=own)) as client:
            assert client.models.generate_content(model=MODEL, contents="x").text == "Hello there."
        assert not own.is_closed
    assert str(seen[0].url) == f"https://generativelanguage.googleapis.com/v1/models/{MODEL}:generateContent"


def test_a_transport_among_the_arguments():
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=SAID))
    both = {"transport": transport, "no_such_option": 1}
    made = genai.Client(api_key="test-key", http_options={"client_args": both, "async_client_args": both})

    async def go() -> str:
        async with made.aio as client:
            return (await client.models.generate_content(model=MODEL, contents="x")).text

    assert made.models.generate_content(model=MODEL, contents="x").text == asyncio.run(go()) == "Hello there."
    made.close()


def test_nobody_there_is_the_http_librarys_error():
    options = {"base_url": "http://127.0.0.1:9/", "retry_options": {"attempts": 2, "initial_delay": 0, "jitter": 0}}
    with genai.Client(api_key="test-key", http_options=options) as client, pytest.raises(httpx.ConnectError):
        client.models.generate_content(model=MODEL, contents="x")


def test_too_late_is_the_http_librarys_error():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = {"base_url": f"http://127.0.0.1:{silent.getsockname()[1]}/", "timeout": 50}
        with genai.Client(api_key="test-key", http_options=options) as client, pytest.raises(httpx.TimeoutException):
            client.models.generate_content(model=MODEL, contents="x")


def test_a_stream_that_is_left_early_frees_its_connection(loopback, client):
    loopback.say(stream(*[text(str(number)) for number in range(50)]))
    pieces = client.models.generate_content_stream(model=MODEL, contents="x")
    assert next(pieces).text == "0"
    pieces.close()
    loopback.say(SAID)
    assert client.models.generate_content(model=MODEL, contents="x").text == "Hello there."


def test_an_awaited_stream_that_is_left_early(loopback, options):
    loopback.say(stream(text("a"), text("b")))

    async def go() -> str:
        async with genai.Client(api_key="test-key", http_options=options).aio as client:
            pieces = await client.models.generate_content_stream(model=MODEL, contents="x")
            first = await anext(pieces)
            await pieces.aclose()
            return first.text

    assert asyncio.run(go()) == "a"


def test_pauses_between_attempts(loopback, options, pauses):
    retries = {
        "attempts": 4,
        "initial_delay": 1,
        "max_delay": 3,
        "exp_base": 2,
        "jitter": 0,
        "http_status_codes": [418],
    }
    loopback.say(Say({}, 418), Say({}, 418), Say({}, 418), Say(SAID))
    with genai.Client(api_key="test-key", http_options={**options, "retry_options": retries}) as client:
        client.models.generate_content(model=MODEL, contents="x")
    assert pauses == [1.0, 2.0, 3.0]


def test_one_attempt_where_nobody_asks_for_more(loopback, client, pauses):
    loopback.say(Say({}, 503))
    with pytest.raises(errors.ServerError):
        client.models.generate_content(model=MODEL, contents="x")
    assert (len(loopback.seen), pauses) == (1, [])


# --- functions


def test_awaited_functions_are_called_by_awaited_clients(loopback, options):
    async def add(a: int, b: float = 0.5) -> float:
        """Add."""
        return a + b

    call = {"functionCall": {"name": "add", "args": {"a": 2.0}}}
    loopback.say({"candidates": [{"content": {"role": "model", "parts": [call]}}]}, text("2.5"))

    async def go() -> str:
        async with genai.Client(api_key="test-key", http_options=options).aio as client:
            return (await client.models.generate_content(model=MODEL, contents="x", config={"tools": [add]})).text

    assert asyncio.run(go()) == "2.5"
    [part] = loopback.seen[1].json["contents"][2]["parts"]
    assert part["functionResponse"] == {"name": "add", "response": {"result": 2.5}}


def test_awaited_functions_are_refused_elsewhere(client):
    async def add(a: int) -> int:
        return a

    with pytest.raises(errors.UnsupportedFunctionError, match="coroutine"):
        client.models.generate_content(model=MODEL, contents="x", config={"tools": [add]})


def test_an_argument_that_does_not_fit_is_told_to_the_model(loopback, client):
    called = []

    def add(a: int) -> None:
        called.append(a)

    call = {"functionCall": {"name": "add", "args": {"a": "many"}}}
    loopback.say({"candidates": [{"content": {"role": "model", "parts": [call]}}]}, text("ok"))
    client.models.generate_content(model=MODEL, contents="x", config={"tools": [add]})
    [part] = loopback.seen[1].json["contents"][2]["parts"]
    assert "parameter a for function add" in part["functionResponse"]["response"]["error"]
    assert called == []


def test_a_function_that_is_not_there_is_told_to_the_model(loopback, client):
    def add(a: int) -> int:
        return a

    call = {"functionCall": {"name": "subtract", "args": {}}}
    loopback.say({"candidates": [{"content": {"role": "model", "parts": [call]}}]}, text("ok"))
    assert client.models.generate_content(model=MODEL, contents="x", config={"tools": [add]}).text == "ok"
    [part] = loopback.seen[1].json["contents"][2]["parts"]
    assert "subtract" in part["functionResponse"]["response"]["error"]


# --- the platform


def test_a_token_of_the_environment(loopback, options, monkeypatch):
    monkeypatch.setenv("VERTEX_ACCESS_TOKEN", "test-token")
    loopback.say(SAID)
    asked = {"vertexai": True, "project": "p", "location": "europe-west4", "http_options": options}
    with genai.Client(**asked) as client:
        assert client.models.generate_content(model=MODEL, contents="x").text == "Hello there."
    assert loopback.seen[0].headers["authorization"] == "Bearer test-token"
    assert loopback.seen[0].path == (
        f"/v1beta1/projects/p/locations/europe-west4/publishers/google/models/{MODEL}:generateContent"
    )


def test_a_token_is_exchanged_for_the_environments_credentials(loopback, options, monkeypatch, tmp_path):
    login = {
        "type": "authorized_user",
        "client_id": "i",
        "client_secret": "test-secret",
        "refresh_token": "test-refresh",
        "token_uri": f"{loopback.url}/token",
        "quota_project_id": "mine",
    }
    place = tmp_path / "credentials.json"
    place.write_text(json.dumps(login))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(place))
    monkeypatch.delenv("VERTEX_ACCESS_TOKEN", raising=False)
    loopback.say({"access_token": "fresh", "expires_in": 3600}, SAID, SAID)

    async def again(client: genai.Client) -> None:
        await client.aio.models.generate_content(model=MODEL, contents="x")
        await client.aio.aclose()

    given = {**options, "headers": {"x-mine": "1"}}
    with genai.Client(vertexai=True, project="p", location="global", http_options=given) as client:
        client.models.generate_content(model=MODEL, contents="x")
        asyncio.run(again(client))
    assert [seen.path.partition("?")[0].rpartition("/")[2] for seen in loopback.seen] == [
        "token",
        f"{MODEL}:generateContent",
        f"{MODEL}:generateContent",
    ]
    assert {seen.headers["authorization"] for seen in loopback.seen[1:]} == {"Bearer fresh"}


def test_credentials_that_have_run_out_are_refreshed(loopback, options, monkeypatch):
    class Held:
        token, expired, project_id, quota_project_id = "old", True, "held", None

        def refresh(self, request: object) -> None:
            self.token, self.expired = "new", False

    requests = ModuleType("google.auth.transport.requests")
    requests.Request = object
    for name in ("google", "google.auth", "google.auth.transport"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", requests)
    loopback.say(SAID)
    asked = {"vertexai": True, "project": "p", "location": "us", "credentials": Held(), "http_options": options}
    with genai.Client(**asked) as client:
        client.models.generate_content(model=MODEL, contents="x")
    assert loopback.seen[0].headers["authorization"] == "Bearer new"


# --- files


def test_a_file_by_its_path_in_pieces(loopback, client, tmp_path, monkeypatch):
    from modelmux.google.genai import _upload

    monkeypatch.setattr(_upload, "PIECE", 4)
    place = tmp_path / "notes.txt"
    place.write_bytes(b"ten bytes!")
    more = Say({}, 200, {"x-goog-upload-status": "active"})
    done = Say({"file": {"name": "files/n"}}, 200, {"x-goog-upload-status": "final"})
    begin = Say({}, 200, {"x-goog-upload-url": f"{loopback.url}/up"})
    loopback.say(begin, more, more, done)
    assert client.files.upload(file=place).name == "files/n"
    assert [(seen.body, seen.headers["x-goog-upload-offset"]) for seen in loopback.seen[1:]] == [
        (b"ten ", "0"),
        (b"byte", "4"),
        (b"s!", "8"),
    ]
    assert [seen.headers["x-goog-upload-command"] for seen in loopback.seen[1:]] == [
        "upload",
        "upload",
        "upload, finalize",
    ]
    assert loopback.seen[0].headers["x-goog-upload-file-name"] == "notes.txt"


def test_a_download_to_a_file(loopback, client):
    loopback.say(Say(b"\x00\x01"))
    out = io.BytesIO()
    assert client.files.download(file="files/abc", destination=out) is None
    assert (out.getvalue(), loopback.seen[0].path) == (b"\x00\x01", "/v1/files/abc:download?alt=media")
    with pytest.raises(ValueError, match="Only generated files"):
        client.files.download(file=types.File(name="files/abc"))


# --- what is not here


@pytest.mark.parametrize("name", ["caches", "batches", "live", "interactions"])
def test_what_is_not_here_says_where_it_is(client, name):
    with pytest.raises(AttributeError, match="as_vendor"):
        getattr(client, name)
    with pytest.raises(AttributeError, match="as_vendor"):
        getattr(client.aio, name)


def test_the_vendors_client_needs_the_vendors_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.genai", None)
    with pytest.raises(ConfigError, match="pip install google-genai"):
        genai.as_vendor()
