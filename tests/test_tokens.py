"""The estimate of a prompt, against what vendors reported for recorded requests."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corpus
from modelmux import tokens, wire
from modelmux.catalogue.tokenizers import CLASSES, FAMILIES, Profile, family_of
from modelmux.routing.learning import Learned, script_of
from modelmux.types import Media, Message, ReasoningOptions, Request, ServerTool, Text, Tool, ToolCall, ToolResult

GEMINI = "gemini.generateContent"
WIRES = {"anthropic.messages": "anthropic.messages", GEMINI: GEMINI, "vertex.generateContent": GEMINI}


def ask(text: str) -> Request:
    return Request((Message("user", (Text(text),)),))


# --- recordings


def _documents(body: str) -> Iterator[dict[str, Any]]:
    try:
        value = json.loads(body)
    except ValueError:
        lines = [line[5:].strip() for line in body.splitlines() if line.startswith("data:")]
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue
    else:
        yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict))


def _reported(format_id: str, body: str) -> int | None:
    """Input tokens as the vendor reported them, read from the raw JSON: cached ones included."""
    found = None
    for document in _documents(body):
        if format_id == "anthropic.messages":
            usage = document.get("usage") or (document.get("message") or {}).get("usage") or {}
            fields = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
            found = found or sum(usage.get(field) or 0 for field in fields)
        elif format_id == GEMINI:
            found = (document.get("usageMetadata") or {}).get("promptTokenCount") or found
        else:
            usage = document.get("usage") or (document.get("x_groq") or {}).get("usage") or {}
            found = usage.get("prompt_tokens") or found
    return found


class Case(NamedTuple):
    id: str
    format: str
    tools: bool
    estimate: tokens.Estimate
    reported: int
    media: bool
    vendor: str
    model: str
    measure: tokens.Measure
    profile: Profile


@cache
def cases() -> tuple[Case, ...]:
    found = []
    for row in corpus.recordings():
        format_id = WIRES.get(row["api"]) or ("openai.chat" if row["api"].endswith(".chat") else None)
        request, response = row["request"], row["response"]
        if format_id is None or row["kind"] != "full" or response["status"] >= 400:
            continue
        if request.get("body_encoding") != "json" or response.get("body_encoding") != "text":
            continue
        reported = _reported(format_id, response["body"])
        if not reported or "encrypted_content_REDACTED" in json.dumps(request["body"]):
            continue  # what was searched was cut out of the recording, not out of the count
        asked = wire.get(format_id).decode_request(request["body"])
        measure = tokens.measure(asked)
        profile = tokens.profile(row.get("model") or request["url"], format_id, provider=row["vendor"])
        case = Case(row["id"], format_id, bool(measure.tools), measure.estimate(profile), reported,
                    bool(measure.media), row["vendor"], row.get("model") or "", measure, profile)  # fmt: skip
        found.append(case)
    return tuple(found)


def closed() -> list[Case]:
    """Requests whose input is all in the recording: media there were replaced by tiny ones."""
    return [case for case in cases() if not case.estimate.open and not case.media]


def test_there_are_recordings_to_judge_by():
    assert len(closed()) > 2_000
    assert {case.format for case in closed()} == {"openai.chat", "anthropic.messages", GEMINI}


def test_the_bound_is_never_exceeded():
    wrong = {case.id: (case.reported, case.estimate) for case in cases() if not case.estimate.open
             and case.reported > case.estimate.bound}  # fmt: skip
    assert wrong == {}


@pytest.mark.parametrize("format_id", ["openai.chat", "anthropic.messages", GEMINI])
def test_the_upper_figure_holds_for_99_percent(format_id):
    held = [case.estimate.upper >= case.reported for case in closed() if case.format == format_id]
    assert sum(held) / len(held) >= 0.99


@pytest.mark.parametrize(
    ("format_id", "tools", "error"),
    [
        ("openai.chat", False, 0.12),
        ("openai.chat", True, 0.17),
        ("anthropic.messages", False, 0.19),
        ("anthropic.messages", True, 0.19),
        (GEMINI, False, 0.13),
        (GEMINI, True, 0.22),
    ],
)
def test_the_expected_figure_is_near(format_id, tools, error):
    off = [abs(c.estimate.expected / c.reported - 1) for c in closed() if (c.format, c.tools) == (format_id, tools)]
    assert statistics.median(off) <= error


# --- after learning


def learned() -> dict[str, list[tuple[bool, float, bool, bool]]]:
    """By vendor, every closed request in the order of the corpus: whether 50 calls came before it (or half of what
    there is), the error of the estimate, and whether the upper figure and the bound held. Each is learned from after.
    """
    found: dict[str, list[tuple[bool, float, bool, bool]]] = {}
    by_vendor: dict[str, list[Case]] = {}
    for case in closed():
        if not case.profile.agentic:
            by_vendor.setdefault(case.vendor, []).append(case)
    for vendor, mine in by_vendor.items():
        known, rows = Learned(), found.setdefault(vendor, [])
        for number, case in enumerate(mine):
            profile = known.profile(case.model, script_of(case.measure)) or case.profile
            estimate = case.measure.estimate(profile)
            late = number >= min(50, len(mine) // 2)
            error = abs(estimate.expected / case.reported - 1)
            rows.append((late, error, case.reported <= estimate.upper, case.reported <= estimate.bound))
            known.learn(case.model, case.profile, case.measure, case.reported)
    return found


def test_after_fifty_calls_the_estimate_is_near():
    rows = [row for mine in learned().values() for row in mine]
    assert statistics.median(error for late, error, _, _ in rows if late) <= 0.08
    assert sum(upper for _, _, upper, _ in rows) / len(rows) >= 0.99
    assert all(bound for _, _, _, bound in rows)


# --- laws

anything = st.text(st.characters(codec="utf-8"), max_size=300)


@given(text=anything, family=st.sampled_from(sorted(FAMILIES)))
def test_a_token_is_at_least_a_byte(text, family):
    estimate = tokens.measure(ask(text)).estimate(tokens.profile("m", "openai.chat", family=family))
    assert estimate.bound >= len(text.encode())
    assert 0 <= estimate.expected <= estimate.upper
    assert estimate.upper <= estimate.bound


@given(texts=st.lists(st.text(max_size=2_000), min_size=1, max_size=4), times=st.integers(1, 40))
def test_size_is_exact_however_long_and_however_split(texts, times):
    request = Request(tuple(Message("user", (Text(text * times),)) for text in texts))
    assert tokens.measure(request).size == sum(len((text * times).encode("utf-8", "surrogatepass")) for text in texts)


@given(st.text(st.sampled_from("abcXYZ 019\n.,äéЖяאبहไ→あ漢한ｆ🎉"), min_size=1, max_size=400))
def test_every_character_is_of_one_class(text):
    assert sum(tokens.measure(ask(text)).counts) == len(text)


def test_classes():
    samples = ("a", "A", "7", " ", "\n", "{", "é", "λ", "ж", "ب", "ह", "→", "あ", "漢", "한", "ｆ", "🎉")
    for name, character in zip(CLASSES, samples, strict=True):
        counts = tokens.measure(ask(character + "é")).counts
        assert counts[CLASSES.index(name)] >= 1, name


def test_a_long_text_is_sampled_near_its_true_count():
    text = "The quick brown fox jumps over 13 lazy dogs. 오늘 날씨가 좋다. "
    once = tokens.measure(ask(text * 10)).estimate().expected
    much = tokens.measure(ask(text * 1_000)).estimate().expected
    split = tokens.measure(Request(tuple(Message("user", (Text(text),)) for _ in range(1_000)))).estimate().expected
    assert much == pytest.approx(once * 100, rel=0.05)
    assert split - 5 * 1_000 == pytest.approx(much, rel=0.05)


@pytest.mark.parametrize(
    ("family", "text", "count"),
    [
        # counted once with tiktoken 0.14, o200k_base and cl100k_base
        ("o200k", "This library helps developers to choose the right model for each of their requests.", 15),
        (
            "o200k",
            "이 라이브러리는 요청마다 알맞은 모델을 고르도록 돕습니다. 서울의 날씨에 대해 물어볼 수 있습니다.",
            31,
        ),
        (
            "cl100k",
            "이 라이브러리는 요청마다 알맞은 모델을 고르도록 돕습니다. 서울의 날씨에 대해 물어볼 수 있습니다.",
            55,
        ),
        ("o200k", "这个程序库帮助开发者为每个请求选择合适的模型。请用三句话总结昨天会议讨论的内容。", 27),
        ("o200k", "Эта библиотека помогает разработчикам выбирать подходящую модель для каждого запроса.", 18),
    ],
)
def test_scripts_count_as_tokenizers_count_them(family, text, count):
    profile = tokens.profile("m", "openai.chat", family=family)
    added = profile.overhead.request + profile.overhead.message
    assert tokens.measure(ask(text)).estimate(profile).expected - added == pytest.approx(count, rel=0.25)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o-mini", "o200k"),
        ("gpt-5.1-codex", "o200k"),
        ("o3-mini", "o200k"),
        ("openai/gpt-4.1", "o200k"),
        ("gpt-4-turbo", "cl100k"),
        ("gpt-3.5-turbo", "cl100k"),
        ("openai/gpt-oss-120b", "gpt-oss"),
        ("anthropic/claude-haiku-4-5", "claude"),
        ("gemini-2.5-flash", "gemini"),
        ("meta-llama/Llama-3.3-70B", "llama"),
        ("mystery", "other"),
    ],
)
def test_families_by_name(model, family):
    assert family_of(model) == family


# --- what is in a request


def test_tools_calls_results_and_schemas_count():
    tool = Tool("look_up", "Looks things up", {"type": "object", "properties": {"what": {"type": "string"}}})
    turns = (
        Message("user", (Text("hi"),)),
        Message("assistant", (ToolCall("1", "look_up", {"what": "word " * 50}),)),
        Message("tool", (ToolResult("1", (Text("found " * 50),)),)),
    )
    bare = tokens.estimate(ask("hi"))
    tooled = tokens.estimate(Request(turns[:1], tools=(tool,)))
    whole = tokens.estimate(Request(turns, tools=(tool,)))
    assert bare.expected < tooled.expected < whole.expected - 80
    assert whole.bound - tooled.bound > 550


@pytest.mark.parametrize(
    ("part", "open_"),
    [
        (Media("image", "image/png", data="AAAA"), ()),
        (Media("image", "image/png", url="https://x.invalid/i.png"), ()),
        (Media("image", file_id="f1"), ("image by file id",)),
        (Media("document", "application/pdf", data="AAAA"), ("pdf",)),
        (Media("document", "application/pdf", url="https://x.invalid/d.pdf"), ("pdf by URL",)),
        (Media("document", "text/plain", text="words"), ()),
        (Media("audio", "audio/wav", data="AAAA"), ()),
        (Media("audio", "audio/wav", url="https://x.invalid/a.wav"), ("audio by URL",)),
        (Media("video", "video/mp4", data="AAAA"), ("video",)),
    ],
)
def test_what_has_no_bound_is_named(part, open_):
    assert tokens.estimate(Request((Message("user", (part,)),))).open == open_


def test_media_in_tool_results_count():
    result = ToolResult("1", (Media("image", "image/png", data="AAAA"),))
    assert tokens.measure(Request((Message("tool", (result,)),))).media_kinds == ("image",)


def test_tools_of_the_vendor_and_input_it_keeps_are_open():
    served = tokens.estimate(Request(ask("hi").messages, tools=(ServerTool("web_search", "openai.chat"),)))
    assert (served.open, served.looped) == (("web_search",), True)
    kept = tokens.estimate(Request(ask("hi").messages, extra={GEMINI: {"cachedContent": "cachedContents/1"}}))
    assert (kept.open, kept.looped) == (("cachedContent",), False)
    agentic = tokens.estimate(ask("hi"), "groq/compound")
    assert agentic.looped


def test_half_a_surrogate_pair_is_measured():
    assert tokens.estimate(ask("\ud83d")).bound >= 3


@pytest.mark.parametrize(
    ("more", "cap", "expected"),
    [
        ({}, None, 400),
        ({}, 50, 50),
        ({"max_tokens": 7}, 50, 7),
        ({"max_tokens": 9_000}, None, 400),
        ({"reasoning": ReasoningOptions(effort="high")}, None, 6_400),
        ({"reasoning": ReasoningOptions(effort="high"), "max_tokens": 1_000}, None, 1_000),
        ({"reasoning": ReasoningOptions(budget=4_000)}, None, 2_400),
        ({"reasoning": ReasoningOptions(enabled=False)}, None, 400),
    ],
)
def test_predicted_output(more, cap, expected):
    assert tokens.predict_output(Request(ask("hi").messages, **more), cap) == expected
