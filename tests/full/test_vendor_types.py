"""Bodies made from every recorded request are what the vendors' own SDKs would have let their users send.

Each SDK lives in an environment of its own (``environments.py``) and judges there (``benchmarks/sdk_types.py``). A
request that comes from another format is judged always; one that stays in its format only where the SDK takes the
recorded body itself: clients send what no type knows.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import corpus
from full.environments import directory, python_of
from modelmux import wire
from modelmux.errors import ModelmuxError
from modelmux.types import Request

WORKER = Path(__file__).parents[2] / "benchmarks" / "sdk_types.py"

SDKS = {
    "openai": "openai==3.54.0",
    "anthropic": "anthropic==2.12.0",
    "google-genai": "google-genai==3.4.0",
    "cohere": "cohere==7.3.1",
    "mistralai": "mistralai==3.7.0",
    "ollama": "ollama==0.6.3",
    "groq": "groq==1.7.0",
    "botocore": "botocore==1.44.5",
}

TARGETS = {
    "openai.chat": ("openai", "gpt-5-mini"),
    "openai.responses": ("openai", "gpt-5-mini"),
    "openai.completions": ("openai", "gpt-3.5-turbo-instruct"),
    "anthropic.messages": ("anthropic", "claude-sonnet-4-5"),
    "bedrock.invoke": ("anthropic", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "bedrock.converse": ("botocore", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "gemini.generateContent": ("google-genai", "gemini-2.5-flash"),
    "gemini.interactions": ("google-genai", "gemini-2.5-flash"),
    "cohere.chat_v2": ("cohere", "command-a-03-2025"),
    "mistral.chat": ("mistralai", "mistral-large-latest"),
    "ollama.chat": ("ollama", "qwen3"),
    "groq.chat": ("groq", "llama-3.3-70b-versatile"),
}
"""What is spoken -> the SDK that has types for it, and the model asked."""

_IMAGES = "the caller asks for images, which the model has not: the vendor's refusal says it best"

KNOWN: tuple[tuple[str, str, str, str], ...] = (
    ("openai.chat", r"^modalities", "", _IMAGES),
    ("groq.chat", r"^modalities", "", _IMAGES),
    ("mistral.chat", r"'modalities'", "", _IMAGES),
    (
        "openai.responses",
        r"^input",
        '"type": "output_text"',
        "a turn of several texts: as the model's it would need an id of OpenAI's making; the service takes it without",
    ),
    (
        "openai.responses",
        r"^input",
        '"type": "input_audio"',
        "audio: other servers of this format take it, and it is left to OpenAI to refuse it",
    ),
    ("bedrock.converse", r"topP, value: -1", "", "the caller's own -1 went out as it was"),
)
"""Refusals of crossed bodies that stand: target, what the SDK says, what stands in the body, why."""

STREAMING = {"stream", "stream_options"}
"""Fields that a whole answer is asked for without."""


@dataclass
class Case:
    """A body for a target. ``original`` is what was recorded, where it was in the same format."""

    id: str
    target: str
    body: dict[str, Any]
    original: dict[str, Any] | None


@cache
def recorded() -> list[tuple[str, Request]]:
    """Id and request of every recording whose request is there and was answered well."""
    found = []
    for row in corpus.recordings():
        body = row["request"].get("body")
        if row["kind"] != "full" or not isinstance(body, dict) or row["response"]["status"] >= 400:
            continue
        try:
            request = wire.get(row["api"]).decode_request(body)
        except ModelmuxError:
            continue  # no chat wire, or a body recorded for being wrong
        if request.source is not None and request.messages:
            found.append((row["id"], request))
    return found


def form(wire_id: str, body: dict[str, Any]) -> str:
    """The format of a body: Bedrock takes Claude's, but for a field."""
    return "anthropic.messages" if wire_id == "bedrock.invoke" and "anthropic_version" in body else wire_id


def cases(target: str) -> Iterator[Case]:
    codec, model = wire.get(target), TARGETS[target][1]
    for row_id, request in recorded():
        assert request.source is not None
        origin = form(request.source.wire, request.source.body)
        body, _ = codec.encode_request(replace(request, source=None), model=model)
        same = origin == form(codec.id, body)
        original = {name: value for name, value in request.source.body.items() if name not in STREAMING}
        yield Case(row_id, target, body, original if same else None)


def verdicts(sdk: str, python: Path, asked: list[tuple[str, dict[str, Any]]]) -> list[str | None]:
    """What the SDK says of each body: None where its types take it."""
    lines = "".join(json.dumps({"target": target, "body": body}) + "\n" for target, body in asked)
    done = subprocess.run([python, WORKER, sdk], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(asked)
    return found


@pytest.fixture(scope="module")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    homes = directory(tmp_path_factory.getbasetemp() / "sdks")
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(SDKS, pool.map(lambda sdk: python_of(homes / SDKS[sdk], SDKS[sdk]), SDKS), strict=True))


def why(case: Case, said: str) -> str | None:
    body = json.dumps(case.body)
    found = (
        why for target, says, holds, why in KNOWN if target == case.target and re.search(says, said) and holds in body
    )
    return next(found, None)


@pytest.mark.full
def test_what_is_sent_is_what_the_vendors_types_take(
    pythons: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    counted: Counter[str] = Counter()
    unexplained: dict[str, list[str]] = {}
    for sdk, python in pythons.items():
        of_sdk = [case for target in TARGETS if TARGETS[target][0] == sdk for case in cases(target)]
        theirs = iter(verdicts(sdk, python, [(c.target, c.original) for c in of_sdk if c.original is not None]))
        judged = [case for case in of_sdk if case.original is None or next(theirs) is None]
        counted["left"] += len(of_sdk) - len(judged)
        for case, said in zip(judged, verdicts(sdk, python, [(c.target, c.body) for c in judged]), strict=True):
            counted["same" if case.original is not None else "crossed"] += 1
            reason = said and why(case, said)
            counted["known"] += bool(reason)
            if said and not reason:
                unexplained.setdefault(f"{case.target}: {re.sub(r'[0-9]+', 'N', said)}", []).append(case.id)
    with capsys.disabled():
        print(
            f"\n{counted['crossed']:,} crossed and {counted['same']:,} kept bodies at {len(TARGETS)} formats of "
            f"{len(SDKS)} SDKs, {sum(map(len, unexplained.values()))} refused, {counted['known']} more for known "
            f"reasons; {counted['left']:,} not judged: their originals are refused too"
        )
    assert {said: (len(ids), ids[0]) for said, ids in unexplained.items()} == {}


@pytest.mark.full
@pytest.mark.parametrize("target", TARGETS)
def test_the_types_see_what_is_wrong(target: str, pythons: dict[str, Path]) -> None:
    """A field of the request with a value that no vendor takes is refused, else the other test shows nothing."""
    sdk = TARGETS[target][0]
    body = next(case.body for case in cases(target) if case.original is None)
    place = next(name for name in ("messages", "contents", "input", "prompt") if name in body)
    spoilt = [{**body, place: [{"role": "user", "content": 1.5, "parts": 1.5, "type": "user_input"}]}]
    good, *bad = verdicts(sdk, pythons[sdk], [(target, each) for each in (body, *spoilt)])
    assert good is None
    assert all(bad)
