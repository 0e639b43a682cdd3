"""Webhooks are believed only when they are signed with the secret, and now."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from types import SimpleNamespace
from typing import Any

import pytest

import modelmux.openai as openai
from modelmux.openai import _webhooks

NOW = 1_750_861_210
KEY = b"a secret of 24 bytes....."
SECRET = "whsec_" + base64.b64encode(KEY).decode()
EVENT = {"id": "evt_1", "object": "event", "created_at": NOW, "type": "response.completed", "data": {"id": "resp_1"}}
BODY = json.dumps(EVENT)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_webhooks, "time", SimpleNamespace(time=lambda: NOW + 0.9))


def signed(body: str = BODY, at: Any = NOW, key: bytes = KEY) -> dict[str, str]:
    mac = hmac.new(key, f"wh_1.{at}.{body}".encode(), hashlib.sha256)
    return {
        "Webhook-Id": "wh_1",
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": f"v1,bm90IHRoaXM= v1,{base64.b64encode(mac.digest()).decode()}",
    }


def test_the_specifications_own_example():
    """The key, message and signature that the Standard Webhooks specification's libraries are tested with."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    client = openai.OpenAI(api_key="test-key")
    client.webhooks.verify_signature(
        '{"test": 2432232314}',
        headers,
        secret="whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        tolerance=NOW,
    )


@pytest.mark.parametrize("kind", ["OpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize("body", [BODY, BODY.encode()])
def test_a_true_one_is_unwrapped(kind: str, body: Any):
    client = getattr(openai, kind)(api_key="test-key", webhook_secret=SECRET)
    event = client.webhooks.unwrap(body, signed())
    assert type(event).__name__ == "ResponseCompletedWebhookEvent"
    assert event.data.id == "resp_1"
    assert client.webhooks.unwrap(body, signed(key=b"plain"), secret="plain") == event


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (BODY.replace("resp_1", "resp_2"), signed(), "does not match"),
        (BODY, signed(key=b"another"), "does not match"),
        (BODY, {**signed(), "Webhook-Id": "wh_2"}, "does not match"),
        (BODY, signed(at=NOW - 301), "too old"),
        (BODY, signed(at=NOW + 301), "too new"),
        (BODY, signed(at="soon"), "timestamp format"),
    ],
)
def test_a_false_one_is_refused(body: str, headers: dict[str, str], why: str):
    client = openai.OpenAI(api_key="test-key", webhook_secret=SECRET)
    with pytest.raises(openai.InvalidWebhookSignatureError, match=why):
        client.webhooks.unwrap(body, headers)


@pytest.mark.parametrize("name", ["Id", "Timestamp", "Signature"])
def test_what_is_missing_is_said(name: str):
    headers = signed()
    del headers[f"Webhook-{name}"]
    client = openai.OpenAI(api_key="test-key")
    with pytest.raises(ValueError, match=f"webhook-{name.lower()} header"):
        client.webhooks.unwrap(BODY, headers, secret=SECRET)
    with pytest.raises(ValueError, match="webhook secret must"):
        client.webhooks.unwrap(BODY, signed())


def test_endpoints_are_managed_as_other_things_are(loopback: Any):
    loopback.say({"id": "we_1", "secret": "s", "name": "n"})
    client = openai.OpenAI(api_key="test-key", base_url=loopback.url)
    made = client.webhooks.create(event_types=["batch.completed"], name="n", url="https://example.com/hook")
    assert made.id == "we_1"
    assert (loopback.seen[0].method, loopback.seen[0].path) == ("POST", "/v1/webhook_endpoints")
    from modelmux.openai.resources.webhooks import Webhooks
    from modelmux.openai.resources.webhooks.webhooks import Webhooks as Deep

    assert isinstance(client.webhooks, Webhooks)
    assert Deep is Webhooks
