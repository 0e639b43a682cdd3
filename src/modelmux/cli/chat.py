"""``modelmux chat``: ask a model."""

from __future__ import annotations

from time import monotonic
from typing import Annotated, Any

import typer

from modelmux import Mux
from modelmux.cli import _routing as routing
from modelmux.cli.console import err, money, seconds, write, write_json
from modelmux.types import Reply, TextDelta


def chat(
    prompt: routing.Prompt,
    model: routing.Models = None,
    policy: routing.Policy = None,
    system: routing.System = None,
    max_cost: routing.MaxCost = None,
    deadline: routing.Deadline = None,
    as_json: routing.AsJson = False,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Print the answer when it is whole.")] = False,
) -> None:
    """Ask, with the keys in the environment. The answer goes to standard output, its figures to standard error."""
    text = routing.read_prompt(prompt)
    options = routing.call_options(model, policy, system, max_cost, deadline)
    with routing.open_mux() as mux:
        began = monotonic()
        reply = mux.chat(text, **options) if as_json or no_stream else _streamed(mux, text, options)
        took = monotonic() - began
    if as_json:
        write_json(_plain(reply, took))
        return
    if no_stream:
        write(reply.text)
    if not reply.text.endswith("\n"):
        write("\n")
    for warning in reply.warnings:
        err().print(f"warning: {warning}", style="yellow", soft_wrap=True)
    err().print(figures(reply, took), style="dim", soft_wrap=True)


def _streamed(mux: Mux, text: str, options: dict[str, Any]) -> Reply:
    written = False
    try:
        with mux.stream(text, **options) as stream:
            for event in stream:
                if isinstance(event, TextDelta) and event.choice == 0:
                    write(event.text)
                    written = True
            return stream.reply
    except BaseException:
        if written:
            write("\n")  # what went wrong begins on its own line
        raise


def figures(reply: Reply, took: float) -> str:
    """Model, tokens, cost and time in one line."""
    used = reply.usage
    inside = sum(count for unit, count in used.items() if unit not in ("output", "reasoning"))
    outside = used["output"] + used["reasoning"]
    about = "" if used.reported else "about "
    cost = {"estimated": "about ", "unknown": "cost "}.get(reply.cost_status, "") + money(reply.cost)
    attempts = reply.receipt.attempts if reply.receipt is not None else ()
    tries = f" · {len(attempts)} attempts" if len(attempts) > 1 else ""
    served = f"{reply.provider}/{attempts[-1].model if attempts else reply.model}"
    return f"{served} · {about}{inside:,} tokens in, {outside:,} out · {cost} · {seconds(took)}{tries}"


def _plain(reply: Reply, took: float) -> dict[str, Any]:
    attempts = reply.receipt.attempts if reply.receipt is not None else ()
    return {
        "text": reply.text,
        "provider": reply.provider,
        "model": reply.model,
        "finish": reply.choices[0].finish if reply.choices else None,
        "usage": {**reply.usage},
        "cost": None if reply.cost is None else str(reply.cost.amount),
        "currency": None if reply.cost is None else reply.cost.currency,
        "cost_status": reply.cost_status,
        "seconds": round(took, 6),
        "warnings": [str(warning) for warning in reply.warnings],
        "call_id": reply.receipt.call_id if reply.receipt is not None else None,
        "attempts": [
            {
                "endpoint": attempt.endpoint,
                "status": attempt.status,
                "error": None if attempt.error is None else type(attempt.error).__name__,
                "seconds": round(attempt.seconds, 6),
            }
            for attempt in attempts
        ],
    }
