"""Which models' tokenizer is public, and what goes around the text of a chat: data for :mod:`modelmux.counting.count`.

Sources: which model uses which encoding, and the tokens around messages and names: OpenAI's cookbook "How to count
tokens with tiktoken" and tiktoken's own table of models. That tools are shown as TypeScript declarations: OpenAI's
published harmony renderer. The numbers for reasoning models, tools, calls and answers by schema are those that make the
counts equal to what vendors reported for recorded requests; ``docs/tokens.md`` shows how near they come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelmux.counting.pictures import Patches, Tiles

WIRE = "openai.chat"
"""The wire whose rendering is known."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Tokens around the text: per ``request`` (the reply's priming), ``message``, ``name``, ``answer`` (an earlier one
    of the model's), ``call`` of a tool and ``parallel`` group of calls. ``tools`` once where there are any,
    ``tools_in_system`` instead where they follow a system message; ``forced`` where a tool is named as the one to call.
    ``output`` once and ``schema`` for each token of an answer's JSON Schema.
    """

    encoding: str
    request: int = 3
    message: int = 3
    name: int = 1
    answer: int = 0
    call: int = 5
    parallel: int = 5
    tools: int = 9
    tools_in_system: int = 5
    forced: int | None = 7
    output: int = 6
    schema: float = 0.9


_PLAIN = Rule("o200k_base")
_REASONING = Rule("o200k_base", request=2, answer=2, call=7, tools=10, tools_in_system=10, forced=None)

_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"gpt-5", replace(_REASONING, tools=90, tools_in_system=90)),
        (r"o1-(mini|preview)", _PLAIN),
        (r"o[134](-|$)|codex", _REASONING),
        (r"gpt-4o|gpt-4\.[15]|chatgpt-4o|gpt-audio", _PLAIN),
        (r"gpt-(4|3\.5|35)(-|$)", replace(_PLAIN, encoding="cl100k_base")),
    )
)

_OTHERWISE = re.compile(r"search|deep-research|realtime|transcribe|tts|image|instruct|chat-latest")
"""Models of these families that count in ways of their own."""

TOOLS_AT: Mapping[str, int] = {"openrouter": 10, "vercel_gateway": 10}
"""Tokens for having tools where a provider passes requests on in another format, without the instructions that the
newest models get in this one."""


_PICTURES: tuple[tuple[re.Pattern[str], Tiles | Patches], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"gpt-4o-mini", Tiles(2_833, 5_667)),
        (r"(gpt-5|gpt-4\.1)-mini", Patches(1.62)),
        (r"(gpt-5|gpt-4\.1)-nano", Patches(2.46)),
        (r"o4-mini", Patches(1.72)),
        (r"gpt-5(-\d{4}|$)", Tiles(70, 140)),
        (r"o[13](-pro|-\d{4}|$)", Tiles(75, 150)),
        (r"gpt-4o|gpt-4\.[15](-\d{4}|-preview|$)|gpt-4-(turbo|vision)", Tiles(85, 170)),
    )
)
"""OpenAI "Images and vision", calculating costs. Models that the page does not name are not here."""


def picture_of(model: str) -> Tiles | Patches | None:
    """What a picture comes to for ``model``; None where that is not known."""
    name = model.lower().rpartition("/")[2]
    return next((rule for pattern, rule in _PICTURES if pattern.match(name)), None)


def rule_of(model: str, wire: str | None, provider: str = "") -> Rule | None:
    """How ``model`` counts on ``wire``; None where that is not known."""
    name = model.lower().rpartition("/")[2]
    if wire != WIRE or _OTHERWISE.search(name):
        return None
    rule = next((rule for pattern, rule in _RULES if pattern.match(name)), None)
    most = TOOLS_AT.get(provider)
    if rule is not None and most is not None and rule.tools > most:
        return replace(rule, tools=most, tools_in_system=most)
    return rule


def encoding_of(model: str) -> str | None:
    """The name of a model's encoding; None where it is not public."""
    name = model.lower().rpartition("/")[2]
    return next((rule.encoding for pattern, rule in _RULES if pattern.match(name)), None)
