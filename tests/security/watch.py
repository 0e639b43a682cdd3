"""Where a key might show: everything that a failed call leaves behind, as bytes to be searched."""

from __future__ import annotations

import base64
import copy
import logging
import pickle
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import modelmux

_LIBRARY = str(Path(modelmux.__file__).parent)


class Watch:
    """Collects logs of every logger at DEBUG and warnings while it is open; errors and values as they are shown."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self._warnings: Any = None

    def __enter__(self) -> Self:
        self._handler = logging.Handler()
        self._handler.emit = lambda record: self.note("log", record.getMessage() + str(record.__dict__))  # type: ignore[method-assign]
        root = logging.getLogger()
        self._level = root.level
        root.addHandler(self._handler)
        root.setLevel(logging.DEBUG)
        self._warnings = warnings.catch_warnings(record=True)
        self._caught = self._warnings.__enter__()
        warnings.simplefilter("always")
        return self

    def __exit__(self, *exc: object) -> None:
        for caught in self._caught:
            self.note("warning", str(caught.message))
        self._warnings.__exit__(*exc)
        logging.getLogger().removeHandler(self._handler)
        logging.getLogger().setLevel(self._level)

    def note(self, where: str, text: str) -> None:
        self.said.append((where, text))

    def value(self, where: str, value: Any) -> None:
        for how in (repr, str):
            self.note(f"{how.__name__} of {where}", how(value))

    def error(self, error: BaseException) -> None:
        """An error in all the ways that one is printed, logged or sent."""
        for one in _chain(error):
            self.value(type(one).__name__, one)
            self.note("args", repr(one.args))
            self.note("attributes", repr(vars(one)))
            self.note("notes", repr(getattr(one, "__notes__", ())))
            self.note("traceback", "".join(traceback.format_exception(one)))
            self.note("locals", "\n".join(_locals(one)))
        self.note("pickle", pickle.dumps(error).decode("latin-1"))
        self.value("the unpickled", pickle.loads(pickle.dumps(error)))
        self.note("copy", repr(vars(copy.copy(error))))
        receipt = getattr(error, "receipt", None)
        if receipt is not None:
            self.value("receipt", receipt)
            self.note("decision", str(receipt.decision) + str(receipt.decision.explain()))
            for attempt in receipt.attempts:
                self.value("attempt", attempt)
                if attempt.error is not None:
                    self.note("attempt's error", repr(vars(attempt.error)))
                    self.note("its locals", "\n".join(_locals(attempt.error)))

    def files(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                self.note(f"file {path.name}", path.read_bytes().decode("latin-1"))

    def found(self, *secrets: str) -> list[str]:
        """Where a secret shows, in any of the spellings it travels in."""
        spellings = [
            form
            for secret in secrets
            for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("="))
        ]
        return [
            f"{where}: …{text[max(0, at - 80) : at + 80]}…"
            for where, text in self.said
            for form in spellings
            if (at := text.find(form)) >= 0
        ]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


def _locals(error: BaseException) -> Iterator[str]:
    """The locals of the library's frames: those of the test hold the key on purpose."""
    for frame in traceback.TracebackException.from_exception(error, capture_locals=True).stack:
        if frame.filename.startswith(_LIBRARY) or "site-packages" in frame.filename:
            yield f"{frame.filename}:{frame.lineno} {frame.name} {frame.locals}"
