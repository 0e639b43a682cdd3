"""A message put together from the events of its stream, and the events that its reader gets for each of them."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from modelmux._dropin.filling import build
from modelmux.anthropic._parsed import parsed_text, wanted
from modelmux.anthropic._registry import registry
from modelmux.anthropic.lib.streaming import _types

_EAGER = "fine-grained-tool-streaming-2025-05-14"
"""The beta in which a tool's input comes in the middle of its strings."""
_FIELDS = {
    "text_delta": ("text", "text", "text", "text"),
    "thinking_delta": ("thinking", "thinking", "thinking", "thinking"),
}
"""Delta -> the block's kind, the field that grows, the event's type and its field."""
_WHOLE = ("stop_reason", "stop_sequence", "stop_details")
"""What the end of a message says anew."""


class Accumulator:
    """What has come of a message so far."""

    def __init__(self, *, beta: bool, output_format: Any, betas: str = "") -> None:
        self.snapshot: Any = None
        self._beta, self._output = beta, output_format
        self._partial: Any = "trailing-strings" if _EAGER in betas else True
        self._inputs: dict[int, bytes] = {}
        place = "types.beta.parsed_beta_message:ParsedBeta" if beta else "types.parsed_message:Parsed"
        self._message = registry.cls(f"{place}Message")
        self._block = registry.shapes.converter(f"{place}ContentBlock")
        events = _types.BETA if beta else _types.PLAIN
        self._classes = {name.removeprefix("Parsed").removeprefix("Beta"): cls for name, cls in events.items()}

    def events(self, event: Any) -> list[Any]:
        """Put an event to the message; gives the events to hand over. Raises ValueError for a tool's input that is no
        JSON, pydantic's ValidationError for text that is not of the type that was asked for.
        """
        kind = getattr(event, "type", None)
        if self.snapshot is None:
            if kind == "message_start":
                self.snapshot = build(self._message, event.message.to_dict())
            return [event]
        step = getattr(self, f"_{kind}", None) if kind in _STEPS else None
        return [event] if step is None else step(event)

    def _event(self, name: str, **values: Any) -> Any:
        return build(self._classes[name], values)

    def _content_block_start(self, event: Any) -> list[Any]:
        value = event.content_block.to_dict()
        self.snapshot.content.append(value if self._block is None else self._block(value))
        if value.get("type") == "fallback" and isinstance(value.get("to"), dict):
            self.snapshot.model = value["to"].get("model", self.snapshot.model)
        return [event]

    def _content_block_delta(self, event: Any) -> list[Any]:
        delta, block = event.delta, self.snapshot.content[event.index]
        step = _DELTAS.get(delta.type)
        more = None if step is None else step(self, event, delta, block)
        return [event] if more is None else [event, more]

    def _grown(self, _: Any, delta: Any, block: Any) -> Any:
        kind, field, name, said = _FIELDS[delta.type]
        if block.type != kind:
            return None
        piece = getattr(delta, said)
        values = block.__dict__
        values[field] = (values.get(field) or "") + piece
        return self._event(f"{name.capitalize()}Event", type=name, snapshot=values[field], **{said: piece})

    def _input(self, event: Any, delta: Any, block: Any) -> Any:
        if block.type not in ("tool_use", "server_tool_use", "mcp_tool_use"):
            return None
        held = self._inputs[event.index] = self._inputs.get(event.index, b"") + delta.partial_json.encode()
        if held:
            try:
                block.input = from_json(held, allow_partial=self._partial)
            except ValueError as error:
                raise ValueError(
                    "Unable to parse tool parameter JSON from model. Please retry your request or adjust your prompt. "
                    f"Error: {error}. JSON: {held.decode()}"
                ) from error
        return self._event("InputJsonEvent", type="input_json", partial_json=delta.partial_json, snapshot=block.input)

    def _citation(self, _: Any, delta: Any, block: Any) -> Any:
        if block.type != "text":
            return None
        block.citations = [*(block.citations or ()), delta.citation]
        return self._event("CitationEvent", type="citation", citation=delta.citation, snapshot=block.citations)

    def _signature(self, _: Any, delta: Any, block: Any) -> Any:
        if block.type != "thinking":
            return None
        block.signature = delta.signature
        return self._event("SignatureEvent", type="signature", signature=block.signature)

    def _compaction(self, _: Any, delta: Any, block: Any) -> Any:
        if block.type != "compaction":
            return None
        block.content, block.encrypted_content = delta.content, delta.encrypted_content
        values = {"content": block.content, "encrypted_content": block.encrypted_content}
        return self._event("CompactionEvent", type="compaction", **values)

    def _content_block_stop(self, event: Any) -> list[Any]:
        block = self.snapshot.content[event.index]
        if block.type == "text" and wanted(self._output):
            block.parsed_output = parsed_text(block.text, self._output)
        values = {"type": "content_block_stop", "index": event.index, "content_block": block}
        return [self._event("ContentBlockStopEvent", **values)]

    def _message_delta(self, event: Any) -> list[Any]:
        message, delta = self.snapshot, event.delta
        for name in _WHOLE:
            setattr(message, name, getattr(delta, name, None))
        if getattr(delta, "container", None) is not None:
            message.container = delta.container
        for name in ("context_management", "input_transformations"):
            if getattr(event, name, None) is not None:
                setattr(message, name, getattr(event, name))
        # Counts are totals so far; those that do not apply are left out, and what the start said of them stays.
        for name, value in (event.usage.__dict__ if event.usage is not None else {}).items():
            if value is not None:
                setattr(message.usage, name, value)
        return [event]

    def _message_stop(self, _: Any) -> list[Any]:
        return [self._event("MessageStopEvent", type="message_stop", message=self.snapshot)]


_STEPS = frozenset(
    {"content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}
)
_DELTAS: dict[str, Any] = {
    "text_delta": Accumulator._grown,
    "thinking_delta": Accumulator._grown,
    "input_json_delta": Accumulator._input,
    "citations_delta": Accumulator._citation,
    "signature_delta": Accumulator._signature,
    "compaction_delta": Accumulator._compaction,
}
