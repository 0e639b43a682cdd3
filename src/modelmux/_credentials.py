"""Short-lived tokens: exchanged when first needed, kept until shortly before their end, by one call at a time.

The exchange is part of the core's generator: it asks for the same effects as an attempt does, so that it knows no
event loop, and calls in several threads and on several loops may share a source.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any

from modelmux import providers
from modelmux._effects import Effect, NextBytes, Send, Sleep
from modelmux._json import loads
from modelmux._secret import Hidden, Secret, redact, secrets_in
from modelmux._upstream import key_for
from modelmux.errors import (
    AttemptTimeout,
    AuthError,
    ConnectionFailed,
    MalformedResponse,
    ProviderError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cachetools import LRUCache

    from modelmux._clock import Clock
    from modelmux._http import HttpHead, HttpRequest
    from modelmux.endpoint import Target

EARLY = 300.0
"""Seconds before its end at which a token is exchanged for the next one."""

_LAST = 15.0
"""Seconds before its end up to which a token is used while another call fetches the next one."""

_LOOK_AGAIN = 0.02
"""Seconds between looks at whether another call has brought the first token."""

_LARGEST = 64 * 1024
"""Bytes of an answer that are read."""

_LIFETIME = 3600.0
"""Seconds a token is taken to live where the answer does not say."""


class _Sources:
    """The sources of this process. A forked child begins with none: its parent may have held a lock."""

    def __init__(self) -> None:
        self.lock = Lock()
        self._kept: LRUCache[str, TokenSource] | None = None

    @property
    def kept(self) -> LRUCache[str, TokenSource]:
        if self._kept is None:
            from cachetools import LRUCache  # 8 ms that only calls with tokens need

            self._kept = LRUCache(maxsize=256)
        return self._kept


_sources = _Sources()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_sources.__init__)  # type: ignore[misc]  # begins anew


class TokenSource:
    """Where tokens come from: ``ask(now)`` makes the request for one, ``now`` in seconds since the epoch. It may raise
    ConfigError. ``name`` is what errors call the source, ``otherwise`` what else there is where it cannot be reached.
    """

    __slots__ = ("_asking", "_ends", "_token", "ask", "name", "otherwise")

    def __init__(self, name: str, ask: Callable[[float], HttpRequest], otherwise: str = "") -> None:
        self.name, self.ask, self.otherwise = name, ask, otherwise
        self._token: Secret | None = None
        self._ends = 0.0
        self._asking = Lock()

    def held(self, now: float, early: float = EARLY) -> Secret | None:
        """The token, unless its end is less than ``early`` seconds away."""
        return self._token if now < self._ends - early else None

    def forget(self, token: Secret) -> None:
        """Use this token no more: it was refused where it was shown."""
        if self._token is token:
            self._ends = 0.0

    def obtain(self, clock: Clock, deadline: float | None) -> Generator[Effect, Any, Secret]:
        """The token, exchanged anew where it is time. ``deadline`` is absolute on the monotonic clock. Raises
        AuthError for a refusal, ConfigError, and what a request may raise.
        """
        while (token := self.held(clock.time())) is None:
            if self._asking.acquire(blocking=False):
                try:
                    # Another call may have brought it between the look and the lock.
                    return self.held(clock.time()) or (yield from self._exchange(clock, deadline))
                finally:
                    self._asking.release()
            if (token := self.held(clock.time(), _LAST)) is not None:
                break
            soon = clock.monotonic() + _LOOK_AGAIN
            if deadline is not None and soon > deadline:
                raise AttemptTimeout(f"no access token from {self.name} in time")
            yield Sleep(soon)
        return token

    def _exchange(self, clock: Clock, deadline: float | None) -> Generator[Effect, Any, Secret]:
        request = self.ask(clock.time())
        try:
            head: HttpHead = yield Send(request, deadline)
            # Neither a local nor a message of what follows may show the token, nor what was shown for it.
            body = BytesIO()
            while body.tell() < _LARGEST and body.write((yield NextBytes(deadline))):
                pass
            answer = Hidden(_object(body.getvalue()))
            if not 200 <= head.status < 300:
                raise _refusal(self.name, head, answer)
        except ConnectionFailed as error:
            if not self.otherwise:
                raise
            raise AuthError(f"{self.name} cannot be reached ({error}); {self.otherwise}") from error
        except ProviderError as error:
            redact(error, secrets_in(request))
            raise
        if not isinstance(answer.get("access_token"), str) or not answer["access_token"]:
            raise MalformedResponse(f"{self.name} answered without an access token", status=head.status)
        lives = answer.get("expires_in")
        seconds = float(lives) if isinstance(lives, (int, float)) else _LIFETIME
        self._token, self._ends = Secret(answer["access_token"]), clock.time() + seconds
        return self._token


def shared(place: str, make: Callable[[], TokenSource]) -> TokenSource:
    """The one source of all calls with the same credentials: ``place`` says which those are, and is no secret."""
    with _sources.lock:
        found = _sources.kept.get(place)
        if found is None:
            found = _sources.kept[place] = make()
        return found


def token_for(
    target: Target, keys: Mapping[str, Secret] | None, clock: Clock, deadline: float | None
) -> Generator[Effect, Any, Secret | None]:
    """The token that an attempt at ``target`` needs; None where its key does. Raises what :meth:`TokenSource.obtain`
    raises.
    """
    source = _source(target, keys)
    if source is None:
        return None
    try:
        return (yield from source.obtain(clock, deadline))
    except ProviderError as error:
        error.endpoint, error.provider = target.name, target.provider
        raise


def refused(target: Target, keys: Mapping[str, Secret] | None, token: Secret) -> None:
    """Note that the vendor did not take the token, so that the next attempt fetches another."""
    source = _source(target, keys)
    if source is not None:
        source.forget(token)


def _source(target: Target, keys: Mapping[str, Secret] | None) -> TokenSource | None:
    source_of = providers.hook(target.row, "token_source")
    source: TokenSource | None = source_of and source_of(target, key_for(target, keys), os.environ)
    return source


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(name: str, head: HttpHead, answer: dict[str, Any]) -> AuthError | ServerError:
    """RFC 6749, section 5.2: ``error`` is a word, ``error_description`` a sentence."""
    said = answer.get("error_description") or answer.get("error")
    message = f"{name} gave no access token" + (f": {said}" if isinstance(said, str) else "")
    kind = ServerError if head.status >= 500 or head.status == 429 else AuthError
    code = answer.get("error")
    return kind(message, status=head.status, code=code if isinstance(code, str) else None, headers=head.headers)
