"""What is known of tokenizers and of what each wire adds around the text: data for :mod:`modelmux.tokens`.

Weights are tokens per character of a class, in the order of :data:`CLASSES`. Those of ``o200k`` and ``cl100k`` are
least-squares fits of true token counts of some 4,400 texts: recorded prompts and answers, tool schemas, exam
questions, mathematics, source code, Markdown, and messages in a dozen scripts; median error 8 %. The other families
are scaled from them, and the overheads set, by the input tokens that vendors reported for recorded requests; where a
vendor documents its rule, by that (OpenAI "How to count tokens with tiktoken", Anthropic "Tool use: pricing" and
"Vision", Gemini "Understand and count tokens"). ``python benchmarks/tokens.py`` prints how near they come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

CLASSES = (
    "lower", "upper", "digit", "space", "newline", "punctuation",  # ASCII
    "latin", "greek", "cyrillic", "arabic", "indic", "symbol", "kana", "han", "hangul", "fullwidth", "astral",
)  # fmt: skip
"""Classes of characters that tokenizers treat alike, told apart by the first byte of their UTF-8."""


def _scaled(base: tuple[float, ...], scale: float, **classes: float) -> tuple[float, ...]:
    weights = [weight * scale for weight in base]
    for name, weight in classes.items():
        weights[CLASSES.index(name)] = weight
    return tuple(weights)


_O200K = (0.165, 0.37, 1.2, 0.24, 1.4, 0.45, 1.75, 0.4, 0.25, 0.33, 0.33, 0.62, 0.74, 0.75, 0.65, 0.7, 2.3)
_CL100K = (0.141, 0.33, 1.1, 0.41, 0.95, 0.44, 2.3, 0.97, 0.4, 0.87, 1.15, 0.77, 1.03, 1.13, 1.09, 0.9, 3.0)

_CLAUDE = _scaled(_O200K, 1.15, hangul=1.0, kana=1.0, han=1.1)
_LLAMA = _scaled(_CL100K, 1.0, hangul=0.75, kana=0.8, han=0.8, cyrillic=0.35)
_CAUTIOUS = _scaled(_CL100K, 1.05)


@dataclass(frozen=True, slots=True)
class Overhead:
    """Tokens added around the text: per ``request``, ``message`` and tool ``call`` or result; ``tools`` once when
    there are any, ``tool`` for each; ``output`` when a schema for the answer is given. ``schema`` is how many tokens
    reach the model for each of a tool's JSON text, ``answer`` for each of the answer's schema. ``image`` is a typical
    image, ``page`` a page of a document, ``audio`` a second of sound.

    ``signed`` is tokens for each byte of a signature: vendors put the thoughts behind it back into the prompt.
    ``slack`` and ``tools_slack`` are added to the upper figure. The ``_bound`` figures are allowances that no
    recording exceeds, ``image_bound`` the dearest image there is.
    """

    request: float = 3
    message: float = 5
    call: float = 9
    tools: float = 80
    tool: float = 20
    schema: float = 1.3
    output: float = 20
    answer: float = 1.0
    image: float = 800
    page: float = 900
    audio: float = 10
    slack: int = 128
    tools_slack: int = 256
    request_bound: int = 256
    message_bound: int = 24
    call_bound: int = 64
    tools_bound: int = 768
    tool_bound: int = 96
    output_bound: int = 1_024
    image_bound: int = 16_384
    signed: float = 0.0


@dataclass(frozen=True, slots=True)
class Family:
    """Models that count alike: weights by class, and what their chat template adds on an OpenAI-compatible wire."""

    weights: tuple[float, ...]
    overhead: Overhead


_PLAIN = Overhead(tools=14, tool=4, schema=0.7, call=4, output=10, slack=48, request_bound=64, call_bound=24,
                  tools_bound=256, output_bound=256)  # fmt: skip

_GROK = Overhead(schema=2.0, tools=10, output=30, slack=640, request_bound=1_024)
"""Some of these models have a prompt of their own before the caller's, which is billed too."""

FAMILIES: Mapping[str, Family] = {
    "o200k": Family(_O200K, _PLAIN),
    "cl100k": Family(_CL100K, replace(_PLAIN, schema=0.85)),
    "gpt-oss": Family(_O200K, replace(_PLAIN, request=62, request_bound=256)),
    "claude": Family(_CLAUDE, Overhead(request=6, message=3, call=18, tools=300, tool=36, schema=1.3, output=120,
                                       tools_bound=1_200)),
    "gemini": Family(_O200K, Overhead(message=2, tools=10, tool=6, schema=0.7)),
    "grok": Family(_O200K, _GROK),
    "grok-fast": Family(_O200K, replace(_GROK, request=150)),
    "grok-4": Family(_O200K, replace(_GROK, request=680)),
    "llama-guard": Family(_LLAMA, Overhead(request=190, request_bound=512)),
    "llama": Family(_LLAMA, Overhead(request=25, message=5, tools=100, schema=1.8)),
    "deepseek": Family(_LLAMA, Overhead(message=3, call=13, tools=165, tool=24, schema=1.6)),
    "qwen": Family(_scaled(_LLAMA, 1.0, digit=2.0), Overhead(message=6, call=11, tools=75, tool=25)),
    "mistral": Family(_O200K, Overhead(message=4, call=4, tools=0, tool=18)),
    "glm": Family(_LLAMA, Overhead(message=3, tools=90, tool=15)),
    "kimi": Family(_LLAMA, Overhead(request=9, message=2, call=12, tools=10, tool=5, schema=1.6)),
    "other": Family(_CAUTIOUS, Overhead()),
}  # fmt: skip

