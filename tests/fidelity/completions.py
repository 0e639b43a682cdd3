"""OpenAI's text completions, the form before chat, by path look-ups."""

from __future__ import annotations

from typing import Any

from fidelity.chat import FINISH, units
from fidelity.expected import Answer, Whole, at, rows, words


def read(api: str, documents: list[dict[str, Any]]) -> Whole | None:
    """None: nothing in these documents is a completion. A gateway answers a stored prompt with a chat message."""
    answers: dict[int, Answer] = {}
    finishes: dict[int, str] = {}
    usage: Any = None
    model = None
    for document in documents:
        usage = at(document, "usage") or usage
        model = model or words(document, "model") or None
        for place, choice in enumerate(rows(document, "choices")):
            number = choice.get("index")
            number = number if isinstance(number, int) else place
            answer = answers.setdefault(number, Answer())
            answer.text += words(choice, "text") or words(choice, "message", "content")
            finishes[number] = words(choice, "finish_reason") or finishes.get(number, "")
    if not answers:
        return None
    for number, answer in answers.items():
        answer.finish = FINISH.get(finishes[number], "stop")
    return Whole([answers[number] for number in sorted(answers)], units(api, usage), model)
