"""What callers do with the client, without the vendor's package: retries, options, streams, errors, routes."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

import modelmux
import modelmux.openai as openai
from dropin.loopback import Loopback, Say
from dropin.openai.cases import ASK, CHAT, ERROR, STREAM


@pytest.fixture
def client(loopback: Loopback) -> openai.OpenAI:
    return openai.OpenAI(api_key="test-key", base_url=loopback.url)


def test_answers_keep_what_nobody_knows_and_go_back_in(loopback: Loopback, client: Any):
    loopback.say(CHAT)
    answer = client.chat.completions.create(**ASK)
    assert answer.model_dump(exclude_unset=True) == CHAT
    assert answer.unknown_field == {"deep": [1, 2]}
    assert answer.choices[0].message.new == 1
    client.chat.completions.create(model="m", messages=[*ASK["messages"], answer.choices[0].message])
    assert loopback.seen[-1].json["messages"][-1] == CHAT["choices"][0]["message"]


def test_answers_copy_pickle_and_stand_in_models(loopback: Loopback, client: Any):
    loopback.say(Say(CHAT, headers={"x-request-id": "req_1"}))
    answer = client.chat.completions.create(**ASK)

    class Row(BaseModel):
        answer: openai.types.chat.ChatCompletion

    for other in (copy.deepcopy(answer), pickle.loads(pickle.dumps(answer)), answer.model_copy(deep=True)):
        assert other == answer
        assert other._request_id == "req_1"
    assert Row(answer=answer).model_dump(exclude_unset=True) == {"answer": CHAT}
    assert Row.model_validate({"answer": CHAT}).answer == answer
    assert isinstance(answer, openai.BaseModel)


def test_deep_paths_import_and_are_the_same_classes():
    from modelmux.openai.types.chat.chat_completion import Choice, CompletionUsage
    from modelmux.openai.types.chat.chat_completion_chunk import ChoiceDelta
    from modelmux.openai.types.responses import ResponseNobodyHasHeardOf

    assert ChoiceDelta.__module__ == "modelmux.openai.types.chat.chat_completion_chunk"
    assert openai.types.chat.chat_completion.Choice is Choice
    assert CompletionUsage is openai.types.CompletionUsage
    assert ResponseNobodyHasHeardOf.model_validate({"a": 1}).a == 1
    with pytest.raises(ImportError):
        from modelmux.openai.types.chat import nothing_here  # noqa: F401


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "not a time"}, None),
        ({"retry-after-ms": "no", "retry-after": "2"}, 2.0),
    ],
)
def test_waits_are_those_that_are_asked_for(
    loopback: Loopback, client: Any, pauses: list[float], headers: dict[str, str], wait: float | None
):
    loopback.say((Say(ERROR, 429, headers)), CHAT)
    client.chat.completions.create(**ASK)
    assert len(loopback.seen) == 2
    assert [seen.headers["x-stainless-retry-count"] for seen in loopback.seen] == ["0", "1"]
    if wait is None:
        assert 0.375 <= pauses[0] <= 0.5
    else:
        assert pauses == [wait]


def test_an_idempotency_key_outlives_retries(loopback: Loopback, client: Any, pauses: list[float]):
    loopback.say(Say(ERROR, 500), Say(ERROR, 503), CHAT)
    client.chat.completions.create(**ASK, extra_headers={"Idempotency-Key": "one"})
    assert [seen.headers["idempotency-key"] for seen in loopback.seen] == ["one"] * 3
    assert len({seen.body for seen in loopback.seen}) == 1


def test_nobody_there_is_the_vendors_connection_error(loopback: Loopback, pauses: list[float]):
    url = loopback.url
    loopback.close()
    lost = openai.OpenAI(api_key="test-key", base_url=url, max_retries=1)
    with pytest.raises(openai.APIConnectionError) as caught:
        lost.chat.completions.create(**ASK)
    assert len(pauses) == 1
    assert caught.value.__cause__ is not None
    assert str(caught.value.request.url).endswith("/chat/completions")


def test_a_stream_left_early_is_closed_and_one_with_an_error_raises_it(loopback: Loopback, client: Any):
    loopback.say(STREAM)
    with client.chat.completions.create(**ASK, stream=True) as stream:
        assert next(iter(stream)).choices[0].delta.content == "he"
    loopback.say(Say(ERROR, 404))
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(**ASK, stream=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500])
def test_errors_have_the_vendors_attributes(loopback: Loopback, client: Any, status: int):
    loopback.say(Say(ERROR, status, {"x-request-id": "req_9"}))
    with pytest.raises(openai.APIStatusError) as caught:
        client.with_options(max_retries=0).chat.completions.create(**ASK)
    error = caught.value
    assert (error.status_code, error.request_id, error.code, error.param) == (status, "req_9", "nope", "model")
    assert error.body == ERROR["error"]
    assert error.response.status_code == status
    assert error.response.json() == ERROR
    assert isinstance(error, openai.APIError)


def test_a_client_of_the_users_carries_the_call():
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=CHAT)

    with openai.OpenAI(api_key="test-key", http_client=httpx.Client(transport=httpx.MockTransport(answer))) as client:
        assert client.chat.completions.create(**ASK).id == CHAT["id"]
    assert str(seen[0].url) == "https://api.openai.com/v1/chat/completions"
    assert seen[0].headers["authorization"] == "Bearer test-key"
    with pytest.raises(TypeError):
        openai.OpenAI(api_key="test-key", http_client=httpx.AsyncClient())


def test_signatures_name_every_parameter():
    names = inspect.signature(openai.resources.chat.completions.Completions.create).parameters
    assert {"model", "messages", "tools", "extra_body", "timeout"} <= set(names)
    assert names["messages"].default is inspect.Parameter.empty
    assert inspect.iscoroutinefunction(openai.resources.chat.completions.AsyncCompletions.create)


def test_no_key_is_told_at_once(monkeypatch: pytest.MonkeyPatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(openai.OpenAIError, match="api_key"):
        openai.OpenAI()
    monkeypatch.setenv("OPENAI_API_KEY", "from-env")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v7")
    assert openai.OpenAI().api_key == "from-env"
    assert str(openai.OpenAI().base_url) == "http://127.0.0.1:9/v7/"


def test_parsed_answers_are_models(loopback: Loopback, client: Any):
    class City(BaseModel):
        name: str

    loopback.say(
        {**CHAT, "choices": [{**CHAT["choices"][0], "message": {"role": "assistant", "content": '{"name":"Seoul"}'}}]}
    )
    parsed = client.chat.completions.parse(**ASK, response_format=City)
    assert parsed.choices[0].message.parsed == City(name="Seoul")
    sent = loopback.seen[-1].json["response_format"]
    assert sent["json_schema"]["strict"] is True
    assert sent["json_schema"]["schema"]["additionalProperties"] is False


def test_stream_events_add_up(loopback: Loopback, client: Any):
    loopback.say(STREAM)
    with client.chat.completions.stream(**ASK) as stream:
        kinds = [event.type for event in stream]
    assert kinds == ["chunk", "content.delta", "chunk", "content.delta", "chunk", "content.done"]
    assert stream.get_final_completion().choices[0].message.content == "hello"


def test_an_azure_deployment_stands_in_the_path(loopback: Loopback):
    loopback.say(CHAT)
    endpoint = loopback.url.removesuffix("/v1")
    client = openai.AzureOpenAI(api_key="test-key", api_version="2024-02-01", azure_endpoint=endpoint)
    client.chat.completions.create(model="my gpt", messages=[])
    assert loopback.seen[0].path == "/openai/deployments/my%20gpt/chat/completions?api-version=2024-02-01"
    assert loopback.seen[0].headers["api-key"] == "test-key"
    assert "authorization" not in loopback.seen[0].headers


def test_the_top_level_names_are_the_same_objects():
    for name in ("OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI"):
        assert getattr(modelmux, name) is getattr(openai, name)


def test_importing_makes_no_class_and_opens_nothing():
    code = (
        "import sys; import modelmux.openai; "
        "heavy = {'pydantic', 'httpx', 'httpx2', 'ssl', 'asyncio'} & set(sys.modules); print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_redirect_is_followed_at_home_and_not_abroad(loopback: Loopback, client: Any):
    moved = Say({}, 307, {"location": f"{loopback.url}/elsewhere"})
    loopback.say(moved, CHAT)
    assert client.chat.completions.create(**ASK).model_dump(exclude_unset=True) == CHAT
    assert [seen.path for seen in loopback.seen] == ["/v1/chat/completions", "/v1/elsewhere"]
    assert loopback.seen[1].json["model"] == ASK["model"]
    abroad = Loopback()
    try:
        loopback.say(Say({}, 307, {"location": f"{abroad.url}/chat/completions"}))
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(**ASK)
        assert caught.value.status_code == 307
        assert abroad.seen == []  # where the key has no business
    finally:
        abroad.close()


def test_files_make_a_form_of_any_request(loopback: Loopback, client: Any):
    loopback.say(Say({}, 500), {})
    client.post("/upload", files={"file": ("a.txt", b"the text", "text/plain")}, cast_to=object, options={})
    assert len(loopback.seen) == 2
    for seen in loopback.seen:
        assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert b"the text" in seen.body


def test_a_secret_is_in_no_representation():
    from modelmux.openai.types.webhooks import WebhookEndpointWithSecret

    made = WebhookEndpointWithSecret.construct(id="we_1", signing_secret="not for logs", new="seen")
    assert made.signing_secret == "not for logs"
    assert "not for logs" not in repr(made) + str(made)
    assert "seen" in repr(made)


def test_an_update_of_the_format_decides_what_is_parsed(loopback: Loopback, client: Any):
    class Answer(BaseModel):
        answer: str

    said = {"output": [{"type": "message", "content": [{"type": "output_text", "text": '{"answer": "yes"}'}]}]}
    loopback.say(said)
    schema = {"type": "configuration_update", "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}
    plain = {"type": "configuration_update", "text": {"format": {"type": "text"}}}
    parse = client.responses.parse
    assert parse(input="?", text_format=Answer).output_parsed == Answer(answer="yes")
    assert parse(input=[schema], text_format=Answer, parse_as=Answer).output_parsed == Answer(answer="yes")
    assert parse(input=[schema, plain], text_format=Answer).output_parsed is None
    with pytest.raises(TypeError, match="parse_as"):
        parse(input=[schema], text_format=Answer)
    with pytest.raises(TypeError, match="plain-text"):
        parse(input=[plain], parse_as=Answer)
