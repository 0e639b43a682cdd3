"""Laws of the codec, on made-up requests and answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from modelmux import types as t
from modelmux import wire
from modelmux._fold import fold, unfold

GEMINI = wire.get("gemini.generateContent")
WIRE = "gemini.generateContent"

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text("abcdefgh_", min_size=1, max_size=8)
# -0.0 equals 0.0 but is spelt otherwise; numbers are not what these laws are about.
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(names, json_values, max_size=3)


def optional(fields: dict[str, Any], **required: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=fields)


blobs = optional({"mimeType": st.just("image/png"), "displayName": words, "odd": json_values}, data=words)
marks: dict[str, Any] = {"thoughtSignature": words, "thought": st.booleans(), "odd": json_values}
raw_parts = st.one_of(
    optional(marks, text=words),
    optional(marks, inlineData=blobs),
    optional(marks, inline_data=st.fixed_dictionaries({"mime_type": st.just("audio/wav"), "data": words})),
    optional(marks, fileData=optional({"mimeType": words}, fileUri=words)),
    optional(marks, functionCall=optional({"args": objects, "id": names, "odd": json_values}, name=names)),
    optional(marks, function_call=optional({"args": objects}, name=names)),
    optional(
        {"thoughtSignature": words},
        functionResponse=optional(
            {"id": names, "willContinue": st.booleans()},
            name=names,
            response=objects | st.fixed_dictionaries({"output": words}) | st.fixed_dictionaries({"error": words}),
        ),
    ),
    optional({}, executableCode=optional({"id": names}, language=st.just("PYTHON"), code=words)),
    optional({}, codeExecutionResult=optional({"output": words}, outcome=st.just("OUTCOME_OK"))),
    optional(marks, toolCall=optional({"args": objects, "id": names}, toolType=st.just("GOOGLE_SEARCH_WEB"))),
    optional(marks, tool_response=optional({"response": objects}, tool_type=st.just("URL_CONTEXT"))),
    objects,
)
raw_contents = optional(
    {"role": st.sampled_from(["user", "model", "function", None, "other"]), "odd": json_values},
    parts=st.lists(raw_parts, max_size=4),
)
schemas = st.sampled_from(
    [{"type": "object"}, {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}, {}]
)
declarations = optional(
    {"description": words, "parameters": schemas, "parametersJsonSchema": schemas, "behavior": words}, name=names
)
raw_tools = optional(
    {
        "functionDeclarations": st.lists(declarations, max_size=3),
        "googleSearch": st.just({}) | st.none(),
        "code_execution": st.just({}),
        "odd": json_values,
    }
)
options = optional(
    {
        "temperature": st.integers(0, 2) | words,
        "maxOutputTokens": st.integers(0, 99),
        "top_k": st.integers(0, 99),
        "stopSequences": st.lists(words, max_size=3),
        "candidateCount": st.integers(1, 3) | st.none(),
        "responseMimeType": st.sampled_from(["application/json", "text/plain", "text/x.enum"]),
        "responseSchema": schemas,
        "responseJsonSchema": schemas,
        "responseModalities": st.lists(st.sampled_from(["TEXT", "IMAGE", "Audio"]), max_size=2),
        "thinkingConfig": optional(
            {
                "thinkingBudget": st.integers(-1, 999),
                "thinking_level": st.sampled_from(["LOW", "high", "New"]),
                "includeThoughts": st.booleans(),
                "odd": json_values,
            }
        ),
        "responseLogprobs": st.booleans(),
        "logprobs": st.integers(0, 5),
        "odd": json_values,
    }
)
choices = optional(
    {
        "functionCallingConfig": optional(
            {
                "mode": st.sampled_from(["AUTO", "any", "NONE", "VALIDATED", 2, "NEW", None]),
                "allowedFunctionNames": st.lists(names, max_size=2),
                "odd": json_values,
            }
        ),
        "retrievalConfig": objects,
    }
)
bodies = optional(
    {
        "contents": st.lists(raw_contents, max_size=4) | raw_contents | st.none(),
        "systemInstruction": raw_contents | st.none(),
        "tools": st.lists(raw_tools, max_size=3) | raw_tools | st.none(),
        "toolConfig": choices | st.none(),
        "generationConfig": options | st.none(),
        "safety_settings": json_values,
        "serviceTier": st.sampled_from(["flex", "auto", "default", "standard"]),
        "odd": json_values,
    }
)


@settings(max_examples=300, deadline=None)
@given(bodies)
def test_a_request_without_its_source_is_the_same_json(body: dict[str, Any]) -> None:
    request = GEMINI.decode_request(body)
    encoded, _ = GEMINI.encode_request(replace(request, source=None), model="gemini-2.5-flash")
    assert encoded == body
    assert GEMINI.encode_request(request, model="gemini-2.5-flash")[0] == body


@settings(max_examples=150, deadline=None)
@given(bodies, st.integers(1000, 2000))
def test_a_change_touches_nothing_else(body: dict[str, Any], seed: int) -> None:
    request = replace(GEMINI.decode_request(body), seed=seed)
    encoded, _ = GEMINI.encode_request(request, model="gemini-2.5-flash")
    before = body.get("generationConfig") or {}
    assert encoded == {**body, "generationConfig": {**before, "seed": seed}}


# --- answers ---------------------------------------------------------------------------------------------------

own = {WIRE: {}}
parts = st.one_of(
    st.builds(t.Text, words, signature=st.none() | names),
    st.builds(t.Reasoning, words, st.none() | names, extra=st.just(own)),
    st.builds(t.ToolCall, names, names, objects, signature=st.none() | names),
    st.builds(t.Media, st.just("image"), st.just("image/png"), data=words),
    st.builds(t.Media, st.just("audio"), st.just("audio/wav"), data=st.just("AAAA")),
    st.builds(
        t.ServerToolCall,
        st.none() | names,
        st.just("code_execution"),
        st.fixed_dictionaries({"code": words}),
        extra=st.just({WIRE: {"$kind": "executableCode"}}),
    ),
)
logprobs = st.lists(
    st.builds(t.TokenLogprob, words, st.integers(-5, 0).map(float), st.none(), st.just(())), max_size=2
).map(tuple)


def settled(content: list[t.Part]) -> tuple[t.Part, ...]:
    """Without what a stream cannot keep apart: neighbours of a kind that join, and nothing at all as text."""
    out: list[t.Part] = []
    for part in content:
        plain = isinstance(part, (t.Text, t.Reasoning)) and part.signature is None
        if plain and not getattr(part, "text", ""):
            continue
        joins = plain or (isinstance(part, t.Media) and part.kind == "audio")
        if joins and out and type(out[-1]) is type(part) and getattr(out[-1], "signature", None) is None:
            continue
        out.append(part)
    return tuple(out)


@st.composite
def answers(draw: st.DrawFn) -> t.Response:
    made = []
    for index in range(draw(st.integers(1, 2))):
        content = settled(draw(st.lists(parts, max_size=5)))
        raw = draw(st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER"]))
        calls = any(isinstance(part, t.ToolCall) for part in content)
        finish: Any = {"MAX_TOKENS": "length", "SAFETY": "filtered", "OTHER": "error"}.get(raw, "stop")
        finish = "tool_calls" if calls and finish == "stop" else finish
        has_text = any(isinstance(part, t.Text) for part in content)
        tokens = draw(logprobs) if has_text else ()
        made.append(t.Choice(content, finish, raw, index, tokens, draw(st.just({}) | kept_fields)))
    usage = draw(st.dictionaries(st.sampled_from(["input", "output", "reasoning", "cache_read"]), st.integers(1, 9)))
    return t.Response(
        id=draw(st.none() | names),
        model=draw(st.none() | names),
        choices=tuple(made),
        usage=t.Usage(usage) if usage else t.NO_USAGE,
        created=draw(st.none() | st.integers(0, 2_000_000_000)),
    )


kept_fields = st.just({WIRE: {"avgLogprobs": -0.5, "safetyRatings": [{"category": "X"}]}})


@settings(max_examples=150, deadline=None)
@given(answers())
def test_an_answer_survives_encoding_and_decoding(answer: t.Response) -> None:
    assert GEMINI.decode_response(GEMINI.encode_response(answer)) == answer


@settings(max_examples=150, deadline=None)
@given(answers(), st.integers(1, 200))
def test_an_answer_survives_being_streamed_in_any_pieces(answer: t.Response, size: int) -> None:
    body = b"".join(GEMINI.encode_stream(unfold(answer)))
    whole = list(GEMINI.decode_stream([body]))
    assert fold(whole) == answer
    assert list(GEMINI.decode_stream([body[at : at + size] for at in range(0, len(body), size)])) == whole


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | json_values.map(lambda value: repr(value).encode()))
def test_nothing_makes_decode_error_raise(body: bytes) -> None:
    assert GEMINI.decode_error(500, {}, body).status == 500
