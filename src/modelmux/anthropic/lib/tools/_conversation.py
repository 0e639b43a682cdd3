"""A conversation that a tool runner leads: its history, and how much of it the vendor keeps in a thread.

With a thread (the vendor's default) each request sends only what is new, and names the reply that it continues from. A
thread that the vendor has lost or cannot have is replaced by the whole history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelmux._dropin.absent import is_given
from modelmux.anthropic import _exceptions as errors
from modelmux.anthropic._messages import _routed as routed

THREADS = "message-threads-2026-08-12"
_KEPT = ("system", "tools")
"""What a thread keeps from its first request, and must not be told again."""
_LOST = frozenset({"thread_not_found", "thread_already_continued", "thread_continue_in_flight"})
_IMPOSSIBLE = "thread_unsupported_request"


def _param(message: Any) -> Any:
    return message.to_param() if hasattr(message, "to_param") else message


class Conversation:
    """What is sent, and what has been."""

    def __init__(self, client: Any, params: dict[str, Any]) -> None:
        threaded = params.get("thread") is not False and client._mux is None and not routed(params.get("model"))
        self._threaded = threaded
        self._previous: str | None = None
        self._stored = 0
        """How many messages the vendor has."""
        self._news: list[dict[str, Any]] = []
        self.params: dict[str, Any] = {}
        self.messages: list[Any] = []
        self.replace(params)

    def replace(self, params: dict[str, Any]) -> None:
        """Other arguments, and another history: a thread goes on only where its part of the history stays."""
        if params.get("compaction") is not None and is_given(params["compaction"]):
            raise ValueError(
                "`compaction` cannot be set on a tool runner: every request in the loop would compact again"
            )
        messages = [_param(message) for message in params["messages"]]
        if messages[: self._stored] != self.messages[: self._stored]:
            self._restart()
        self.messages = messages
        self.params = {n: v for n, v in params.items() if n not in ("messages", "thread") and is_given(v)}

    def append(self, *messages: Any) -> None:
        self.messages = [*self.messages, *map(_param, messages)]

    def tell(self, kind: str, tool: dict[str, Any]) -> None:
        """Tell the model of a change of its tools, with the next request."""
        self._news.append({"type": kind, "tool": tool})

    def record(self, message: Any, *, add: bool) -> None:
        """A reply came. ``add``: it becomes part of the history."""
        if add:
            self.append(message)
        if not self._threaded:
            return
        if message.stop_reason == "refusal" or not add:
            self._restart()
        else:
            self._previous, self._stored = message.id, len(self.messages)

    def _restart(self) -> None:
        self._previous, self._stored = None, 0

    def arguments(self, options: dict[str, Any], helpers: list[str]) -> dict[str, Any]:
        """The next request's arguments."""
        if self._news:
            self.append({"role": "system", "content": self._news})
            self._news = []
        values: dict[str, Any] = {**self.params, **options, "messages": self.messages}
        headers = dict(options.get("extra_headers") or {})
        if self._threaded:
            helpers = [*helpers, "message-thread"]
            values["betas"] = [
                *(values.get("betas") or ()),
                *([] if THREADS in (values.get("betas") or ()) else [THREADS]),
            ]
            beta = next((name for name in headers if name.lower() == "anthropic-beta"), None)
            if beta is not None:  # it would stand in the place of betas=
                headers[beta] = f"{headers[beta]},{THREADS}"
            values["thread"] = {"type": "create"}
            if self._previous is not None:
                values["thread"] = {"type": "continue", "previous_message_id": self._previous}
                values["messages"] = self.messages[self._stored :]
                values = {name: value for name, value in values.items() if name not in _KEPT}
        own = next((name for name in headers if name.lower() == "x-stainless-helper"), None)
        said = [headers.pop(own)] if own is not None else []
        values["extra_headers"] = {"x-stainless-helper": ", ".join(dict.fromkeys([*helpers, *said])), **headers}
        return values

    def _recovers(self, error: errors.APIStatusError) -> bool:
        """Whether asking again, differently, may help."""
        if error.error_code in _LOST and self._previous is not None:
            self._restart()
            return True
        if error.error_code == _IMPOSSIBLE and self._threaded:
            self._threaded = False
            return True
        return False

    def asked(self, ask: Callable[[], Any]) -> Any:
        while True:
            try:
                return ask()
            except errors.APIStatusError as error:
                if not self._recovers(error):
                    raise

    async def aasked(self, ask: Callable[[], Any]) -> Any:
        while True:
            try:
                return await ask()
            except errors.APIStatusError as error:
                if not self._recovers(error):
                    raise
