"""``client.chats``: conversations that remember what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from modelmux.google.genai import types
from modelmux.google.genai._api import Api
from modelmux.google.genai._content import content, is_message
from modelmux.google.genai._drive import aemitted, arun, emitted, run
from modelmux.google.genai._generate import config_of, several, several_streams, valid_turn

_ROLES = ("user", "model")


class _Chat:
    """What chats of both kinds are. ``modules``: the client's ``models``."""

    def __init__(self, *, modules: Any, model: str, config: Any = None, history: Any = ()) -> None:
        self._modules, self._model = modules, model
        self._config = config_of(config)
        self._comprehensive_history = [
            one if isinstance(one, types.Content) else types.Content.model_validate(one) for one in history
        ]
        self._curated_history = _curated(self._comprehensive_history)

    def get_history(self, curated: bool = False) -> list[Any]:
        """Every turn; ``curated``: only those that are sent, without what the model said that was void."""
        return self._curated_history if curated else self._comprehensive_history

    def record_history(self, user_input: Any, model_output: list[Any], is_valid: bool) -> None:
        """Remember a turn of the user's and what the model said to it."""
        turns = [user_input, *(model_output or [types.Content(role="model", parts=[])])]
        self._comprehensive_history += turns
        if is_valid:
            self._curated_history += turns

    def _begin(self, message: Any, config: Any) -> tuple[list[Any], Any, Callable[..., None]]:
        """The turns to send, the configuration, and who is told of what was said."""
        if not is_message(message):
            raise ValueError(f"Message must be a valid part type, got {type(message)}")
        chosen = config_of(config) if config else self._config
        said = content(message)
        turns = [*self._curated_history, said]

        def remember(output: list[Any], is_valid: bool, following: Any) -> None:
            nonlocal said
            self.record_history(said, output, is_valid)
            said = following

        return turns, types.GenerateContentConfig() if chosen is None else chosen, remember


def _curated(history: list[Any]) -> list[Any]:
    """The turns worth sending: a question whose answer is void goes with it. Raises ValueError for other roles."""
    kept: list[Any] = []
    index = 0
    while index < len(history):
        if history[index].role not in _ROLES:
            raise ValueError(f"Role must be user or model, but got {history[index].role}")
        if history[index].role == "user":
            kept.append(history[index])
            index += 1
            continue
        start = index
        while index < len(history) and history[index].role == "model":
            index += 1
        if all(map(valid_turn, history[start:index])):
            kept += history[start:index]
        elif kept:
            kept.pop()
    return kept


class Chat(_Chat):
    """A conversation. Functions among its configuration's tools are called as in ``models.generate_content``."""

    def send_message(self, message: Any, config: Any = None) -> Any:
        """Say something; the answer. ``config`` stands in place of the chat's own for this one message."""
        turns, chosen, remember = self._begin(message, config)
        api: Api = self._modules._api_client
        return run(several(api, self._model, turns, chosen, False, "+chat", remember), api.wire(False))

    def send_message_stream(self, message: Any, config: Any = None) -> Iterator[Any]:
        """:meth:`send_message`, in pieces. What was said is remembered when the last piece has been read."""
        turns, chosen, remember = self._begin(message, config)
        api: Api = self._modules._api_client
        steps = several_streams(api, self._model, turns, chosen, False, "+chat", remember)
        return emitted(steps, api.wire(False))


class AsyncChat(_Chat):
    """:class:`Chat`, awaited."""

    async def send_message(self, message: Any, config: Any = None) -> Any:
        turns, chosen, remember = self._begin(message, config)
        api: Api = self._modules._api_client
        return await arun(several(api, self._model, turns, chosen, True, "+chat", remember), api.wire(True))

    async def send_message_stream(self, message: Any, config: Any = None) -> AsyncIterator[Any]:
        turns, chosen, remember = self._begin(message, config)
        api: Api = self._modules._api_client
        steps = several_streams(api, self._model, turns, chosen, True, "+chat", remember)
        return aemitted(steps, api.wire(True))


class Chats:
    """Begins conversations."""

    def __init__(self, modules: Any) -> None:
        self._modules = modules

    def create(self, *, model: str, config: Any = None, history: Any = None) -> Chat:
        """A conversation with a model, from ``history`` on."""
        return Chat(modules=self._modules, model=model, config=config, history=history or ())


class AsyncChats:
    """Begins conversations, awaited ones."""

    def __init__(self, modules: Any) -> None:
        self._modules = modules

    def create(self, *, model: str, config: Any = None, history: Any = None) -> AsyncChat:
        """A conversation with a model, from ``history`` on."""
        return AsyncChat(modules=self._modules, model=model, config=config, history=history or ())
