"""``mux.count_tokens``: exact where the tokenizer is public, an estimate that says so, or the vendor's own figure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modelmux import Mux, TokenCount
from modelmux._effects import NextBytes, Send
from modelmux._http import HttpHead
from modelmux._resolve import Surroundings, resolve
from modelmux.counting.ask import count
from modelmux.endpoint import Endpoint
from modelmux.errors import (
    AuthError,
    InvalidRequest,
    MalformedResponse,
    MissingKey,
    ModelNotFound,
    RateLimited,
    Unsupported,
)
from modelmux.testing import Vendors
from modelmux.types import Media, Message, Request, Text

CLAUDE, GEMINI, GPT = "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash", "openai/gpt-5-mini"

JARGON = [
    (
        "system",
        None,
        "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    ),
    ("system", "example_user", "New synergies will help drive top-line growth."),
    ("system", "example_assistant", "Things working well together will increase revenue."),
    (
        "system",
        "example_user",
        "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    ),
    ("system", "example_assistant", "Let's talk later when we're less busy about how to do better."),
    (
        "user",
        None,
        "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    ),
]
"""The example of OpenAI's cookbook, "How to count tokens with tiktoken" (MIT licence)."""


def counted(mux: Mux, how: str, *args: Any, **options: Any) -> TokenCount:
    if how == "sync":
        return mux.count_tokens(*args, **options)

    async def main() -> TokenCount:
        try:
            return await mux.acount_tokens(*args, **options)
        finally:
            await mux.aclose()

    return asyncio.run(main())


both = pytest.mark.parametrize("how", ["sync", "async"])


@pytest.fixture
def mux() -> Iterator[Mux]:
    with Mux(["openai/gpt-4o", CLAUDE]) as mux:
        yield mux


