"""Conversations that move between vendors stay valid at every one of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossing import bodies, histories, native
from modelmux import wire
from modelmux.types import Request

FAMILIES = ({"gemini.generateContent", "gemini.interactions"}, {"anthropic.messages", "bedrock.invoke"})
"""Wires of one vendor, which takes its own proofs on both."""


@pytest.mark.parametrize(("target", "model"), histories.TARGETS)
@given(request=histories.requests(), stream=st.booleans())
def test_a_history_of_any_makers_is_valid_at_every_target(
    target: str, model: str, request: Request, stream: bool
) -> None:
    body, _ = wire.get(target).encode_request(request, model=model, stream=stream)
    assert list(bodies.problems(target, body)) == []
    said = json.dumps(body)
    kin = next((family for family in FAMILIES if target in family), {target})
    for maker in set(native.ANSWERS) - kin:
        assert native.proof(maker, 0)[6:] not in said, f"a proof of {maker} leaves for {target}"
