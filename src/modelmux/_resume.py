"""A stream that broke goes on elsewhere: what had come stands before it as the beginning of its answer.

Only text can be continued. A model is given its unfinished turn and writes on ("prefill"); which providers take one is
their row's to say, which of their models the catalogue's. Where it can't be done, the answer starts anew.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from functools import partial as bind
from typing import TYPE_CHECKING, Any

from modelmux._effects import Effect, Emit
from modelmux._fold import Folder
from modelmux.errors import ModelmuxError
from modelmux.types import (
    Event,
    Message,
    PartEvent,
    Reasoning,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    Usage,
    UsageEvent,
)

if TYPE_CHECKING:
    from modelmux._attempt import Trial
    from modelmux.endpoint import Target

Leg = Generator[Effect, Any, "tuple[Trial, list[Event]]"]


@dataclass(slots=True)
class Partial:
    """What the caller has of a stream that broke. ``folder`` holds it and takes what follows; ``used`` is the usage
    of the attempts that broke. ``text`` is what another model would continue, None where nothing can.
    """

    folder: Folder
    used: Usage
    text: str | None
    under_way: bool = False
    _place: int = 0
    _dropped: str = ""
    _joined: bool = False

    @classmethod
    def of(cls, folder: Folder, used: Usage) -> Partial:
        content = folder.response().choices[0].content
        texts = [place for place, part in enumerate(content) if isinstance(part, Text)]
        simple = all(isinstance(part, (Text, Reasoning)) for part in content) and len(texts) == 1
        written = content[texts[0]] if simple and len(folder.response().choices) == 1 else None
        text = written.text if isinstance(written, Text) and written.text.strip() else None
        return cls(folder, used, text, _place=folder.places())

    def begin(self, request: Request, target: Target) -> Request | None:
        """:meth:`continued`, for the attempt that is made now."""
        asked = self.continued(request, target)
        self.under_way, self._joined = asked is not None, False
        return asked

    def continued(self, request: Request, target: Target) -> Request | None:
        """``request`` with the beginning of its answer; None where ``target`` takes none."""
        fields = target.row.prefill
        known = target.info is not None and "prefill" in target.info.abilities
        if self.text is None or fields is None or not known or request.output is not None:
            return None
        # A turn that ends in white space is refused by some vendors, so it stays with us.
        begun = self.text.rstrip()
        self._dropped = self.text[len(begun) :]
        extra = {target.call.wire or "": dict(fields)} if fields else {}
        turn = Message("assistant", (Text(begun),), extra=extra)
        return replace(request, messages=(*request.messages, turn))

    def join(self, events: Iterable[Event]) -> list[Event]:
        """The events of the attempt that goes on, as a part of the stream that began earlier."""
        out: list[Event] = []
        for event in events:
            if isinstance(event, Start):
                continue
            if isinstance(event, TextDelta):
                event = replace(event, part=self._place - 1, text=self._seam(event.text))
            elif isinstance(event, PartEvent) and isinstance(event.value, Text):
                event = replace(event, part=self._place - 1)
            elif isinstance(event, UsageEvent):
                event = UsageEvent(self.used + event.usage)
            elif (part := getattr(event, "part", None)) is not None:
                event = replace(event, part=self._place + part)
            out.append(event)
            self.folder.feed(event)
        return out

    def response(self, continuation: Response) -> Response:
        """The whole answer: what had come and what followed."""
        whole = self.folder.response()
        return replace(whole, model=continuation.model or whole.model, usage=self.used + continuation.usage)

    def _seam(self, text: str) -> str:
        """The first words of the continuation, without the white space that the caller has already."""
        if self._joined or not text:
            return text
        self._joined = True
        return text.removeprefix(self._dropped)


def joined(core: Leg, partial: Partial) -> Leg:
    """An attempt whose events go on with the stream that ``partial`` began."""
    step: Callable[[], Effect] = core.__next__
    try:
        while True:
            effect = step()
            if type(effect) is Emit:
                effect = Emit(partial.join(effect.events), None, effect.answered)
            try:
                result = yield effect
                step = bind(core.send, result)
            except ModelmuxError as error:
                step = bind(core.throw, error)
    except StopIteration as stop:
        trial, last = stop.value
        return trial, partial.join(last)
    finally:
        core.close()
