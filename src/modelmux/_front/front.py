"""The front: recognises a request, chooses who answers it, and drives the exchange, sync and async.

Which name goes where is written down in ``docs/transport.md`` and decided in :mod:`modelmux._front.places`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modelmux import _options as options_
from modelmux import wire
from modelmux._exchange import exchange
from modelmux._front import asking
from modelmux._front.counting import counting
from modelmux._front.passing import passing
from modelmux._front.places import AUTO, Chosen, Home, Places, codec_for, key_of, row_at
from modelmux._front.streams import AsyncPassed, AsyncWritten, Passed, Written
from modelmux._front.values import Answer, AsyncAnswer, FrontRequest
from modelmux._front.work import JSON, Work, begun, failed, passed_on, written
from modelmux._http import HttpRequest, origin_of
from modelmux._json import dumps, loads
from modelmux.errors import AuthError, InvalidRequest, ModelmuxError, ModelNotFound, PermissionDenied
from modelmux.wire._front import COUNT, EMBED, MODELS, Format, Operation, Said, recognise

if TYPE_CHECKING:
    from modelmux._driver import AsyncDriver, Driver
    from modelmux._effects import Emit
    from modelmux._mux import Mux
    from modelmux.cost.recorder import Recorder
    from modelmux.providers import Row

_UNSENT = frozenset(("host", "content-length", "connection", "transfer-encoding", "keep-alive", "accept-encoding"))
"""Request headers that the engine writes itself."""


@dataclass(slots=True)
class _Job:
    """What is to be done: a core to drive and what writes its answer; without ``work`` its bytes are passed on, as the
    call ``call_id``.
    """

    core: Any
    form: Format
    work: Work | None = None
    stream: bool = False
    value: Any = None
    direct: bool = True
    call_id: str = ""


class Front:
    """Answers HTTP requests in vendors' formats with the endpoints of one Mux. Cheap to make; for threads and loops.

    ``recorder`` writes down the attempts made here, in place of the Mux's own.
    """

    def __init__(self, mux: Mux, recorder: Recorder | None = None) -> None:
        self._mux = mux
        self._env = mux._env if recorder is None else replace(mux._env, recorder=recorder)
        self._places = Places(mux)

    # --- requests

    def send(self, request: FrontRequest) -> Answer:
        """Answer a request. Raises no ModelmuxError: what goes wrong is told in the request's own format."""
        job = self._job(request)
        if isinstance(job, Answer):
            return job
        driver = self._mux._drive(job.core)
        first: Emit | None = None
        try:
            first = emit = driver.advance()
            if not job.stream and job.work is not None:
                while emit is not None:
                    first, emit = emit, driver.advance()
                return self._whole(job, first, driver.reply)
        except ModelmuxError as error:
            return self._failed(job, error)
        if job.work is None:
            return self._passed(job, driver, first)
        status, headers = job.work.head(first)  # type: ignore[arg-type]  # a stream that ended well had an end
        answer = Answer(status, headers)
        answer.body(Written(job.work, driver, first, answer), driver.close)
        return answer

    async def asend(self, request: FrontRequest) -> AsyncAnswer:
        """:meth:`send`, async."""
        job = self._job(request)
        if isinstance(job, Answer):
            return AsyncAnswer.of(job)
        driver = self._mux._adrive(job.core)
        first: Emit | None = None
        try:
            first = emit = await driver.advance()
            if not job.stream and job.work is not None:
                while emit is not None:
                    first, emit = emit, await driver.advance()
                return AsyncAnswer.of(self._whole(job, first, driver.reply))
        except ModelmuxError as error:
            return AsyncAnswer.of(self._failed(job, error))
        if job.work is None:
            return await self._apassed(job, driver, first)
        status, headers = job.work.head(first)  # type: ignore[arg-type]  # a stream that ended well had an end
        answer = AsyncAnswer(status, headers)
        answer.body(AsyncWritten(job.work, driver, first, answer), driver.abort)
        return answer

    @staticmethod
    def key_of(request: FrontRequest) -> str | None:
        """The key that a client sent with a request, in any of the ways that formats have; None without one."""
        return key_of(request.headers, request.url)

    def error(self, request: FrontRequest, status: int, reason: str, message: str) -> Answer:
        """An error of the caller's own, in the format that the request is in. ``reason`` is one of ``invalid auth
        permission not_found too_large rate quota billing overloaded timeout upstream``.
        """
        form = self._format(request)
        told = Said(status, reason, message)
        return Answer(*written(told, {"x-should-retry": "false"}), value=form.error(told))

    # --- what is to be done

    def _job(self, request: FrontRequest) -> _Job | Answer:
        parts = urlsplit(request.url)
        op = _recognised(_mark(request.headers), request.method, parts.path, parts.query)
        headers, ours = asking.taken(request.headers)
        form = op.format if op is not None else self._format(request)
        try:
            if op is None:
                return self._unknown(request, headers)
            if op.name == MODELS:
                return self._models(request, op, headers)
            return self._asked(request, op, headers, ours)
        except ModelmuxError as error:
            return Answer(*_three(failed(form, error)), error=error)

    def _asked(self, request: FrontRequest, op: Operation, headers: dict[str, str], ours: Mapping[str, str]) -> _Job:
        try:
            body = loads(request.body) if request.json is None else request.json
        except ValueError as fault:
            raise InvalidRequest(f"the body is not JSON: {fault}", field="body") from None
        if not isinstance(body, dict):
            raise InvalidRequest("the body must be a JSON object", field="body")
        beside, data = None, request.body
        if asking.BODY_FIELD in body:
            body = dict(body)
            beside, data = body.pop(asking.BODY_FIELD), b""
        options = asking.options(request.options, ours, beside)
        home = self._places.home(request, op) if request.direct else None
        if op.name == EMBED:
            return self._embed(request, op, headers, body, home, options.get("tags"))
        sent = {name: value for name, value in headers.items() if name not in _UNSENT}
        came = HttpRequest(request.method, request.url, sent, data or dumps(body))
        names = options.pop("models", None)
        wanted = op.model or body.get("model")
        if names and AUTO in names:
            names, wanted = None, AUTO
        model = wanted if isinstance(wanted, str) else None
        at_home = home is not None and not names and not self._places.routed(model or "", home)
        if at_home and (op.name == COUNT or model is None):  # some name a stored prompt that has the model
            tags, free = options.get("tags"), op.name == COUNT
            return self._pass(request, came, op.format, home, model, tags, free=free)
        try:
            decoded = codec_for(home, op).decode_request(_countable(body) if op.name == COUNT else body)
        except InvalidRequest:
            if at_home:
                # A vendor's own answer says best what is wrong with it.
                return self._pass(request, came, op.format, home, model, options.get("tags"))
            raise
        if op.name == COUNT:
            targets = self._places.targets(
                names or (() if model == AUTO else (model or "",)), request.models, known=home is None
            )
            return _Job(counting(decoded, targets, op), op.format, value=op.format.count)
        chosen = self._places.choose(op, home, model, names, came, request.models)
        stream = decoded.stream if op.stream is None else op.stream
        if request.timeout is not None and "deadline" not in options:
            limit = "ttft" if stream else "deadline"
            given = self._mux._defaults[limit]
            options.setdefault(limit, request.timeout if given is None else min(given, request.timeout))
        return self._call(op, decoded, chosen, options, headers, home, stream=stream)

    def _call(
        self,
        op: Operation,
        asked: Any,
        chosen: Chosen,
        options: dict[str, Any],
        headers: Mapping[str, str],
        home: Home | None,
        *,
        stream: bool,
    ) -> _Job:
        mux = self._mux
        on_break = options.get("on_break") or mux._defaults["on_break"]
        if on_break not in asking.ON_BREAK or on_break not in options_.ON_BREAK:
            on_break = "resume" if "resume" in options_.ON_BREAK else "raise"
        options["on_break"] = on_break
        form = op.format
        as_came = chosen.home or not stream or form.relays(op.query)
        beside: dict[str, Any] = {"bytes_of": form.wire if as_came and on_break != "resume" else None}
        if chosen.home:
            beside["came"] = chosen.came
            beside["exact_usage"] = mux._exact_usage and mux._booked
        else:
            along = {name: value for name, value in headers.items() if name.startswith(form.headers)}
            if along:
                beside["headers"] = {form.owner if home is None else home.row.id: along}
        call = mux._prepared(
            asked,
            options,  # type: ignore[arg-type]  # checked
            chosen.fleet,
            chosen.keys,
            stream=stream,
            may_restart=False,
            told=mux.last_receipts.append,
            **beside,
        )
        return _Job(exchange(call, self._env), form, Work(op, asked, call.id), stream, direct=home is not None)

    def _embed(
        self,
        request: FrontRequest,
        op: Operation,
        headers: dict[str, str],
        body: dict[str, Any],
        home: Home | None,
        tags: Mapping[str, str] | None,
    ) -> _Job:
        """Not routed, but for its name: an endpoint's goes there, ``provider/model`` to that provider, where it speaks
        this format.
        """
        model = body.get("model") if isinstance(body.get("model"), str) else None
        if home is not None and (model is None or not self._places.routed(model, home)):
            sent = {name: value for name, value in headers.items() if name not in _UNSENT}
            came = HttpRequest(request.method, request.url, sent, request.body or dumps(body))
            return self._pass(request, came, op.format, home, model, tags)
        if model is None:
            raise InvalidRequest("model is missing", field="model")
        sent_to = self._places.sent_to(model, op, body, request.models, known=home is None)
        return self._passing(
            sent_to.request,
            op.format,
            sent_to.row,
            model=sent_to.model,
            endpoint=sent_to.endpoint,
            tags=tags,
            client=sent_to.client,
        )

    def _models(self, request: FrontRequest, op: Operation, headers: dict[str, str]) -> _Job | Answer:
        if request.direct:
            return self._unknown(request, headers)
        names = [target.name for target in self._places.targets((), request.models)]
        return Answer(200, {"content-type": JSON}, value=op.format.models(names) if op.format.models else {})

    def _unknown(self, request: FrontRequest, headers: dict[str, str]) -> _Job:
        form = self._format(request)
        if not request.direct:
            raise ModelNotFound(f"no such address here: {request.method} {urlsplit(request.url).path}")
        origin = origin_of(request.url)
        row = row_at(origin, form.wire)
        sent = {name: value for name, value in headers.items() if name not in _UNSENT}
        body = request.body if request.json is None else dumps(request.json)
        home = Home(row, origin, origin, None)
        return self._pass(request, HttpRequest(request.method, request.url, sent, body), form, home)

    def _pass(
        self,
        request: FrontRequest,
        came: HttpRequest,
        form: Format,
        home: Home | None,
        model: str | None = None,
        tags: Mapping[str, str] | None = None,
        *,
        free: bool = False,
    ) -> _Job:
        row = None if home is None else home.row
        client, timeout = self._mux._http_client, request.timeout
        return self._passing(came, form, row, model=model, tags=tags, timeout=timeout, client=client, free=free)

    def _passing(self, made: HttpRequest, form: Format, row: Row | None, **beside: Any) -> _Job:
        call_id = os.urandom(12).hex()
        told = self._mux.last_receipts.append
        core = passing(made, row, self._env, call_id=call_id, told=told, **beside)
        return _Job(core, form, call_id=call_id)

    def _format(self, request: FrontRequest) -> Format:
        """The format a request is most likely in, for telling it what is wrong."""
        mark, path = _mark(request.headers), urlsplit(request.url).path
        found = _recognised(mark, request.method, path, "") or _recognised(mark, "POST", path, "")
        return found.format if found is not None else _formats(mark)[0]

    # --- answers

    def _whole(self, job: _Job, last: Emit | None, reply: Any) -> Answer:
        assert job.work is not None
        status, headers, body, value = job.work.whole(last, reply)
        return Answer(status, headers, body, value=value)

    def _failed(self, job: _Job, error: ModelmuxError) -> Answer:
        if not job.direct and isinstance(error, (AuthError, PermissionDenied)):
            # The vendor speaks of our key, to us: the client's is another.
            told = Said(502, "upstream", "the vendor refused the key it was given; see to it where this runs")
            answer = Answer(*written(told, {"x-should-retry": "false"}), value=job.form.error(told))
            answer.error = error
            return answer
        status, headers, body, value = failed(job.form, error)
        return Answer(status, headers, body, value=value, error=error)

    def _passed(self, job: _Job, driver: Driver, first: Emit | None) -> Answer:
        if first is None or first.answered is None or first.answered.head is None:
            return Answer(200, {"content-type": JSON}, value=_counted(job, driver.reply))
        head = first.answered.head
        answer = Answer(head.status, {**passed_on(head.headers), **begun(job.call_id, first.answered)})
        answer.body(Passed(driver), driver.close)
        return answer

    async def _apassed(self, job: _Job, driver: AsyncDriver, first: Emit | None) -> AsyncAnswer:
        if first is None or first.answered is None or first.answered.head is None:
            return AsyncAnswer(200, {"content-type": JSON}, value=_counted(job, driver.reply))
        head = first.answered.head
        answer = AsyncAnswer(head.status, {**passed_on(head.headers), **begun(job.call_id, first.answered)})
        answer.body(AsyncPassed(driver), driver.abort)
        return answer


def _counted(job: _Job, count: Any) -> Any:
    return job.value(count.tokens)


def _countable(body: dict[str, Any]) -> dict[str, Any]:
    """A request to be counted, as the request it is about: some formats wrap it."""
    inner = body.get("generateContentRequest")
    return inner if isinstance(inner, dict) else body


def _three(answer: tuple[int, dict[str, str], bytes, Any]) -> tuple[int, dict[str, str], bytes]:
    status, headers, body, value = answer
    return status, headers, body if value is None else dumps(value)


@cache
def _marks() -> tuple[str, ...]:
    return tuple(form.mark for form in wire.fronts() if form.mark)


def _mark(headers: Mapping[str, str]) -> str:
    for mark in _marks():
        if mark in headers:
            return mark
    return ""


@lru_cache(maxsize=16)
def _formats(mark: str) -> tuple[Format, ...]:
    """Every format, the one that a request marks itself as first."""
    return tuple(sorted(wire.fronts(), key=lambda form: form.mark != mark or not mark))


@lru_cache(maxsize=1024)
def _recognised(mark: str, method: str, path: str, query: str) -> Operation | None:
    return recognise(_formats(mark), method, path, query)
