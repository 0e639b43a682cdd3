"""What a request needs: abilities, tokens in and out, and what the caller requires or excludes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from modelmux import tokens
from modelmux._quick import quick
from modelmux.errors import InvalidRequest
from modelmux.money import Money
from modelmux.types import Request, ServerTool, Tool

ABILITIES = (
    "chat",
    "stream",
    "tools",
    "parallel_tools",
    "tool_choice",
    "json",
    "schema",
    "reasoning",
    "vision",
    "pdf",
    "audio_in",
    "audio_out",
    "video_in",
    "image_out",
    "cache",
    "logprobs",
    "prefill",
    "web_search",
    "code_execution",
    "url_context",
    "file_search",
    "computer",
    "mcp",
    "embed",
    "rerank",
    "transcribe",
    "speak",
    "image",
    "video",
    "ocr",
    "realtime",
    "temperature",
)
"""Every ability that ``require=`` and ``exclude=`` may name."""

BIT = {name: 1 << position for position, name in enumerate(ABILITIES)}

_MEDIA_ABILITY = {
    "image": BIT["vision"],
    "pdf": BIT["pdf"],
    "audio": BIT["audio_in"],
    "video": BIT["video_in"],
}
_OUTPUT_ABILITY = {"audio": BIT["audio_out"], "image": BIT["image_out"]}
_NO_THOUGHT = frozenset({"none", "minimal"})
_NONE: frozenset[str] = frozenset()


@quick
@dataclass(frozen=True, slots=True)
class RouteOptions:
    """What a call says about routing.

    ``policy`` is a name or a callable; ``require`` and ``exclude`` name abilities, providers, endpoints, models
    (``provider/model``) or tags (``key:value``). ``models`` restricts the candidates to those names; its order is the
    order of the ``priority`` policy. ``max_cost`` is a ceiling on the whole call. ``tags`` are the call's own, for
    policies to read. ``default_max_output`` is tokens.
    """

    policy: str | Callable[..., Any] = "balanced"
    require: frozenset[str] = _NONE
    exclude: frozenset[str] = _NONE
    region: str | None = None
    max_cost: Money | None = None
    default_max_output: int = 8192
    tags: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        policy: str | Callable[..., Any] | None = None,
        require: str | Iterable[str] = (),
        exclude: str | Iterable[str] = (),
        models: str | Iterable[str] | None = None,
        max_cost: Money | float | str | None = None,
        region: str | None = None,
        default_max_output: int = 8192,
        tags: Mapping[str, str] | None = None,
    ) -> RouteOptions:
        """From the arguments of a call as callers write them. Raises InvalidRequest naming the wrong one."""
        names = _terms(models or (), "model", ordered=True)
        return cls(
            policy or "balanced",
            frozenset(_terms(require, "require")),
            frozenset(_terms(exclude, "exclude")),
            region,
            _ceiling(max_cost),
            default_max_output,
            tags or {},
            () if "auto" in names else names,
        )


def _terms(value: str | Iterable[str], what: str, *, ordered: bool = False) -> tuple[str, ...]:
    terms = (value,) if isinstance(value, str) else tuple(value)
    for term in terms:
        if not isinstance(term, str) or not term.strip():
            raise InvalidRequest(f"{what}= takes names, not {term!r}", field=what)
    return terms if ordered else tuple(sorted(terms))


def _ceiling(value: Money | float | str | None) -> Money | None:
    if value is None or isinstance(value, Money):
        money = value
    else:
        try:
            money = Money.of(value)
        except (ArithmeticError, ValueError, TypeError):
            raise InvalidRequest(f"max_cost must be an amount of money, not {value!r}", field="max_cost") from None
    if money is not None and money.nano <= 0:
        raise InvalidRequest(f"max_cost must be more than nothing, not {money}", field="max_cost")
    return money


DEFAULT_OPTIONS = RouteOptions()


@quick
@dataclass(frozen=True, slots=True)
class Needs:
    """A request, judged. ``bits`` are the abilities it needs as bits of :data:`BIT`; ``server_tools`` the tools a
    vendor must run, as (kind, wire).

    ``measure`` is its size, from which :meth:`tokens <modelmux.tokens.Measure.estimate>` follow for any tokenizer;
    ``output`` the tokens expected out, ``cap`` the caller's own output cap, ``n`` the answers asked for.
    """

    request: Request
    options: RouteOptions
    bits: int
    server_tools: frozenset[tuple[str, str]]
    measure: tokens.Measure
    output: int
    cap: int | None
    n: int

    @property
    def abilities(self) -> frozenset[str]:
        return ability_names(self.bits)

    @property
    def tokens(self) -> tokens.Estimate:
        """Tokens in, for a tokenizer that is not known."""
        return self.measure.estimate()

    @property
    def require(self) -> frozenset[str]:
        return self.options.require

    @property
    def exclude(self) -> frozenset[str]:
        return self.options.exclude

    @property
    def region(self) -> str | None:
        return self.options.region

    @property
    def max_cost(self) -> Money | None:
        return self.options.max_cost

    @property
    def tags(self) -> Mapping[str, str]:
        return self.options.tags


@lru_cache(maxsize=512)
def ability_names(bits: int) -> frozenset[str]:
    """The names behind ability bits."""
    return frozenset(name for name, bit in BIT.items() if bits & bit)


_CHAT, _STREAM, _TOOLS, _LOGPROBS = BIT["chat"], BIT["stream"], BIT["tools"], BIT["logprobs"]
_PARALLEL, _CHOICE, _THINK = BIT["parallel_tools"], BIT["tool_choice"], BIT["reasoning"]
_JSON, _SCHEMA = BIT["json"], BIT["schema"]


def needs_of(request: Request, *, options: RouteOptions = DEFAULT_OPTIONS) -> Needs:
    """What ``request`` needs. Raises InvalidRequest when ``require`` and ``exclude`` name the same thing."""
    if options.require and options.exclude and options.require & options.exclude:
        both = ", ".join(sorted(options.require & options.exclude))
        raise InvalidRequest(f"require= and exclude= both name {both}", field="require")
    measure = tokens.measure(request)
    bits = _CHAT
    for kind in measure.media_kinds:
        bits |= _MEDIA_ABILITY.get(kind, 0)
    served: frozenset[tuple[str, str]] = frozenset()
    if request.tools:
        tools, served = _tool_bits(request)
        bits |= tools
    if request.output is not None:
        bits |= _JSON if request.output.schema is None else _SCHEMA
    if request.stream:
        bits |= _STREAM
    if request.logprobs or request.top_logprobs:
        bits |= _LOGPROBS
    for kind in request.modalities:
        bits |= _OUTPUT_ABILITY.get(kind, 0)
    if request.reasoning is not None and thinks(request):
        bits |= _THINK
    n = request.n
    return Needs(
        request,
        options,
        bits,
        served,
        measure,
        tokens.predict_output(request),
        request.max_tokens,
        n if n is not None and n > 1 else 1,
    )


def _tool_bits(request: Request) -> tuple[int, frozenset[tuple[str, str]]]:
    served = frozenset((tool.kind, tool.wire) for tool in request.tools if type(tool) is ServerTool)
    if not any(type(tool) is Tool for tool in request.tools):
        return 0, served
    bits = _TOOLS
    if request.parallel_tool_calls:
        bits |= _PARALLEL
    if request.tool_choice is not None and request.tool_choice.mode in ("required", "tool", "allowed"):
        bits |= _CHOICE
    return bits, served


def thinks(request: Request) -> bool:
    """Whether the request asks for reasoning."""
    asked = request.reasoning
    if asked is None or asked.enabled is False or asked.effort in _NO_THOUGHT or asked.budget == 0:
        return False
    return bool(asked.enabled or asked.effort or asked.budget)