WIRES: Mapping[str, Overhead] = {
    "anthropic.messages": Overhead(
        request=6, message=4, call=19, tools=380, tool=38, schema=1.0, output=150, image=1_200, page=2_200,
        request_bound=128, tools_bound=1_200, image_bound=5_000,
    ),
    "gemini.generateContent": Overhead(
        request=1, message=1, call=10, tools=12, tool=6, schema=0.75, output=0, answer=0.1, image=400, page=400,
        audio=32, slack=64, signed=0.1, request_bound=64, output_bound=256, image_bound=5_000,
    ),
}  # fmt: skip
"""What a wire adds whatever the model, where it belongs to one vendor."""

_NAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"gpt-oss", "gpt-oss"),
        (r"gpt-(4o|4\.|5|audio|realtime)|(^|[/.-])o[134](-|$)|chatgpt-4o|codex", "o200k"),
        (r"gpt-(4|3\.5)|gpt-35", "cl100k"),
        (r"claude", "claude"),
        (r"gemini|gemma", "gemini"),
        (r"grok-(4(\.1)?-fast|code)", "grok-fast"),
        (r"grok-4(-\d{4}|-latest)?$", "grok-4"),
        (r"grok", "grok"),
        (r"deepseek", "deepseek"),
        (r"qwen|qwq", "qwen"),
        (r"mi[sn]i?stral|magistral|codestral|pixtral|devstral|voxtral|mixtral", "mistral"),
        (r"glm-", "glm"),
        (r"kimi", "kimi"),
        (r"llama-?guard", "llama-guard"),
        (r"llama", "llama"),
    )
)


def family_of(model: str) -> str:
    """The family of a model id, by its name; ``other`` when the name says nothing."""
    name = model.lower()
    for pattern, family in _NAMES:
        if pattern.search(name):
            return family
    return "other"


HIDDEN: Mapping[str, tuple[int, int]] = {
    "venice": (950, 4_096),
    "openrouter": (0, 1_200),
    "groq": (0, 512),
}
"""Tokens that a provider puts before the prompt, as recorded: expected, and an allowance for the most."""

IMAGE_BOUNDS: tuple[tuple[re.Pattern[str], int], ...] = (
    # 2,833 tokens and 5,667 for each of up to 8 tiles: OpenAI "Images and vision", calculating costs.
    (re.compile(r"gpt-4o-mini"), 2_833 + 8 * 5_667),
)
"""Where one image of a model may come to more than its wire's ``image_bound``."""

KEPT_BY_VENDOR = frozenset({"previous_response_id", "conversation", "cachedContent", "cached_content", "container"})
"""Request fields that stand for input which is not in the request."""

SERVED_BY_VENDOR = frozenset(
    {"mcp_servers", "plugins", "web_search_options", "search_parameters", "venice_parameters", "online", "documents"}
)
"""Request fields that make the vendor fetch input of its own, as often as the model likes."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How one endpoint counts: family, wire and provider joined. ``upper`` times the expected count is an upper figure.
    An ``agentic`` model fetches input of its own, as often as it likes.
    """

    weights: tuple[float, ...] = _CAUTIOUS
    overhead: Overhead = FAMILIES["other"].overhead
    upper: float = 1.45
    agentic: bool = False


UNKNOWN = Profile()

_AGENTIC = re.compile(r"(^|/)compound|deep-research|sonar|:online$|search-(api|preview)")


def profile_of(model: str, wire: str | None, family: str, provider: str) -> Profile:
    """Joins what is known of a model's family, its wire and its provider."""
    counted = FAMILIES[family if family in FAMILIES else family_of(model)]
    overhead = WIRES.get(wire or "", counted.overhead)
    expected, most = HIDDEN.get(provider, (0, 0))
    image = next((bound for pattern, bound in IMAGE_BOUNDS if pattern.search(model)), overhead.image_bound)
    if most or image != overhead.image_bound:
        overhead = replace(
            overhead,
            request=overhead.request + expected,
            slack=overhead.slack + most // 2,
            request_bound=overhead.request_bound + most,
            image_bound=image,
        )
    return Profile(counted.weights, overhead, agentic=_AGENTIC.search(model) is not None)
