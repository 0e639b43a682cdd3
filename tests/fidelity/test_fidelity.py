"""Every recording, decoded by the codecs and held against an oracle that knows nothing of them."""

from __future__ import annotations

import ast
import json
import random
import re
import sys
from pathlib import Path

import pytest

from corpus import body_of, recordings
from fidelity import bedrock, oracle, table
from fidelity.compare import Outcome, judge
from fidelity.expected import Failure
from fidelity.known import KNOWN
from modelmux import wire
from modelmux._fold import fold
from modelmux.errors import StreamTruncated

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "fidelity.md"
APIS = sorted({row["api"] for row in recordings() if oracle.covers(row["api"])})

ORACLE = (
    *("expected", "chat", "responses", "completions", "anthropic", "bedrock", "gemini", "cohere", "ollama"),
    "interactions",
    *("refusals", "oracle"),
)

ENDING = re.compile(
    rb'"(finish_reason|finishReason|stop_reason|done_reason)"\s*:\s*("\w|\d)'
    rb'|"type"\s*:\s*"response\.(completed|incomplete|failed|cancelled)"'
    rb'|event_type\\?"\s*:\s*\\?"interaction\.complete'
)
"""Where an answer's end is first spoken of."""

CALLING = {"tool_call", "thinking"}
"""What a recording shows in which everything can be changed."""

WITHOUT_RECORDINGS = ("ai21.chat", "heroku.chat", "upstage.chat", "moonshot.chat")


def unexplained(outcomes: tuple[Outcome, ...]) -> list[str]:
    """What differs without a reason, and whatever was raised."""
    found = [
        str(difference)
        for outcome in outcomes
        for difference in outcome.differences
        if (outcome.id, difference.aspect) not in KNOWN
    ]
    return found + [f"{outcome.id}: {outcome.exception!r}" for outcome in outcomes if outcome.exception is not None]


@pytest.mark.parametrize("api", APIS)
def test_every_recording_decodes_to_what_it_says(api: str):
    outcomes = table.outcomes()[api]
    assert outcomes
    assert unexplained(outcomes) == []


@pytest.mark.full
@pytest.mark.parametrize("api", APIS)
def test_any_split_of_a_stream_gives_the_same(api: str):
    outcomes = tuple(judge(row, splits=25) for row in recordings(api) if row["stream"])
    assert unexplained(outcomes) == []


@pytest.mark.full
@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_comes_byte_by_byte_gives_the_same(api: str):
    differing = []
    for row in recordings(api):
        if not row["stream"] or row["response"]["status"] >= 400 or not judge(row, splits=0).judged:
            continue
        body = body_of(row["response"])
        if len(body) > 20_000 or isinstance(oracle.expect(row), Failure):
            continue
        codec = wire.get(api)
        pieces = [body[place : place + 1] for place in range(len(body))]
        if fold(codec.decode_stream(pieces)) != fold(codec.decode_stream([body])):
            differing.append(row["id"])
    assert differing == []


@pytest.mark.parametrize("api", APIS)
def test_a_stream_cut_before_its_end_is_no_answer(api: str):
    """Wherever the bytes stop, inside an event or between two, before the vendor said how the answer ended."""
    wrong = []
    for row in recordings(api):
        if not row["stream"] or isinstance(oracle.expect(row), Failure):
            continue
        body = body_of(row["response"])
        place = random.Random(row["id"]).randrange(_said(api, body))
        try:
            got: object = fold(wire.get(api).decode_stream([body[:place]]))
        except StreamTruncated:
            continue
        except Exception as error:
            got = error
        wrong.append(f"{row['id']} cut at {place}: {got!r:.200}")
    assert wrong == []


def _said(api: str, body: bytes) -> int:
    """A place in the body at which nothing was said yet of the answer's end."""
    if api in bedrock.APIS:
        return bedrock.ending(body)
    said = ENDING.search(body)
    return said.start() if said else body.index(b"[DONE]")


@pytest.mark.parametrize("aspect", ["text", "reasoning", "tool calls", "finish", "usage", "model"])
def test_the_comparison_sees_one_changed_value(aspect: str, monkeypatch: pytest.MonkeyPatch):
    row = next(row for row in recordings("anthropic.messages") if set(row["features"]) >= CALLING and not row["stream"])
    whole = oracle.expect(row)
    assert judge(row).differing == set()
    answer = whole.answers[0]
    changes = {
        "text": lambda: setattr(answer, "text", answer.text + "."),
        "reasoning": lambda: setattr(answer, "reasoning", answer.reasoning[1:] or "."),
        "tool calls": lambda: setattr(answer.calls[0], "id", answer.calls[0].id + "x"),
        "finish": lambda: setattr(answer, "finish", "stop"),
        "usage": lambda: whole.units.update(output=whole.units["output"] + 1),
        "model": lambda: setattr(whole, "model", None),
    }
    changes[aspect]()
    monkeypatch.setattr(oracle, "expect", lambda row: whole)
    assert judge(row).differing == {aspect}


def test_the_comparison_sees_a_wrong_class_of_error(monkeypatch: pytest.MonkeyPatch):
    row = next(row for row in recordings("anthropic.messages") if row["response"]["status"] == 401)
    monkeypatch.setattr(oracle, "expect", lambda row: Failure(("RateLimited",)))
    assert judge(row).differing == {"error class"}


def test_what_is_known_to_differ_still_does():
    """Else the reason is out of date, and the table says less than is true."""
    differing = {
        (outcome.id, aspect)
        for judged in table.outcomes().values()
        for outcome in judged
        for aspect in outcome.differing
    }
    assert set(KNOWN) - differing == set()


def test_every_recording_of_the_three_formats_is_judged():
    judged = {outcome.id for found in table.outcomes().values() for outcome in found}
    left_out = {row["api"] for row in recordings() if row["id"] not in judged}
    assert not any(map(oracle.covers, left_out))


def test_the_oracle_imports_nothing_of_what_it_judges():
    for name in ORACLE:
        tree = ast.parse((HERE / f"{name}.py").read_text("utf-8"))
        imported = {
            alias.name if isinstance(node, ast.Import) else node.module or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        foreign = {module for module in imported if module.split(".")[0] not in sys.stdlib_module_names}
        assert foreign <= {"corpus", *(f"fidelity.{part}" for part in ORACLE), "fidelity"}


@pytest.mark.parametrize("api", WITHOUT_RECORDINGS)
def test_a_vendor_without_recordings_is_read_as_the_format_it_speaks(api: str):
    """Synthetic: no recording of these was at hand."""
    codec = wire.get(api)
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    said = {"role": "assistant", "content": "Two."}
    answer = {"model": "some-model", "choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
    chunks = (
        {"model": "some-model", "choices": [{"index": 0, "delta": said}]},
        {"model": "some-model", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage},
    )
    whole = codec.decode_response(answer | {"usage": usage})
    events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    streamed = fold(codec.decode_stream([*events, b"data: [DONE]\n\n"]))
    for read in (whole, streamed):
        assert (read.text, read.finish, read.model) == ("Two.", "stop", "some-model")
        assert dict(read.usage) == {"input": 7, "output": 2}
    assert codec.decode_error(404, {}, b'{"error":{"message":"no such model","code":"model_not_found"}}').status == 404


def test_the_page_states_what_the_suite_finds():
    """Written by scripts/fidelity.py."""
    assert table.render() in PAGE.read_text("utf-8")
