"""Recorded replies of three vendors, read through an unmodified SDK of one of them: ``python crossing.py messages``.

The vendor on loopback plays each recorded reply byte for byte, whole or streamed as it was; modelmux hands it over in
the SDK's own format. What the SDK then holds (text, tool calls with parsed arguments, JSON where JSON was asked for, an
error of its own class) is compared with what plain path look-ups find in the recording (``tests/fidelity/oracle.py``).
Prints one JSON object: for each back, how many of what were compared, and what differed.
"""

from __future__ import annotations

import json
import sys
import traceback
import warnings
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

from shapes import lowered, model_of  # noqa: E402

import corpus  # noqa: E402  # after the path is there
from fidelity import oracle  # noqa: E402
from fidelity.expected import Answer, Failure, at, object_in  # noqa: E402
from modelmux import Endpoint, Mux  # noqa: E402
from modelmux.testing import VendorServer, forbid_network  # noqa: E402

BACKS = {
    "openai": ("openai.chat", "openai/gpt-4.1-mini"),
    "anthropic": ("anthropic.messages", "anthropic/claude-sonnet-4-5"),
    "gemini": ("gemini.generateContent", "gemini/gemini-2.5-flash"),
}
CHAT_ONLY = "groq/openai/gpt-oss-120b"
"""For chat completions behind Responses: OpenAI's own models would be asked in the format that came."""

FRONTS = {
    "chat": "front_openai_chat",
    "responses": "front_openai_responses",
    "messages": "front_anthropic",
    "gemini": "front_google",
}
OWN_PARTS = ("server_tool_use", "executableCode", "inlineData", "image_url", "mcp_tool", '"function_call":')
"""What only the recorded vendor has a form for; other formats tell it otherwise, or with a warning."""

STATUSES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("RequestRejected", "UnsupportedParameter", "ContextTooLong", "ContentBlocked"), (400,)),
    "AuthError": (401,),
    "BillingError": (402,),
    "PermissionDenied": (403,),
    "ModelNotFound": (404,),
    "RequestTooLarge": (413,),
    **dict.fromkeys(("RateLimited", "QuotaSpent"), (429,)),
    **dict.fromkeys(("ServerError", "Overloaded", "MalformedResponse", "ToolUseFailed"), (500, 502, 503, 529)),
}
"""The class that the oracle has for an error -> the status with which another format tells it; the SDK's class follows
from that.
"""


def schema_of(body: Any) -> dict[str, Any] | None:
    """The JSON schema that a recorded request asked its answer to follow."""
    places = (
        ("response_format", "json_schema", "schema"),
        ("output_config", "format", "schema"),
        ("output_format", "schema"),
        ("generationConfig", "responseJsonSchema"),
        ("generationConfig", "responseSchema"),
    )
    found = next((lowered(schema) for place in places if isinstance(schema := at(body, *place), dict)), None)
    return found if found and found.get("type") == "object" else None


def comparable(row: dict[str, Any], expected: Any) -> bool:
    """Replies that every format has words for. One with arguments that are no JSON (a model was cut short) has none."""
    if isinstance(expected, Failure):
        return row["response"]["status"] >= 400
    text = corpus.body_of(row["response"]).decode()
    first = expected.answers[0] if len(expected.answers) == 1 else None
    if first is None or first.refusal or any(word in text for word in OWN_PARTS):
        return False
    return all(call.text == "" or object_in(call.text) or call.text.strip() == "{}" for call in first.calls)


def compare(front: Any, sdk: Any, model: str, server: VendorServer, row: dict[str, Any]) -> tuple[str, str | None]:
    """What was compared, and what differs."""
    expected = oracle.expect(row)
    server.reset()
    server.play(row)
    answer = Answer() if isinstance(expected, Failure) else expected.answers[0]
    names = sorted({call.name for call in answer.calls})
    schema = None if names else schema_of(row["request"].get("body"))
    try:
        got = front.ask(sdk, model, names=names, schema=schema, stream=bool(row["stream"]))
    except front.ERROR as error:
        if not isinstance(expected, Failure):
            return "answers", f"{type(error).__name__}: {error}"
        return "errors", wrong(front, error, expected, row["response"]["status"] if server.wire == front.OWN else None)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return "answers", f"{type(error).__name__}: {error}"
    if isinstance(expected, Failure):
        return "errors", f"no error but {got}"
    wanted = answer.text, [(call.name, call.arguments) for call in answer.calls]
    kind = "tool calls" if names else "structured" if schema else "texts"
    if got != wanted:
        return kind, f"{got} is not {wanted}"
    if schema:
        json.loads(got[0])
    return f"streamed {kind}" if row["stream"] else kind, None


