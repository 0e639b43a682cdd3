"""Usage readers: what is inside what, streams, and bodies that make no sense. The bodies here are synthetic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux import providers
from modelmux.cost.units import PER
from modelmux.cost.usage import Reader, reader
from modelmux.errors import ConfigError, UnknownName

NAMES = sorted(
    {f"{row}.{call}" for row in providers.names() for call in providers.get(row).readers} | {"acme.chat", "groq.chat"}
)


def test_an_unknown_vendor_is_read_as_an_openai_compatible_one() -> None:
    usage = reader("acme.chat.completions")({"usage": {"prompt_tokens": 3, "completion_tokens": 2}})
    assert dict(usage) == {"input": 3, "output": 2}


def test_an_unknown_call_has_no_reader() -> None:
    with pytest.raises(UnknownName):
        reader("openai.divination")


def test_missing_usage_is_not_zero_usage() -> None:
    read = reader("openai.chat")
    assert not read({"choices": []}).reported
    assert not read({"usage": None}).reported
    assert not read({"usage": {}}).reported
    zero = read({"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}})
    assert zero.reported
    assert not zero


def test_later_stream_counters_win_and_missing_ones_stay() -> None:
    read = reader("anthropic.messages")
    events = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 25, "output_tokens": 1}}},
        {"type": "ping"},
        {"type": "message_delta", "usage": {"output_tokens": 9}},
        {"type": "message_delta", "usage": {"output_tokens": 15, "cache_read_input_tokens": None}},
    ]
    assert dict(read(read.fold(events))) == {"input": 25, "output": 15}


def test_a_late_chunk_without_a_counter_does_not_erase_it() -> None:
    read = reader("gemini.generateContent")
    chunks = [
        {"usageMetadata": {"promptTokenCount": 8, "thoughtsTokenCount": 30, "totalTokenCount": 38}},
        {"usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 4, "totalTokenCount": 42}},
    ]
    assert dict(read(read.fold(chunks))) == {"input": 8, "reasoning": 30, "output": 4}


def test_cached_audio_is_taken_out_of_both() -> None:
    usage = reader("gemini.generateContent")(
        {
            "usageMetadata": {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "candidatesTokenCount": 5,
                "totalTokenCount": 105,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 50},
                    {"modality": "AUDIO", "tokenCount": 50},
                ],
                "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 20}, {"modality": "AUDIO", "tokenCount": 40}],
            }
        }
    )
    assert dict(usage) == {"input": 30, "input_audio": 10, "cache_read": 20, "cache_read_audio": 40, "output": 5}


def test_what_exceeds_the_prompt_was_counted_beside_it() -> None:
    usage = reader("azure_ai.chat")(
        {
            "usage": {
                "prompt_tokens": 24,
                "completion_tokens": 2,
                "total_tokens": 26,
                "prompt_tokens_details": {"cached_tokens": 161},
            }
        }
    )
    assert dict(usage) == {"input": 24, "cache_read": 161, "output": 2}
    assert len(usage.anomalies) == 1


def test_what_only_fails_to_fit_is_trimmed_to_the_prompt() -> None:
    usage = reader("openai.chat")(
        {
            "usage": {
                "prompt_tokens": 10,
                "completion_tokens": 1,
                "total_tokens": 11,
                "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 5},
            }
        }
    )
    assert dict(usage) == {"cache_read": 8, "input_audio": 2, "output": 1}
    assert len(usage.anomalies) == 1


def test_a_token_was_not_both_read_from_a_cache_and_written_to_it() -> None:
    """As OpenRouter counts Gemini's caches; the price it states is that of all three (recording 945f03eee662)."""
    usage = reader("openrouter.chat")(
        {
            "usage": {
                "prompt_tokens": 2168,
                "completion_tokens": 100,
                "total_tokens": 2268,
                "prompt_tokens_details": {"cached_tokens": 2161, "cache_write_tokens": 2161},
            }
        }
    )
    assert dict(usage) == {"input": 7, "cache_read": 2161, "cache_write_5m": 2161, "output": 100}
    assert len(usage.anomalies) == 1


def test_reasoning_among_sub_calls_is_told_by_the_top_level() -> None:
    usage = reader("anthropic.messages")(
        {
            "model": "claude-asked",
            "usage": {
                "input_tokens": 30,
                "output_tokens": 12,
                "output_tokens_details": {"thinking_tokens": 5},
                "iterations": [
                    {"type": "message", "input_tokens": 10, "output_tokens": 4},
                    {"type": "advisor_message", "model": "claude-other", "input_tokens": 15, "output_tokens": 7},
                    {"type": "message", "input_tokens": 20, "output_tokens": 8},
                ],
            },
        }
    )
    assert dict(usage) == {"input": 45, "output": 14, "reasoning": 5}
    assert [dict(units) for _, units in usage.parts] == [{"input": 15, "output": 7}]


