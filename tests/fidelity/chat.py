"""OpenAI's chat completions and their many dialects, by path look-ups."""

from __future__ import annotations

from typing import Any

from fidelity.expected import Answer, Call, Whole, at, count, positive, rows, words

FINISH = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filtered",
    "error": "error",
}


def read(api: str, documents: list[dict[str, Any]], *, stream: bool) -> Whole | None:
    """None: nothing in these documents is a chat completion."""
    place_of_message = "delta" if stream else "message"
    choices: dict[int, _Choice] = {}
    usage: dict[str, Any] = {}
    model = None
    seen = False
    for document in documents:
        seen = seen or isinstance(document.get("choices"), list)
        model = model or words(document, "model") or None
        usage = at(document, "usage") or at(document, "x_groq", "usage") or usage
        for place, choice in enumerate(rows(document, "choices")):
            number = choice.get("index")
            number = number if isinstance(number, int) else place
            choices.setdefault(number, _Choice()).add(choice, at(choice, place_of_message) or {})
    if not seen:
        return None
    answers = [choices[number].answer() for number in sorted(choices)]
    return Whole(answers, units(api, usage), model)


class _Choice:
    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.calls: dict[Any, Call] = {}
        self.finish = ""

    def add(self, choice: dict[str, Any], message: dict[str, Any]) -> None:
        content = message.get("content")
        if isinstance(content, str):
            self.text.append(content)
        for part in rows(message, "content"):
            self.text.append(words(part, "text"))
            self.reasoning += [words(piece, "text") for piece in rows(part, "thinking")]
        self.reasoning.append(_reasoning(message))
        self.refusal.append(words(message, "refusal"))
        for place, call in enumerate(rows(message, "tool_calls")):
            self.call(call, place)
        legacy = at(message, "function_call")
        if words(legacy, "name") or words(legacy, "arguments"):
            self.call({"index": "legacy", "function": legacy}, 0)
        self.finish = words(choice, "finish_reason") or self.finish

    def call(self, call: dict[str, Any], place: int) -> None:
        key = call.get("index")
        key = place if key is None else key
        mine = self.calls.setdefault(key, Call(None, ""))
        mine.id = mine.id or words(call, "id") or None
        mine.name = mine.name or words(call, "function", "name") or words(call, "custom", "name")
        mine.text += words(call, "function", "arguments") or words(call, "custom", "input")

    def answer(self) -> Answer:
        refusal = "".join(self.refusal)
        finish = FINISH.get(self.finish, "stop")
        if finish == "stop" and self.calls:
            finish = "tool_calls"
        if finish == "stop" and refusal:
            finish = "filtered"
        return Answer("".join(self.text), "".join(self.reasoning), refusal, list(self.calls.values()), finish)


def _reasoning(message: dict[str, Any]) -> str:
    shown = words(message, "reasoning_content") or words(message, "reasoning")
    if shown:
        return shown
    details = rows(message, "reasoning_details")
    return "".join(words(detail, "text") or words(detail, "summary") for detail in details)


# --- usage ---------------------------------------------------------------------------------------------------


def units(api: str, usage: Any) -> dict[str, int]:
    """Disjoint units of a usage object.

    Everywhere total = prompt + completion, and what the details name is inside those two, but for: xAI, whose
    reasoning stands beside the completion; a gateway whose stated price proves the same; Google's own OpenAI
    route, which shows thoughts only in the total; Mistral, whose audio stands beside the prompt; Grok at Azure,
    whose cached tokens stand beside the prompt.
    """
    if not isinstance(usage, dict):
        return {}
    prompt, completion = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    total = count(usage, "total_tokens")
    read, written = _cached(usage)
    audio, image, video = (count(usage, "prompt_tokens_details", f"{kind}_tokens") for kind in MEDIA)
    prompt -= image + video
    if not api.startswith("mistral."):
        prompt -= audio
    # What was read from or written to a cache is part of the prompt unless it is larger than it.
    for cached in (read, written):
        if cached <= prompt and not api.startswith("azure_ai."):
            prompt -= cached
    spoken, drawn, _ = (count(usage, "completion_tokens_details", f"{kind}_tokens") for kind in MEDIA)
    reasoning = count(usage, "completion_tokens_details", "reasoning_tokens") or count(usage, "reasoning_tokens")
    if _beside(api, usage, reasoning):
        completion += reasoning
    elif api.startswith("gemini_openai.") and total > prompt + completion:
        reasoning = total - count(usage, "prompt_tokens") - completion
        completion += reasoning
    reasoning = min(reasoning, completion)
    return positive(
        {
            "input": prompt,
            "cache_read": read,
            "cache_write_5m": written,
            "input_audio": audio,
            "input_image": image,
            "input_video": video,
            "output": completion - reasoning - spoken - drawn,
            "reasoning": reasoning,
            "output_audio": spoken,
            "output_image": drawn,
        }
    )


MEDIA = ("audio", "image", "video")


def _cached(usage: dict[str, Any]) -> tuple[int, int]:
    details = at(usage, "prompt_tokens_details") or at(usage, "prompt_token_details")
    read = (
        count(details, "cached_tokens")
        or count(usage, "prompt_cache_hit_tokens")
        or count(usage, "cache_read_input_tokens")
        or count(usage, "num_cached_tokens")
        or count(usage, "cached_tokens")
    )
    return read, count(details, "cache_write_tokens") or count(usage, "cache_creation_input_tokens")


def _beside(api: str, usage: dict[str, Any], reasoning: int) -> bool:
    """Whether reasoning is counted beside the completion: the vendor's total, or its price, says so."""
    if api.startswith("vercel_gateway."):
        return True
    prompt, completion = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    return reasoning > 0 and count(usage, "total_tokens") == prompt + completion + reasoning
