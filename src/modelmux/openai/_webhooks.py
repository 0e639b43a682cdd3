"""Webhooks: is it from the vendor, and what does it say.

Signed by the Standard Webhooks specification 1.0 (standardwebhooks.com): HMAC-SHA256 over ``id.timestamp.body``, in
base64, with a secret that is itself base64 behind ``whsec_``. Secrets without that mark are taken as they are, and so
are signatures without a version, as the vendor's own client takes them.
"""

from __future__ import annotations

import base64
import hmac
import time
from typing import Any

from modelmux._json import loads
from modelmux.openai._exceptions import InvalidWebhookSignatureError
from modelmux.openai._registry import registry

TOLERANCE = 300
"""Seconds between the vendor's clock and this one's that are let pass, either way."""
_EVENT = "types.webhooks.unwrap_webhook_event:UnwrapWebhookEvent"
_VERSION = "v1,"
_SECRET = "whsec_"  # noqa: S105 - the mark before a secret, not one


class Webhooks:
    """What needs no request; the same in both clients."""

    _client: Any

    def unwrap(self, payload: str | bytes, headers: Any, *, secret: str | None = None) -> Any:
        """A webhook's event, once :meth:`verify_signature` has found it true."""
        self.verify_signature(payload, headers, secret=secret)
        converter = registry.shapes.converter(_EVENT)
        value = loads(payload)
        return value if converter is None else converter(value)

    def verify_signature(
        self, payload: str | bytes, headers: Any, *, secret: str | None = None, tolerance: int = TOLERANCE
    ) -> None:
        """Raise InvalidWebhookSignatureError for a webhook that is not the vendor's, or not of now (``tolerance`` in
        seconds), ValueError where there is no secret or a header is missing. ``secret``: the client's by default.
        """
        secret = self._client.webhook_secret if secret is None else secret
        if secret is None:
            raise ValueError(
                "The webhook secret must either be set using the env var, OPENAI_WEBHOOK_SECRET, on the client class, "
                "OpenAI(webhook_secret='123'), or passed to this function"
            )
        given = _lowered(headers)
        signatures, said, name = (_wanted(given, what) for what in ("signature", "timestamp", "id"))
        _check_time(said, tolerance)
        key = base64.b64decode(secret.removeprefix(_SECRET)) if secret.startswith(_SECRET) else secret.encode()
        body = payload if isinstance(payload, str) else payload.decode()
        digest = hmac.digest(key, f"{name}.{said}.{body}".encode(), "sha256")
        expected = base64.b64encode(digest).decode()
        if not any(hmac.compare_digest(expected, one.removeprefix(_VERSION)) for one in signatures.split()):
            raise InvalidWebhookSignatureError(
                "The given webhook signature does not match the expected signature"
            ) from None


AsyncWebhooks = Webhooks  # nothing here waits


def _lowered(headers: Any) -> dict[str, str]:
    pairs = headers.items() if hasattr(headers, "items") else headers
    return {str(name).lower(): value for name, value in pairs}


def _wanted(headers: dict[str, str], name: str) -> str:
    value = headers.get(f"webhook-{name}")
    if value is None:
        raise ValueError(f"Could not find webhook-{name} header")
    return value


def _check_time(said: str, tolerance: int) -> None:
    try:
        at = int(said)
    except ValueError:
        raise InvalidWebhookSignatureError("Invalid webhook timestamp format") from None
    age = int(time.time()) - at
    if age > tolerance:
        raise InvalidWebhookSignatureError("Webhook timestamp is too old") from None
    if age < -tolerance:
        raise InvalidWebhookSignatureError("Webhook timestamp is too new") from None