def test_kinds_may_be_numbers() -> None:
    usage = reader("gemini.generateContent")(
        {
            "usageMetadata": {
                "promptTokenCount": 12,
                "candidatesTokenCount": 3,
                "totalTokenCount": 15,
                "promptTokensDetails": [{"modality": 1, "tokenCount": 2}, {"modality": 4, "tokenCount": 10}],
            }
        }
    )
    assert dict(usage) == {"input": 2, "input_audio": 10, "output": 3}


def test_one_vendor_counts_reasoning_beside_the_completion_even_without_a_total() -> None:
    body = {
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 30,
            "completion_tokens_details": {"reasoning_tokens": 20},
        }
    }
    assert dict(reader("xai.chat")(body)) == {"input": 7, "output": 30, "reasoning": 20}
    assert dict(reader("openai.chat")(body)) == {"input": 7, "output": 10, "reasoning": 20}


def test_the_total_proves_reasoning_beside_the_output() -> None:
    usage = reader("acme.chat")(
        {
            "usage": {
                "prompt_tokens": 12,
                "completion_tokens": 50,
                "total_tokens": 102,
                "completion_tokens_details": {"reasoning_tokens": 40},
            }
        }
    )
    assert dict(usage) == {"input": 12, "output": 50, "reasoning": 40}
    assert usage.anomalies == ()


def test_the_remainder_of_a_cache_write_is_the_short_one() -> None:
    usage = reader("anthropic.messages")(
        {
            "usage": {
                "input_tokens": 1,
                "output_tokens": 1,
                "cache_creation_input_tokens": 11627,
                "cache_creation": {"ephemeral_5m_input_tokens": 366, "ephemeral_1h_input_tokens": 100},
            }
        }
    )
    assert usage["cache_write_1h"] == 100
    assert usage["cache_write_5m"] == 11527


def test_a_gateways_fee_and_the_upstream_bill_of_an_own_key_add_up() -> None:
    read = reader("openrouter.chat")
    body: dict[str, Any] = {
        "usage": {
            "prompt_tokens": 1,
            "completion_tokens": 1,
            "cost": 0.0001,
            "cost_details": {"upstream_inference_cost": 0.002},
            "is_byok": True,
        }
    }
    assert read(body).vendor_cost == ("0.0021", "USD")
    body["usage"]["is_byok"] = False
    assert read(body).vendor_cost == ("0.0001", "USD")


def test_every_declared_unit_is_known_and_every_reader_compiles() -> None:
    for name in NAMES:
        assert isinstance(reader(name), Reader)


def test_a_misspelt_declaration_names_what_is_wrong() -> None:
    with pytest.raises(ConfigError, match="uints"):
        Reader("acme.chat", {"uints": {}})
    with pytest.raises(ConfigError, match="outptu"):
        Reader("acme.chat", {"units": {"outptu": "x"}})
    with pytest.raises(ConfigError, match="inside itself"):
        Reader("acme.chat", {"units": {"input": {"from": "a", "less": ["input"]}}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**9) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["usage", "usageMetadata", "prompt_tokens", "prompt_tokens_details", "cached_tokens", "total_tokens",
                 "input_tokens", "output_tokens", "iterations", "candidates", "choices", "totalTokenCount", "meta",
                 "cache_creation", "promptTokensDetails", "modality", "tokenCount", "output", "type", "cost", "0"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@given(st.sampled_from(NAMES), json_values, st.lists(json_values, max_size=3))
def test_no_body_breaks_a_reader(name: str, body: Any, events: list[Any]) -> None:
    read = reader(name)
    for usage in (read(body), read(read.fold(events))):
        assert all(isinstance(count, int) and count >= 0 for count in usage.values())
        assert set(usage) <= set(PER)


@given(
    prompt=st.integers(0, 10**6),
    completion=st.integers(0, 10**6),
    cached=st.integers(0, 10**6),
    reasoning=st.integers(0, 10**6),
)
def test_consistent_counters_split_without_loss(prompt: int, completion: int, cached: int, reasoning: int) -> None:
    cached, reasoning = min(cached, prompt), min(reasoning, completion)
    usage = reader("openai.chat")(
        {
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
                "prompt_tokens_details": {"cached_tokens": cached},
                "completion_tokens_details": {"reasoning_tokens": reasoning},
            }
        }
    )
    assert usage.anomalies == ()
    assert sum(usage.values()) == prompt + completion
    assert usage["cache_read"] == cached
    assert usage["reasoning"] == reasoning
