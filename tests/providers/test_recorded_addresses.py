"""The addresses that recordings went to, made anew from what a user would say."""

from __future__ import annotations

import re
from typing import Any

import pytest

import corpus
from modelmux import wire

RESOURCE = re.compile(r"https://[^/]+\.azure\.com")
DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")
IN_PATH = re.compile(r"/models/([^:]+):")


def asked_of(row: dict[str, Any]) -> tuple[str, str] | None:
    """The model and address that lead to the recorded URL; None where it is no address of the vendor's."""
    url = row["request"]["url"]
    if row["vendor"] == "vertex":
        address, _, rest = url.partition("/publishers/")
        found = IN_PATH.search(rest)
        return (found[1], address) if found and "%24alt" not in rest else None
    resource = RESOURCE.match(url)
    if resource is None or url == f"{resource[0]}/chat/completions":
        return None
    old = DEPLOYMENT.search(url)
    model = old[1] if old else str((row["request"].get("body") or {}).get("model") or "any")
    query = f"?{url.partition('?')[2]}" if old else ""
    return model, resource[0] + query


@pytest.mark.parametrize("api", ["azure.chat", "azure_ai.chat", "vertex.generateContent", "vertex.anthropic"])
def test_recorded_addresses_are_reached(request_to, api: str) -> None:
    reached = 0
    for row in corpus.recordings(api):
        asked = asked_of(row)
        if asked is None:
            continue
        model, address = asked
        recorded = row["request"]["url"]
        made = request_to(
            f"{row['vendor']}/{model}", {}, stream=":stream" in recorded, base_url=address, api_key="test-key"
        )
        assert made.url == recorded
        reached += 1
    assert reached >= {"azure.chat": 50, "azure_ai.chat": 20, "vertex.generateContent": 85, "vertex.anthropic": 5}[api]


def test_a_request_to_claude_in_the_cloud_comes_out_as_it_went_in() -> None:
    codec = wire.get("vertex.anthropic")
    bodies = [row["request"]["body"] for row in corpus.recordings("vertex.anthropic")]
    assert len(bodies) == 5
    for body in bodies:
        request = codec.decode_request(body)
        again, warnings = codec.encode_request(
            request, model="claude-3-7-sonnet@20250219", stream=bool(body.get("stream"))
        )
        assert again == body
        assert warnings == []
