"""The events that a stream's reader gets beside the vendor's own."""

from __future__ import annotations

from typing import Annotated, Any, Union

from modelmux._dropin.fields import Discriminator
from modelmux._dropin.models import make
from modelmux.anthropic._registry import Made, registry

_TEXT: Any = {"text": "str", "snapshot": "str"}


class _Snapshot:
    def parsed_snapshot(self) -> Any:
        """The text so far as JSON, as far as it goes."""
        from pydantic_core import from_json

        return from_json(self.snapshot.encode(), allow_partial="trailing-strings")  # type: ignore[attr-defined]  # a field


def _event(name: str, kind: str, fields: dict[str, Any], *mixins: type, base: str | None = None) -> Any:
    above = Made if base is None else registry.cls(base)
    table = {"f": {"type": ["lit", kind], **fields}}
    return make(name, __name__, (*mixins, above), table, registry.shapes)


def _events(prefix: str, module: str) -> dict[str, Any]:
    """The events of one of the two places; their classes differ in name and in what is in them."""
    citation = f"types.{module}citations_delta:Citation"
    raw = f"types.{module}raw_"
    cap = "Beta" if prefix else ""
    message = f"types.{'beta.parsed_beta' if prefix else 'parsed'}_message:Parsed{cap}"
    text = "ParsedBetaTextEvent" if prefix else "TextEvent"
    stop, block = (
        f"{raw}message_stop_event:{cap}RawMessageStopEvent",
        f"{raw}content_block_stop_event:{cap}RawContentBlockStopEvent",
    )
    return {
        text: _event(text, "text", _TEXT, _Snapshot),
        f"{cap}CitationEvent": _event(
            f"{cap}CitationEvent", "citation", {"citation": citation, "snapshot": ["list", citation]}
        ),
        f"{cap}ThinkingEvent": _event(f"{cap}ThinkingEvent", "thinking", {"thinking": "str", "snapshot": "str"}),
        f"{cap}SignatureEvent": _event(f"{cap}SignatureEvent", "signature", {"signature": "str"}),
        f"{cap}InputJsonEvent": _event(
            f"{cap}InputJsonEvent", "input_json", {"partial_json": "str", "snapshot": "any"}
        ),
        f"{cap}CompactionEvent": _event(
            f"{cap}CompactionEvent", "compaction", {"content": ["opt", "str"], "encrypted_content": ["opt", "str"]}
        ),
        f"Parsed{cap}MessageStopEvent": _event(
            f"Parsed{cap}MessageStopEvent", "message_stop", {"message": f"{message}Message"}, base=stop
        ),
        f"Parsed{cap}ContentBlockStopEvent": _event(
            f"Parsed{cap}ContentBlockStopEvent",
            "content_block_stop",
            {"content_block": f"{message}ContentBlock"},
            base=block,
        ),
    }


PLAIN, BETA = _events("", ""), _events("beta", "beta.beta_")
globals().update(PLAIN)
globals().update({name: cls for name, cls in BETA.items() if name not in PLAIN})
MessageStopEvent = PLAIN["ParsedMessageStopEvent"]
ContentBlockStopEvent = PLAIN["ParsedContentBlockStopEvent"]
BetaTextEvent, BetaMessageStopEvent = BETA["ParsedBetaTextEvent"], BETA["ParsedBetaMessageStopEvent"]
BetaContentBlockStopEvent = BETA["ParsedBetaContentBlockStopEvent"]


def _union(events: dict[str, Any], raw: str) -> Any:
    others = [f"{raw}message_start_event", f"{raw}message_delta_event"]
    others += [f"{raw}content_block_start_event", f"{raw}content_block_delta_event"]
    cap = "Beta" if "beta" in raw else ""
    names = ("MessageStart", "MessageDelta", "ContentBlockStart", "ContentBlockDelta")
    classes = [registry.cls(f"{module}:{cap}Raw{name}Event") for module, name in zip(others, names, strict=True)]
    return Annotated[Union[(*events.values(), *classes)], Discriminator("type")]


ParsedMessageStreamEvent = MessageStreamEvent = _union(PLAIN, "types.raw_")
ParsedBetaMessageStreamEvent = BetaMessageStreamEvent = _union(BETA, "types.beta.beta_raw_")