@pytest.fixture
def over(modelmux_vendors: Vendors) -> Iterator[Callable[..., Mux]]:
    made: list[Mux] = []

    def make(**options: Any) -> Mux:
        made.append(Mux(modelmux_vendors.endpoints(), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


# --- without asking


@both
@pytest.mark.parametrize(
    ("model", "tokens"), [("gpt-4o", 124), ("gpt-4o-mini", 124), ("gpt-4", 129), ("gpt-3.5-turbo", 129)]
)
def test_the_cookbooks_example_counts_as_its_vendor_counted_it(mux, how, model, tokens):
    messages = [{"role": role, "content": text} | ({"name": name} if name else {}) for role, name, text in JARGON]
    found = counted(mux, how, messages, model=f"openai/{model}")
    assert (found.tokens, found.method, found.estimated) == (tokens, "tiktoken", ())
    assert found.tokens <= found.upper <= found.bound


@both
def test_other_models_are_estimated_and_say_so(mux, how):
    found = counted(mux, how, "How many tokens is this?", model=CLAUDE)
    assert (found.method, found.estimated) == ("estimate", ("tokenizer",))
    assert 0 < found.tokens <= found.upper <= found.bound


def test_of_several_models_the_one_that_counts_most(mux):
    asked = "How many tokens is this?"
    each = [mux.count_tokens(asked, model=model) for model in ("openai/gpt-4o", CLAUDE)]
    assert mux.count_tokens(asked) == max(each, key=lambda count: count.tokens)
    assert mux.count_tokens(asked, model=["openai/gpt-4o", CLAUDE]) == mux.count_tokens(asked, model="auto")


def test_without_any_model_it_is_a_cautious_estimate(monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with Mux() as mux:
        assert mux.count_tokens("hello").method == "estimate"


def look_up(what: str, most: int = 3) -> str:
    """Look things up."""
    return what


def test_everything_of_a_call_is_counted(mux):
    def tokens(**options: Any) -> int:
        return mux.count_tokens("hi", model="openai/gpt-4o", **options).tokens

    bare = tokens()
    assert bare == 8
    assert tokens(system="Be brief.") == bare + 3 + 1 + 3
    tooled = tokens(tools=[look_up])
    assert tooled > bare + 30
    assert tokens(tools=[look_up], tool_choice="look_up") > tooled
    assert mux.count_tokens("hi", model="openai/gpt-4o", output=dict).tokens >= bare


def test_what_could_only_be_estimated_is_named(mux):
    image = Message("user", (Text("What is this?"), Media("image", "image/png", data="AAAA")))
    found = mux.count_tokens([image], model="openai/gpt-4o")
    assert (found.method, found.estimated) == ("estimate", ("image",))
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    assert mux.count_tokens("hi", model="openai/gpt-4o", output=schema).estimated == ("output schema",)
    pdf = Message("user", (Text("What is this?"), Media("document", "application/pdf", url="https://x.invalid/d.pdf")))
    assert mux.count_tokens([pdf], model="openai/gpt-4o").bound is None


def test_a_large_text_does_not_keep_the_event_loop_waiting(mux):
    async def main() -> tuple[bool, int]:
        await mux.acount_tokens("warm", model="openai/gpt-4o")
        ran = asyncio.Event()
        asyncio.get_running_loop().call_soon(ran.set)
        found = await mux.acount_tokens("many words " * 100_000, model="openai/gpt-4o")
        await mux.aclose()
        return ran.is_set(), found.tokens

    ran, tokens = asyncio.run(main())
    assert ran
    assert tokens == pytest.approx(200_008, abs=2)


@pytest.mark.parametrize("options", [{"modle": "x"}, {"exact": True, "modle": "x"}])
def test_a_misspelt_keyword_is_told(mux, options):
    with pytest.raises(TypeError, match="model"):
        mux.count_tokens("hi", **options)


# --- asking the vendor


@both
@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_the_vendor_is_asked(over, modelmux_vendors, how, model):
    mux = over()
    found = counted(mux, how, "What is 1 + 1?", model=model, exact=True, system="Be brief.", max_tokens=9, deadline=5)
    assert (found.method, found.estimated) == ("vendor", ())
    assert 0 < found.tokens <= found.upper
    assert found.bound >= found.tokens
    (request,) = modelmux_vendors.requests()
    assert request.path.endswith("count_tokens" if model == CLAUDE else "/models/gemini-2.5-flash:countTokens")
    body = request.json
    if model == GEMINI:  # Gemini API: CountTokensRequest.generateContentRequest, which names the model again
        assert list(body) == ["generateContentRequest"]
        body = body["generateContentRequest"]
        assert body["model"] == "models/gemini-2.5-flash"
    assert "max_tokens" not in body
    assert "Be brief." in str(body)
    assert list(mux.ledger.query()) == []


@both
def test_a_vendor_without_such_an_endpoint(over, how):
    with pytest.raises(Unsupported, match="no endpoint that counts"):
        counted(over(), how, "hi", model=GPT, exact=True)


def test_one_vendor_is_asked_at_a_time(over):
    with pytest.raises(InvalidRequest, match="name one model"):
        over().count_tokens("hi", exact=True)


@both
@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_a_wrong_key(over, how, model):
    keys = {model.partition("/")[0]: "another-test-key"}
    with pytest.raises(AuthError) as caught:
        counted(over(), how, "hi", model=model, exact=True, keys=keys)
    assert caught.value.endpoint == model


def test_a_missing_key():
    with Mux([Endpoint(CLAUDE, base_url="http://127.0.0.1:9/v1")]) as mux, pytest.raises(MissingKey):
        mux.count_tokens("hi", exact=True)


# --- answers, with no IO


def ask(model: str, status: int, body: bytes) -> TokenCount:
    target = resolve(Endpoint(model, api_key="test-key"), Surroundings({}, {}))
    asking = count(Request((Message("user", (Text("hi"),)),)), target, deadline=7.0)
    sent = next(asking)
    assert isinstance(sent, Send)
    assert sent.deadline == 7.0
    effect = asking.send(HttpHead(status, {"content-type": "application/json"}))
    pieces = [body[:5], body[5:], b""]
    for piece in pieces:
        assert isinstance(effect, NextBytes)
        try:
            effect = asking.send(piece)
        except StopIteration as stop:
            return stop.value
    raise AssertionError("the core asks for more than there is")


@pytest.mark.parametrize(
    ("model", "body", "tokens"),
    [
        (CLAUDE, b'{"input_tokens":12}', 12),
        (GEMINI, b'{"totalTokens": 8, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}]}', 8),
        ("vertex/gemini-2.5-flash", b'{"totalTokens": 7, "totalBillableCharacters": 25}', 7),
    ],
)
def test_answers(model, body, tokens):
    assert ask(model, 200, body).tokens == tokens


@pytest.mark.parametrize(
    "body", [b"<html>no</html>", b"{}", b'{"input_tokens":null}', b'{"input_tokens":true}', b"[12]"]
)
def test_an_answer_without_a_count_is_no_success(body):
    with pytest.raises(MalformedResponse):
        ask(CLAUDE, 200, body)


@pytest.mark.parametrize(
    ("model", "status", "body", "error"),
    [
        (CLAUDE, 404, b'{"type":"error","error":{"type":"not_found_error","message":"model: no"}}', ModelNotFound),
        (CLAUDE, 429, b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}', RateLimited),
        (GEMINI, 404, b'{"error":{"code":404,"message":"models/no is not found","status":"NOT_FOUND"}}', ModelNotFound),
    ],
)
def test_errors_are_typed(model, status, body, error):
    with pytest.raises(error):
        ask(model, status, body)
