"""Who is served, what each key may do, and what never crosses: callers' keys upstream, our keys to callers."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal

import pytest

from front.upstream import Reply, Upstream
from gateway.asgi import Caller
from gateway.test_formats import chat, generate, messages
from modelmux import Mux, gateway
from modelmux.errors import ConfigError
from modelmux.gateway.keys import Keyring
from modelmux.testing import Fault

KEY = gateway.new_key()
BEARER = {"authorization": f"Bearer {KEY}"}
WAYS = {
    "bearer": (BEARER, ""),
    "bearer, lower case": ({"authorization": f"bearer {KEY}"}, ""),
    "x-api-key": ({"x-api-key": KEY}, ""),
    "x-goog-api-key": ({"x-goog-api-key": KEY}, ""),
    "in the address": ({}, f"key={KEY}"),
}


def keyed(serving, *, mux=None, **fields):
    return serving(keys=[gateway.Key.of("team-a", KEY, **fields)], mux=mux)


def ask_for(ask, front=chat, model="gpt-5-mini", headers=None, stream=False, **more):
    url, body, marks = front(model, stream)
    return ask("POST", url, {**body, **more}, {**marks, **BEARER, **(headers or {})})


# --- keys ----------------------------------------------------------------------------------------------------


def test_a_new_key_is_random_and_only_its_hash_is_kept():
    made = {gateway.new_key() for _ in range(100)}
    assert len(made) == 100
    assert all(len(key) >= 46 and key.isascii() for key in made)
    key = gateway.Key.of("a", KEY)
    assert key.sha256 == hashlib.sha256(KEY.encode()).hexdigest()
    assert KEY not in repr(key)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("front", [chat, messages, generate])
@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_a_key_may_be_sent_in_every_way_that_clients_know(serving, vendors, way, front, version):
    headers, query = WAYS[way]
    url, body, marks = front("gpt-5-mini", False)
    if "anthropic-version" in marks:
        marks = {"anthropic-version": version}
    at = f"{url}{'&' if '?' in url else '?'}{query}" if query else url
    got = keyed(serving)("POST", at, body, {**marks, **headers})
    assert got.status == 200, got.text
    (sent,) = vendors["openai"].requests
    assert KEY not in sent.body.decode() + json.dumps(dict(sent.headers)) + json.dumps(dict(sent.query))
    assert sent.headers["authorization"] == "Bearer our-openai-key"


TOLD = {
    chat: lambda body: body["error"]["type"] == "authentication_error",
    messages: lambda body: (body["type"], body["error"]["type"]) == ("error", "authentication_error"),
    generate: lambda body: (body["error"]["code"], body["error"]["status"]) == (401, "UNAUTHENTICATED"),
}


@pytest.mark.parametrize("front", TOLD)
@pytest.mark.parametrize(
    "sent", [{}, {"authorization": "Bearer nonsense"}, {"x-api-key": KEY[:-1]}, {"x-api-key": "é"}]
)
def test_without_a_known_key_it_is_401_in_the_callers_format(serving, vendors, front, sent):
    url, body, marks = front("gpt-5-mini", False)
    got = keyed(serving)("POST", url, body, {**marks, **sent})
    assert got.status == 401
    assert TOLD[front](got.json)
    assert not any(vendor.requests for vendor in vendors.values())


def test_a_keyring_has_each_key_once():
    one = gateway.Key.of("a", KEY)
    for other in (gateway.Key.of("a", gateway.new_key()), gateway.Key.of("b", KEY)):
        with pytest.raises(ConfigError, match="twice"):
            Keyring([one, other])
    assert Keyring([one]).find(KEY) is one
    assert Keyring([one]).find(KEY + "x") is None
    assert Keyring([]).find("") is None


def test_a_hash_of_zeros_lets_nobody_in():
    ring = Keyring([gateway.Key(name="z", sha256="0" * 64)])
    assert ring.find("") is None
    assert ring.find(KEY) is None


def test_a_key_that_could_be_guessed_is_refused():
    with pytest.raises(ConfigError, match="shorter than 32"):
        gateway.Key.of("a", "letmein")


# --- models, tags, options -----------------------------------------------------------------------------------


@pytest.mark.parametrize("front", [chat, messages, generate])
def test_a_key_may_use_its_models_only(serving, vendors, front):
    ask = keyed(serving, models=["gpt-*", "anthropic/*"])
    assert ask_for(ask, front, "gpt-5-mini").status == 200
    assert ask_for(ask, front, "claude-haiku-4-5").status == 200
    got = ask_for(ask, front, "gemini-2.5-flash")
    assert got.status == 403, got.text
    assert vendors["gemini"].requests == []


def test_auto_and_lists_stay_within_a_keys_models(serving, vendors):
    ask = keyed(serving, models=["gemini/*"])
    assert ask_for(ask, model="auto").status == 200
    header = {"x-modelmux-models": "openai/gpt-5-mini,gemini/gemini-2.5-flash"}
    assert ask_for(ask, model="auto", headers=header).status == 200
    assert ask_for(ask, model="auto", headers={"x-modelmux-models": "openai/gpt-5-mini"}).status == 403
    assert ask_for(ask, model="auto", modelmux={"models": ["gpt-5-mini"]}).status == 403
    assert [model["id"] for model in ask("GET", "/v1/models", headers=BEARER).json["data"]] == [
        "gemini/gemini-2.5-flash"
    ]
    assert ask("GET", "/v1/models/gpt-5-mini", headers=BEARER).status == 404
    assert (len(vendors["openai"].requests), len(vendors["gemini"].requests)) == (0, 2)


def test_a_keys_tags_are_on_every_call_and_cannot_be_changed(serving):
    ask = keyed(serving, tags={"team": "a"})
    ask_for(ask, headers={"x-modelmux-tags": "team=b,key=c,user=42"})
    ask_for(ask, messages, modelmux={"tags": {"team": "b", "user": "43"}})
    rows = ask.mux.ledger.query()
    assert [row.tags for row in rows] == [
        {"team": "a", "key": "team-a", "user": "42"},
        {"team": "a", "key": "team-a", "user": "43"},
    ]


@pytest.mark.parametrize("allowed", [False, ["tags"]])
def test_a_key_may_forbid_options(serving, vendors, allowed):
    ask = keyed(serving, options=allowed)
    asked = [
        ask_for(ask, headers={"x-modelmux-policy": "cheapest"}),
        ask_for(ask, modelmux={"policy": "cheapest"}),
        ask_for(ask, modelmux={"Max-Cost": "1"}),
    ]
    escaped = (
        b'{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hi"}],"\\u006dodelmux":{"policy":"cheapest"}}'
    )
    asked.append(ask("POST", "/v1/chat/completions", escaped, BEARER))
    assert [got.status for got in asked] == [403] * 4
    assert not any(vendor.requests for vendor in vendors.values())
    assert ask_for(ask, headers={"x-modelmux-tags": "user=42"}).status == (200 if allowed else 403)


def test_options_that_are_none_are_400(serving):
    ask = keyed(serving)
    assert ask_for(ask, headers={"x-modelmux-polices": "cheapest"}).status == 400
    assert ask_for(ask, headers={"x-modelmux-max-cost": "much"}).status == 400
    assert ask_for(ask, modelmux=["policy"]).status == 400
    assert ask_for(ask, modelmux=None).status == 200


@pytest.mark.parametrize(
    ("theirs", "holds"),
    [
        ({}, "0.00000001"),
        ({"max_cost": "5"}, "0.00000001"),
        ({"max_cost": None}, "0.00000001"),
        ({"max_cost": "0"}, "0"),
    ],
)
def test_a_keys_ceiling_can_only_be_lowered(serving, vendors, theirs, holds):
    got = ask_for(keyed(serving, max_cost=Decimal("0.00000001")), modelmux=theirs)
    assert got.status == 400, got.text
    assert "cost" in got.text
    assert not any(vendor.requests for vendor in vendors.values())


def test_a_ceiling_that_is_high_enough_lets_a_call_through(serving):
    assert ask_for(keyed(serving, max_cost=Decimal(1))).status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_receipts_are_there_unless_the_key_has_none(serving, stream):
    assert "x-modelmux-receipt" in ask_for(keyed(serving), stream=stream).headers
    bare = ask_for(keyed(serving, receipts=False), stream=stream)
    assert not [name for name in bare.headers if name.startswith("x-modelmux")]


# --- what never crosses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("front", [chat, messages, generate])
@pytest.mark.parametrize("kind", ["key", "permission"])
def test_a_vendor_that_refuses_our_key_is_502_without_a_word_of_it(serving, vendors, front, kind):
    for vendor in vendors.values():
        vendor.fail(Fault(kind=kind))
    got = ask_for(keyed(serving), front)
    assert got.status == 502, got.text
    assert "our-" not in got.text + json.dumps(got.headers)


ECHO = b'{"error":{"message":"Incorrect API key provided: our-vendor-key"}}'


@pytest.mark.parametrize(("status", "seen"), [(401, 502), (403, 502), (400, 400), (429, 429), (500, 500)])
def test_a_key_that_a_vendor_repeats_is_masked_also_where_bodies_are_passed_on(status, seen):
    upstream = Upstream(Reply(status, pieces=[ECHO[:40], ECHO[40:]]))
    mux = upstream.under(
        Mux(["openai/gpt-5-mini", "openai/text-embedding-3-small"], providers={"openai": {"api_key": "our-vendor-key"}})
    )
    ask = Caller(gateway.app(mux))
    got = ask("POST", "/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": "Hi"})
    assert got.status == seen
    assert "our-vendor-key" not in got.text
    assert upstream.open == 0


def test_what_speaks_of_our_account_stays_here(serving, vendors):
    account = {
        "openai-organization": "org-ours",
        "set-cookie": "session=1",
        "x-ratelimit-remaining-requests": "7",
        "access-control-allow-origin": "*",
    }
    vendors["openai"].reply(text="Hello", headers=account)
    theirs = {"openai-organization": "org-theirs", "openai-project": "proj-theirs", "openai-beta": "assistants=v2"}
    got = ask_for(keyed(serving), headers=theirs)
    assert got.status == 200
    assert not set(account) & set(got.headers)
    (sent,) = vendors["openai"].requests
    assert "openai-organization" not in sent.headers
    assert "openai-project" not in sent.headers


# --- without keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "headers", "status"),
    [
        ({}, {}, 200),
        ({"client": ("::1", 1), "host": "[::1]:8642"}, {}, 200),
        ({"host": "localhost"}, {}, 200),
        ({"client": None, "host": "gateway.test"}, {}, 200),  # a socket file, or a server that does not say
        ({"client": ("192.0.2.7", 1)}, {}, 401),
        ({"host": "evil.test"}, {}, 403),
        ({}, {"origin": "https://evil.test"}, 403),
        ({}, {"origin": "null"}, 403),
    ],
)
def test_without_keys_only_programs_of_this_machine_are_served(serving, caller, headers, status):
    url, body, _ = chat("gpt-5-mini", False)
    assert serving(caller=caller)("POST", url, body, headers).status == status


def test_anyone_may_be_served_where_somebody_in_front_checks(serving):
    ask = serving(anyone=True, caller={"client": ("192.0.2.7", 1), "host": "gateway.test"})
    assert ask_for(ask, headers={"origin": "https://page.test"}).status == 200


def test_web_pages_may_read_answers_only_where_their_origin_was_named(serving):
    ask = serving(keys=[gateway.Key.of("a", KEY)], origins=["https://page.test"])
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    yes = ask("OPTIONS", "/v1/chat/completions", headers={"origin": "https://page.test", **preflight})
    assert (yes.status, yes.headers["access-control-allow-headers"]) == (204, "authorization")
    assert yes.headers["access-control-allow-origin"] == "https://page.test"
    assert ask_for(ask, headers={"origin": "https://page.test"}).headers["access-control-allow-origin"]
    no = ask("OPTIONS", "/v1/chat/completions", headers={"origin": "https://evil.test", **preflight})
    assert no.status == 401
    for got in (no, ask_for(ask, headers={"origin": "https://evil.test"}), ask_for(keyed(serving))):
        assert not [name for name in got.headers if name.startswith("access-control")]
