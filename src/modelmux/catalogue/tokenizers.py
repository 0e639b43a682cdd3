"""What is known of tokenizers and of what each wire adds around the text: data for :mod:`modelmux.tokens`.

Weights are tokens per character of a class, in the order of :data:`CLASSES`. Those of ``o200k`` and ``cl100k`` are
least-squares fits of the true token counts of 8,000 texts (recorded prompts and answers, tool schemas, exam questions,
mathematics, source code, Markdown, program messages in 20 languages); median error 8 %. The others are scaled from
them by the input tokens that vendors reported in recordings. Overheads are each wire's rule where the vendor
documents one (OpenAI "How to count tokens with tiktoken", Anthropic "Tool use: pricing" and "Vision", Gemini
"Understand and count tokens"), else fitted to recordings too. ``docs/routing.md`` has the figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

CLASSES = (
    "lower", "upper", "digit", "space", "newline", "punctuation",  # ASCII
    "latin", "greek", "cyrillic", "arabic", "indic", "symbol", "kana", "han", "hangul", "fullwidth", "astral",
)  # fmt: skip
"""Classes of characters that tokenizers treat alike, told apart by the first byte of their UTF-8."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """``weights`` by class; ``upper`` times the expected count is not exceeded by 99 % of texts."""

    weights: tuple[float, ...]
    upper: float = 1.45


def _scaled(base: tuple[float, ...], scale: float, **classes: float) -> tuple[float, ...]:
    weights = [weight * scale for weight in base]
    for name, weight in classes.items():
        weights[CLASSES.index(name)] = weight
    return tuple(weights)


_O200K = (0.165, 0.37, 1.2, 0.24, 1.4, 0.45, 1.75, 0.4, 0.25, 0.33, 0.33, 0.62, 0.74, 0.75, 0.65, 0.7, 2.3)
_CL100K = (0.141, 0.33, 1.1, 0.41, 0.95, 0.44, 2.3, 0.97, 0.4, 0.87, 1.15, 0.77, 1.03, 1.13, 1.09, 0.9, 3.0)

TOKENIZERS: Mapping[str, Tokenizer] = {
    "o200k": Tokenizer(_O200K),
    "cl100k": Tokenizer(_CL100K),
    "claude": Tokenizer(_scaled(_O200K, 1.2, hangul=1.0, kana=1.0, han=1.1)),
    "gemini": Tokenizer(_scaled(_O200K, 1.0)),
    "llama": Tokenizer(_scaled(_CL100K, 1.0, hangul=0.75, kana=0.8, han=0.8, cyrillic=0.35)),
    "other": Tokenizer(_scaled(_CL100K, 1.05), upper=1.7),
}

_FAMILIES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"gpt-(4o|4\.|5|oss|audio|realtime)|(^|[/.-])o[134](-|$)|chatgpt-4o|codex", "o200k"),
        (r"gpt-(4|3\.5)|gpt-35", "cl100k"),
        (r"claude", "claude"),
        (r"gemini|gemma", "gemini"),
        (r"llama", "llama"),
    )
)


def family_of(model: str) -> str:
    """The tokenizer family of a model id."""
    name = model.lower()
    for pattern, family in _FAMILIES:
        if pattern.search(name):
            return family
    return "other"


@dataclass(frozen=True, slots=True)
class Overhead:
    """Tokens a wire adds: per ``request``, ``message`` and tool ``call`` or result; ``tools`` once when there are any,
    ``tool`` for each. ``schema`` is how much of a tool's JSON text reaches the model. ``image`` is a typical image,
    ``image_bound`` the dearest one; ``page`` a page of a document; ``audio`` a second of sound.

    The ``_bound`` figures are allowances no recording exceeds.
    """

    request: float = 3
    message: float = 4
    call: float = 8
    tools: float = 12
    tool: float = 8
    schema: float = 0.8
    image: float = 800
    image_bound: int = 16_384
    page: float = 900
    audio: float = 10
    request_bound: int = 64
    message_bound: int = 24
    tools_bound: int = 512
    tool_bound: int = 96


OVERHEADS: Mapping[str, Overhead] = {
    "openai.chat": Overhead(),
    "anthropic.messages": Overhead(
        request=6, message=4, call=20, tools=380, tool=24, schema=1.0, image=1200, image_bound=5_000, page=2_200,
        tools_bound=1_200,
    ),
    "gemini.generateContent": Overhead(
        request=1, message=1, call=6, tools=10, tool=6, schema=0.6, image=400, image_bound=5_000, page=400, audio=32,
    ),
}  # fmt: skip
DEFAULT_OVERHEAD = Overhead()

IMAGE_BOUNDS: tuple[tuple[re.Pattern[str], int], ...] = (
    # 2,833 tokens and 5,667 for each of up to 8 tiles: OpenAI "Images and vision", calculating costs.
    (re.compile(r"gpt-4o-mini"), 2_833 + 8 * 5_667),
)
"""Where one image of a model may come to more than its wire's ``image_bound``."""

KEPT_BY_VENDOR = frozenset({"previous_response_id", "conversation", "cachedContent", "cached_content", "container"})
"""Request fields that stand for input which is not in the request."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Tokenizer and wire of one endpoint, joined."""

    weights: tuple[float, ...] = TOKENIZERS["other"].weights
    upper: float = TOKENIZERS["other"].upper
    overhead: Overhead = field(default_factory=Overhead)
    image_bound: int = DEFAULT_OVERHEAD.image_bound