def wrong(front: Any, error: Exception, expected: Failure, own: int | None) -> str | None:
    """What is wrong with an error. ``own`` is the status that it has in this format itself."""
    problem: str | None = front.wrong(error)
    if problem is None:
        allowed = [status for kind in expected.classes for status in STATUSES[kind]] if own is None else [own]
        if front.status(error) not in allowed:
            return f"{error!r} has status {front.status(error)}, not one of {allowed}"
    return problem


def parse(front: Any, sdk: Any, model: str, server: VendorServer, row: dict[str, Any]) -> tuple[str, str | None]:
    """Whether the object that the SDK makes of an answer holds what was recorded."""
    server.reset()
    server.play(row)
    text = json.loads(oracle.expect(row).answers[0].text)
    try:
        got = front.parse(sdk, model, model_of(schema_of(row["request"]["body"])), stream=bool(row["stream"]))
        told = got.model_dump(mode="json", by_alias=True, exclude_unset=True)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return "parsed", f"{type(error).__name__}: {error}"
    return "parsed", None if told == text else f"{told} is not {text}"


def parses(row: dict[str, Any], expected: Any) -> bool:
    """Whether an answer is a JSON object that was asked for, and whole."""
    if isinstance(expected, Failure) or not comparable(row, expected) or not schema_of(row["request"].get("body")):
        return False
    answer = expected.answers[0]
    return not answer.calls and answer.finish == "stop" and bool(object_in(answer.text))


def read(front: Any, sdk: Any, model: str, server: VendorServer, row: dict[str, Any]) -> tuple[str, str | None]:
    """Whether the SDK gets through a reply that formats tell differently: to its end, or to an error of its own."""
    server.reset()
    server.play(row)
    try:
        front.ask(sdk, model, names=[], schema=None, stream=bool(row["stream"]))
    except front.ERROR:
        pass
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return "others", f"{type(error).__name__}: {error}"
    return "others", None


def judge(
    front: Any, mux: Mux, model: str, server: VendorServer, rows: Any, counts: Counter[str], differing: dict[str, str]
) -> None:
    """Compare a few. What the SDK cannot read in its own vendor's bytes (made for another client of theirs, or before a
    change of the SDK) is no fault of whoever passes them on: it is asked once more with nothing in between.
    """
    sdk, own = front.client(mux), server.wire == front.OWN
    for row in rows:
        expected = oracle.expect(row)
        judges = [compare if comparable(row, expected) else read, *([parse] if parses(row, expected) else [])]
        for judged in judges:
            kind, problem = judged(front, sdk, model, server, row)
            counts[kind] += 1
            if (
                problem is not None
                and own
                and judged(front, front.client(None, server.base_url), model, server, row)[1]
            ):
                counts["not read by the SDK alone either"] += 1
            elif problem is not None:
                differing[f"{row['id']} {kind}"] = problem[:400]


def main(name: str, *only: str) -> None:
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(HERE))
    front = import_module(FRONTS[name])
    told: dict[str, Any] = {}
    with forbid_network():
        for back, (api, own) in BACKS.items():
            model = CHAT_ONLY if (name, back) == ("responses", "openai") else own
            counts: Counter[str] = Counter()
            differing: dict[str, str] = {}
            rows = [row for row in corpus.recordings(api) if not only or row["id"] in only]
            with VendorServer(back, key=None) as server:
                for errors in (False, True):
                    endpoint = Endpoint(model, base_url=server.base_url, api_key="test-key")
                    chosen = [row for row in rows if (row["response"]["status"] >= 400) == errors]
                    # Errors are told to who asked for a stream, too.
                    single = [[{**row, "stream": stream}] for row in chosen for stream in (False, True)]
                    for each in single if errors else [chosen]:
                        with Mux([endpoint]) as mux:  # of its own for each error: the next one is not to be spared it
                            judge(front, mux, model, server, each, counts, differing)
            told[back] = {"counts": counts, "differing": differing}
    print(json.dumps({"front": name, "backs": told}))


if __name__ == "__main__":
    main(*sys.argv[1:])
