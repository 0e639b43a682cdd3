"""OpenAI's Responses and those who copied them, by path look-ups."""

from __future__ import annotations

from typing import Any

from fidelity.expected import Answer, Call, Whole, at, count, positive, rows, words

ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")

WAITING = {"queued", "in_progress"}
"""A background answer that was asked for before it was there."""


def read(api: str, documents: list[dict[str, Any]], *, stream: bool) -> Whole | None:
    """None: nothing in these documents is a response.

    A stream states the whole response with its last event. Its ``output`` is left empty by one vendor, whose items
    stand in the events before. Where several responses follow one another in a stream, the last one counts.
    """
    final: dict[str, Any] | None = None
    items: list[dict[str, Any]] = []
    for document in documents:
        kind = words(document, "type")
        if kind == "response.created":
            items = []
        elif kind == "response.output_item.done":
            items.append(at(document, "item") or {})
        elif kind in ENDS:
            final = at(document, "response")
        elif not stream and isinstance(document.get("output"), list):
            final = document
    if final is None:
        return None
    output = rows(final, "output") or items
    return Whole([_answer(final, output)], units(api, final, output), words(final, "model") or None)


def _answer(final: dict[str, Any], output: list[dict[str, Any]]) -> Answer:
    answer = Answer()
    for item in output:
        kind = words(item, "type")
        if kind == "message":
            answer.text += "".join(words(part, "text") for part in rows(item, "content"))
            answer.refusal += "".join(words(part, "refusal") for part in rows(item, "content"))
        elif kind == "reasoning":
            shown = "".join(words(part, "text") for part in rows(item, "content"))
            answer.reasoning += shown or "".join(words(part, "text") for part in rows(item, "summary"))
        elif kind in ("function_call", "custom_tool_call"):
            text = words(item, "arguments") or words(item, "input")
            answer.calls.append(Call(words(item, "call_id") or None, words(item, "name"), text))
    answer.finish = _finish(final, answer)
    return answer


def _finish(final: dict[str, Any], answer: Answer) -> str:
    status, reason = words(final, "status"), words(final, "incomplete_details", "reason")
    if status in WAITING:
        return "pause"
    if status == "incomplete":
        return "filtered" if reason == "content_filter" else "length"
    if answer.calls:
        return "tool_calls"
    return "filtered" if answer.refusal else "stop"


def units(api: str, final: dict[str, Any], output: list[dict[str, Any]]) -> dict[str, int]:
    """Total = input + output everywhere; what the details name is inside those two. A search is an item that searched,
    not one that opened a page; xAI counts its searches itself. One recorded body has negative counters: reasoning is no
    more than the output that it is part of.
    """
    usage = final.get("usage")
    read, written = (count(usage, "input_tokens_details", f"{name}_tokens") for name in ("cached", "cache_write"))
    made = count(usage, "output_tokens")
    reasoning = min(count(usage, "output_tokens_details", "reasoning_tokens"), made)
    opened = ("open_page", "find_in_page")
    searches = [item for item in output if words(item, "type") == "web_search_call"]
    searched = sum(words(item, "action", "type") not in opened for item in searches)
    stated = at(final, "tool_usage", "web_search", "num_requests")
    if api.startswith("xai."):
        ran = at(usage, "server_side_tool_usage_details")
        searched = count(ran, "web_search_calls") + count(ran, "x_search_calls")
    elif isinstance(stated, int):
        searched = stated
    return positive(
        {
            "input": count(usage, "input_tokens") - read - written,
            "cache_read": read,
            "cache_write_5m": written,
            "output": made - reasoning,
            "reasoning": reasoning,
            "search": searched,
        }
    )
