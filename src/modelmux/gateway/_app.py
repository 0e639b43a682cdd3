"""The ASGI app: who may ask, what is asked, and the answer on its way out."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from modelmux._front import AsyncAnswer, Front
from modelmux.errors import ModelmuxError
from modelmux.gateway._asked import Asked, Gone, Refused, asked, body_of, front_request, parent
from modelmux.gateway._callers import Callers
from modelmux.gateway._metrics import Counted, Metrics
from modelmux.gateway._out import Out, answer_headers
from modelmux.gateway._pages import Pages
from modelmux.gateway._watch import Watch
from modelmux.gateway.keys import Key
from modelmux.gateway.settings import Settings
from modelmux.wire._front import said

if TYPE_CHECKING:
    from modelmux._front import FrontRequest
    from modelmux._mux import Mux
    from modelmux.cost.recorder import Recorder

logger = logging.getLogger("modelmux.gateway")

_GRACE = 5.0
"""Seconds after its deadline that a call may take to say so; then it is dropped, also where the caller reads slowly."""

_LEFT = 499
"""The status counted where the caller hung up before the answer was over; no caller sees it."""

_CLOSING = 2.0
"""Seconds that the end waits for calls that were just cancelled to be written down."""


class Gateway:
    """The app. ``draining`` makes ``/readyz`` say no; requests are still answered."""

    def __init__(self, mux: Mux, settings: Settings) -> None:
        self.mux, self.settings = mux, settings
        self.metrics = Metrics()
        self.draining = False
        self._callers = Callers(settings)
        self._front = Front(mux, cast("Recorder", Counted(mux._env.recorder, self.metrics)))
        self._pages = Pages(self)
        self._busy: Counter[str] = Counter()
        self._given = {key.name: self._options(key) for key in settings.keys}
        self._given[""] = self._options(None)

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1003})
        else:
            raise ValueError(f"not an ASGI scope that this app serves: {kind!r}")

    async def aclose(self) -> None:
        """Wait shortly for what was cancelled, then close the Mux."""
        self.draining = True
        end = perf_counter() + _CLOSING
        while self.metrics.in_flight and perf_counter() < end:
            await asyncio.sleep(0.02)
        await self.mux.aclose()

    # --- one request ---

    async def _http(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        request = asked(scope)
        out = Out(send, self._callers.cors(request))
        if await self._pages.answered(request, scope, out):
            return
        began = perf_counter()
        metrics = self.metrics
        metrics.in_flight += 1
        status = 503  # what is cancelled from outside, the server's end, leaves no other word
        try:
            status = await self._guarded(request, scope, receive, out)
        finally:
            metrics.in_flight -= 1
            metrics.left += status == _LEFT
            seconds = perf_counter() - began
            metrics.request(*request.kind, status, seconds)
            if logger.isEnabledFor(logging.INFO):
                where = request.url.partition("?")[0]
                logger.info("%s %s %d %.0f ms", request.method, where, status, seconds * 1000)

    async def _guarded(self, request: Asked, scope: Mapping[str, Any], receive: Any, out: Out) -> int:
        try:
            if self.metrics.in_flight > self.settings.max_in_flight:
                raise Refused(503, "overloaded", "too many requests are under way here", **{"retry-after": "1"})
            key = self._callers.admitted(request, scope)
            with self._counted(key):
                return await self._served(request, key, receive, out)
        except Gone:
            return _LEFT
        except Refused as no:
            return await self._refuse(request, out, no)
        except ModelmuxError as error:
            told = said(error)
            return await self._refuse(request, out, Refused(told.status, told.reason, told.message))
        except Exception:
            logger.exception("a request could not be answered")
            if out.begun:
                raise
            return await self._refuse(request, out, Refused(500, "upstream", "something went wrong here"))

    async def _served(self, request: Asked, key: Key | None, receive: Any, out: Out) -> int:
        settings = self.settings
        body = await body_of(request, receive, settings.max_body, settings.body_seconds)
        models = None if key is None else key.models
        asking = front_request(request, body, key, self._given["" if key is None else key.name], models)
        receipts = key is None or key.receipts
        async with Watch(receive, settings.deadline + _GRACE) as watch:
            listed = parent(request.url.partition("?")[0]) if request.method == "GET" else ""
            if listed:
                answer = await self._model(request, listed, asking)
            else:
                answer = await self._front.asend(asking)
            try:
                answer = await self._fit(answer)
                headers = answer_headers(answer.headers, receipts=receipts)
                whole = answer.whole
                if whole is None:
                    await self._pass_on(answer, headers, out)
            finally:
                await answer.aclose()
        if watch.gone:
            return _LEFT
        if watch.late:
            if out.begun:
                return 504
            raise Refused(504, "timeout", f"no answer within {settings.deadline:g} seconds")
        if whole is not None:
            await out.whole(answer.status, headers, whole)
        elif out.sound:
            await out.end()
        return answer.status

    async def _pass_on(self, answer: AsyncAnswer, headers: dict[str, str], out: Out) -> None:
        """Everything but the end. Nothing in a body that was passed on could say that it broke: the connection does."""
        try:
            await out.begin(answer.status, {**headers, "x-accel-buffering": "no"})
            async for chunk in answer:
                await out.piece(chunk)
        except ModelmuxError as error:
            out.sound = False
            logger.warning("an answer broke off: %s", type(error).__name__)

    async def _fit(self, answer: AsyncAnswer) -> AsyncAnswer:
        """The answer, unless it speaks of our own key at a vendor, which is none of the caller's: then an error that
        does not. What a vendor says of a request that was passed on is searched for that key.
        """
        if answer.status == 401 or (answer.status == 403 and answer.error is None):
            await answer.aclose()
            message = "the key for the vendor is missing here, or was refused; see to it where this runs"
            raise Refused(502, "upstream", message, **{"x-should-retry": "false"})
        if answer.status >= 400 and answer.whole is None:
            body = await answer.read()
            await answer.aclose()
            return AsyncAnswer(answer.status, answer.headers, self._callers.masked(body, self.mux))
        return answer

    async def _model(self, request: Asked, path: str, asking: FrontRequest) -> AsyncAnswer:
        """One model, as the list at ``path`` has it."""
        wanted = unquote(request.url.partition("?")[0].removeprefix(path + "/"))
        listed = request.bare(path, asking.models)
        answer = await self._front.asend(listed)
        found = None if answer.status != 200 else _entry(await answer.json(), wanted)
        if found is None:
            return AsyncAnswer.of(self._front.error(listed, 404, "not_found", f"there is no model {wanted!r} here"))
        return AsyncAnswer(200, answer.headers, value=found)

    async def _refuse(self, request: Asked, out: Out, no: Refused) -> int:
        """An error of ours, in the format that the request is in."""
        answer = self._front.error(request.bare(), no.status, no.reason, no.message)
        await out.whole(no.status, {**answer.headers, **no.headers}, answer.read())
        return no.status

    # --- keys ---

    def _options(self, key: Key | None) -> dict[str, Any]:
        """The options of a key's calls."""
        nearest = self.mux._defaults["deadline"]
        given: dict[str, Any] = {
            "deadline": self.settings.deadline if nearest is None else min(nearest, self.settings.deadline)
        }
        if key is not None:
            given["tags"] = {**key.tags, "key": key.name}
            if key.max_cost is not None:
                given["max_cost"] = str(key.max_cost)
        return given

    @contextmanager
    def _counted(self, key: Key | None) -> Iterator[None]:
        if key is None or key.concurrency is None:
            yield
            return
        if self._busy[key.name] >= key.concurrency:
            raise Refused(429, "rate", "this key has too many calls under way", **{"retry-after": "1"})
        self._busy[key.name] += 1
        try:
            yield
        finally:
            self._busy[key.name] -= 1

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _entry(listed: Any, wanted: str) -> Any:
    """The entry of a model in a list of any format: by its whole name, else by the name without its provider."""
    entries = next((value for value in listed.values() if isinstance(value, list)), [])
    named = [(str(entry.get("id") or entry.get("name", "")).removeprefix("models/"), entry) for entry in entries]
    same = [entry for name, entry in named if name == wanted]
    return next(iter(same or [entry for name, entry in named if name.partition("/")[2] == wanted]), None)
