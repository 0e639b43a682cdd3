"""What a server has been told to say, and to get wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any, TypeAlias

from modelmux._clock import Clock
from modelmux.testing._reply import default_answer
from modelmux.testing._table import FAULTS
from modelmux.testing.answers import Answer, RecordedRequest
from modelmux.testing.faults import Fault

Answerer: TypeAlias = Callable[[RecordedRequest], "Answer | str"]


@dataclass(slots=True)
class _Line:
    """One line of a script: ``times`` is how often it is still used, None for as long as nothing follows it."""

    answer: Answer | Answerer
    times: int | None


@dataclass(slots=True)
class _Trouble:
    fault: Fault
    times: int | None
    when: Callable[[RecordedRequest], bool] | None
    until: float | None = None
    """On the script's clock."""


class Script(ABC):
    """The script of one server; every method may be called from any thread.

    ``errors`` lists what scripted callables raised.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.errors: list[BaseException] = []
        self._lock = Lock()
        self._lines: deque[_Line] = deque()
        self._troubles: list[_Trouble] = []

    def reply(self, answer: Answer | Answerer | str | None = None, *, times: int | None = None, **said: Any) -> None:
        """Add an answer to the script: an :class:`Answer`, its text, its fields, or a callable that makes one of a
        :class:`RecordedRequest` (called in the server's thread: be quick).

        Answers are given in order, each once, and the last one stays; ``times`` says how often instead, after
        which the server is back to its default.
        """
        if answer is None or isinstance(answer, str):
            answer = Answer(**said) if answer is None else Answer(text=answer, **said)
        elif said:
            raise TypeError(f"give an answer or its fields, not both: {sorted(said)}")
        with self._lock:
            self._lines.append(_Line(answer, times))

    def play(self, *rows: Mapping[str, Any], times: int | None = None) -> None:
        """Add recorded responses to the script: their exact status, headers and bytes."""
        for row in rows:
            self.reply(Answer.from_recording(row), times=times)

    def fail(
        self,
        fault: Fault | str,
        *,
        times: int | None = None,
        seconds: float | None = None,
        when: Callable[[RecordedRequest], bool] | None = None,
    ) -> None:
        """Let answers fail, ``times`` times, for so many ``seconds``, or until :meth:`heal`; all requests or those for
        which ``when`` says so. ``fault`` may be a name of :data:`~modelmux.testing.FAULTS`. Of several, the first that
        applies does.
        """
        known = named(fault)
        if known.down is not None:
            if times is not None or when is not None:
                raise ValueError(f"down={known.down!r} holds for connections, not for single requests")
            self._fall(known.down, seconds)
            return
        until = None if seconds is None else self.clock.monotonic() + seconds
        with self._lock:
            self._troubles.append(_Trouble(known, times, when, until))

    def flap(self, fault: Fault | str, *, up: float, down: float, unit: str = "seconds") -> None:
        """Work for ``up`` and fail for ``down``, in turn and until :meth:`heal`: ``unit`` is ``seconds`` or
        ``requests``.
        """
        known = named(fault)
        if unit not in {"seconds", "requests"} or (known.down is not None and unit == "requests"):
            raise ValueError(f"unit={unit!r}: expected 'seconds', or 'requests' for a fault of single answers")
        if up <= 0 or down <= 0:
            raise ValueError("up and down: more than nothing")
        if known.down is not None:
            self._flap(known.down, up, down)
            return
        began = self.clock.monotonic()
        numbers = count()

        def failing(request: RecordedRequest) -> bool:
            place = next(numbers) if unit == "requests" else request.at - began
            return place % (up + down) >= up

        self.fail(known, when=failing)

    @abstractmethod
    def _fall(self, how: str, seconds: float | None) -> None:
        """Take the whole vendor down, for so many seconds or until it is healed."""

    @abstractmethod
    def _flap(self, how: str, up: float, down: float) -> None:
        """Take the whole vendor down every now and then, until it is healed."""

    def heal(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._troubles.clear()

    def clear(self) -> None:
        """Forget every answer, fault and error."""
        with self._lock:
            self._lines.clear()
            self._troubles.clear()
            self.errors.clear()

    def check(self) -> None:
        """Raise the first error that a scripted callable raised, if any."""
        if self.errors:
            raise self.errors[0]

    def next_answer(self, request: RecordedRequest) -> Answer:
        with self._lock:
            line = self._lines[0] if self._lines else None
            if line is not None:
                if line.times is not None:
                    line.times -= 1
                if line.times == 0 or (line.times is None and len(self._lines) > 1):
                    self._lines.popleft()
        if line is None:
            if request.asked is None:
                raise RuntimeError("only a chat is answered")
            return default_answer(request.asked)
        if isinstance(line.answer, Answer):
            return line.answer
        try:
            made = line.answer(request)
        except Exception as error:  # noqa: BLE001 - kept for check(), which raises it in the test
            self.errors.append(error)
            return Answer(status=500, text=f"the test's own callable raised {error!r}")
        return Answer(text=made) if isinstance(made, str) else made

    def next_fault(self, request: RecordedRequest) -> Fault | None:
        with self._lock:
            for trouble in list(self._troubles):
                if trouble.until is not None and request.at >= trouble.until:
                    self._troubles.remove(trouble)
                elif trouble.when is None or trouble.when(request):
                    if trouble.times is not None:
                        trouble.times -= 1
                        if trouble.times == 0:
                            self._troubles.remove(trouble)
                    return trouble.fault
        return None


def named(fault: Fault | str) -> Fault:
    """A fault, or the one of that name. Raises KeyError with the names there are."""
    if not isinstance(fault, str):
        return fault
    try:
        return FAULTS[fault]
    except KeyError:
        raise KeyError(f"no fault {fault!r}: there are {', '.join(FAULTS)}") from None
