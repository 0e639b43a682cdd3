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


@pytest.mark.parametrize(("target", "model"), histories.TARGETS)
@given(request=histories.requests(), first=st.sampled_from(histories.TARGETS))
def test_what_one_vendor_was_asked_can_be_asked_of_another(
    target: str, model: str, request: Request, first: tuple[str, str]
) -> None:
    """As when a body in one vendor's format comes in at a front, and its models are all busy."""
    said, _ = wire.get(first[0]).encode_request(request, model=first[1])
    body, _ = wire.get(target).encode_request(wire.get(first[0]).decode_request(said), model=model)
    assert first[0] == target or list(bodies.problems(target, body)) == []
