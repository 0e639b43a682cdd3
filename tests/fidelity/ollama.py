"""Ollama's own chat, whole or as one JSON object a line, by path look-ups."""

from __future__ import annotations

import json
from typing import Any

from fidelity import chat
from fidelity.expected import Answer, Call, Whole, at, count, positive, rows, words

FINISH = {"length": "length"}


def read(documents: list[dict[str, Any]]) -> Whole | None:
    """None: nothing in these documents is an answer. One server answered in OpenAI's form."""
    if any("choices" in document for document in documents):
        return chat.read("ollama_openai.chat", documents, stream=False)
    messages = [message for document in documents for message in [at(document, "message")] if isinstance(message, dict)]
    last = documents[-1] if documents else {}
    if not messages or last.get("done") is not True:
        return None
    calls = [call for message in messages for call in rows(message, "tool_calls")]
    finish = FINISH.get(words(last, "done_reason"), "tool_calls" if calls else "stop")
    answer = Answer(
        "".join(words(message, "content") for message in messages),
        "".join(words(message, "thinking") for message in messages),
        calls=[
            Call(words(c, "id") or None, words(c, "function", "name"), json.dumps(at(c, "function", "arguments")))
            for c in calls
        ],
        finish=finish,
    )
    units = positive({"input": count(last, "prompt_eval_count"), "output": count(last, "eval_count")})
    return Whole([answer], units, words(last, "model") or None)
