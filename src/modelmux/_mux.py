"""The Mux: models, a policy and books, behind ``chat`` and its siblings."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from random import Random
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from modelmux import _books as books
from modelmux import _engines as engines
from modelmux import _options as options_
from modelmux import _setup as setup
from modelmux import providers as providers_
from modelmux._clock import Clock, SystemClock
from modelmux._driver import AsyncDriver, Core, Driver
from modelmux._exchange import Call, Env, exchange
from modelmux._messages import Messages
from modelmux._options import CallOptions
from modelmux._resolve import Surroundings, everything, resolve_all, resolve_each, unique
from modelmux._secret import Hidden, hidden
from modelmux._streams import AsyncStream, Finisher, Stream
from modelmux._tools import parse_output
from modelmux._upstream import bound_keys, missing_key
from modelmux.endpoint import Endpoint
from modelmux.errors import ConfigError, InvalidRequest, NoCapableEndpoint
from modelmux.routing.hedging import hedge_of
from modelmux.routing.learning import Learned
from modelmux.routing.needs import RouteOptions
from modelmux.routing.retry import DEFAULT_RETRY, RetryPolicy
from modelmux.routing.table import Fleet
from modelmux.types import Reply

if TYPE_CHECKING:
    from modelmux._secret import Secret
    from modelmux.config import Config
    from modelmux.cost.ledger import Ledger
    from modelmux.counting.count import TokenCount
    from modelmux.endpoint import Target
    from modelmux.money import Money
    from modelmux.receipt import Receipt
    from modelmux.routing.plan import Decision
    from modelmux.types import Request

_RECEIPTS = 100
"""Receipts kept of calls whose answer has no room for one: those that came as HTTP requests."""

DRAIN = 5.0
"""Seconds that closing a Mux waits for calls under way."""

_LOOK_AGAIN = 0.005

_FLEETS = 256
"""Selections of models kept compiled: one for every ``model=`` that calls name."""


class Mux:
    """Routes calls over many models at many vendors, and keeps the books.

    ``models``: names (``provider/model``), :class:`~modelmux.Endpoint` objects, and lists of them as groups of equals;
    None for every chat model of the vendors whose keys are in the environment. ``policy``: ``cheapest``, ``fastest``,
    ``balanced``, ``best``, ``priority``, ``weighted``, or a callable. ``providers``: settings by provider id
    (``api_key``, ``base_url``, ``headers``). ``ledger``: where attempts are booked (``sqlite:///file.db``); None keeps
    the last 10,000 in memory. ``journal`` and ``durability``: see ``docs/concepts.md``. Times are seconds, money
    dollars unless :class:`~modelmux.Money`. ``deadline``, ``ttft``, ``on_break``, ``max_cost`` and ``strict`` are
    defaults that a call may override. ``http_client``: an httpx client of your own. ``seed`` makes choices repeatable.
    ``retry``: how often and how patiently, in tenacity's wait and stop objects.

    One object serves threads and event loops. Raises ConfigError for a setup that cannot work.
    """

    def __init__(
        self,
        models: Sequence[Any] | str | Endpoint | None = None,
        *,
        policy: Any = "balanced",
        providers: Mapping[str, Any] | None = None,
        ledger: str | Ledger | None = None,
        journal: str | None = None,
        durability: str = "journal",
        state: str = setup.MEMORY,
        budgets: Sequence[Any] = (),
        deadline: float | None = None,
        attempt_timeout: float | None = None,
        ttft: float | None = None,
        on_break: str = "raise",
        max_cost: Money | float | str | None = None,
        default_max_output: int = 8192,
        hedge: Any = None,
        usage: str = "exact",
        strict: bool = False,
        max_response_bytes: int = 64 * 1024 * 1024,
        max_connections: int = 1000,
        http_client: Any = None,
        seed: int | None = None,
        clock: Clock | None = None,
        config: Config | Mapping[str, Any] | str | os.PathLike[str] | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
    ) -> None:
        providers = hidden(providers)
        if config is not None:
            given = {name: value for name, value in locals().items() if name not in ("self", "config")}
            explicit = {name: value for name, value in given.items() if value is not _DEFAULTS[name]}
            self.__init__(**{**setup.arguments(config), **explicit})  # type: ignore[misc]  # once more, spelt out
            return
        setup.check(budgets=budgets, usage=usage)
        self._hedge = hedge_of(hedge)
        self._where = Surroundings(setup.provider_settings(providers), os.environ)
        self._http_client = http_client
        self._targets: tuple[Target, ...] | None = (
            None if models is None else self._own(resolve_all(models, self._where))
        )
        self._chosen, self._booked = self._targets, ledger is not None or bool(budgets)
        self._fleets: dict[Any, Fleet] = {}
        self._policy = policy
        self._defaults = setup.call_defaults(
            policy, deadline=deadline, ttft=ttft, on_break=on_break, max_cost=max_cost, strict=strict
        )
        self._attempt_timeout = options_.seconds(attempt_timeout, "attempt_timeout")
        self._default_max_output = options_.tokens(default_max_output, "default_max_output")
        self._exact_usage = usage == "exact"
        self._engine_options = engines.Options(max_connections=max_connections, max_response_bytes=max_response_bytes)
        self._clock: Clock = clock or SystemClock()
        rng, self._learned = Random(seed), Learned()
        self._state = setup.store(state, rng)
        self._recorder = setup.recorder(ledger, journal, durability)
        self._env = Env(self._clock, self._state, self._recorder, rng, max_response_bytes, retry)
        self._busy: set[int] = set()
        self._engine_: engines.Engine | None = None
        self._aengine_: engines.AsyncEngine | None = None

    @classmethod
    def from_config(cls, config: Config | Mapping[str, Any] | str | os.PathLike[str], **overrides: Any) -> Mux:
        """From a TOML file, a mapping, or a Config. Raises ConfigError naming the key that is wrong."""
        return cls(config=config, **overrides)

    @classmethod
    def from_env(cls, **overrides: Any) -> Mux:
        """From ``MODELMUX_…`` environment variables, over the file that MODELMUX_CONFIG names, if any."""
        from modelmux import config as config_

        return cls(**{**config_.from_env().arguments(), **overrides})

    # --- calls ---

    def chat(self, messages: Messages, **options: Unpack[CallOptions]) -> Reply:
        """Ask, and wait for the whole answer.

        ``messages``: a string, OpenAI-shaped dicts, :class:`~modelmux.types.Message` objects or earlier replies. For
        the keywords see :class:`~modelmux.CallOptions`. Raises InvalidRequest for a malformed call, NoCapableEndpoint
        when no model can serve it, ProviderError when all attempts failed, DeadlineExceeded, InvalidOutput.
        """
        call = self._call(messages, options, stream=False)
        return _finisher(options)(self._driver(call).run())

    async def achat(self, messages: Messages, **options: Unpack[CallOptions]) -> Reply:
        """:meth:`chat`, async."""
        call = self._call(messages, options, stream=False)
        return _finisher(options)(await self._adriver(call).run())

    def stream(self, messages: Messages, **options: Unpack[CallOptions]) -> Stream:
        """Ask, and get the answer as it comes: ``with mux.stream(…) as stream: for event in stream: …``.

        Nothing is sent before the first event is asked for. Raises what :meth:`chat` raises, and StreamInterrupted
        (with the partial answer) when the stream breaks after output was handed over.
        """
        call = self._call(messages, options, stream=True)
        return Stream(self._driver(call), _finisher(options))

    def astream(self, messages: Messages, **options: Unpack[CallOptions]) -> AsyncStream:
        """:meth:`stream`, async: ``async with mux.astream(…) as stream: async for event in stream: …``."""
        call = self._call(messages, options, stream=True)
        return AsyncStream(self._adriver(call), _finisher(options))

    def explain(self, messages: Messages, **options: Unpack[CallOptions]) -> Decision:
        """The decision for this call, without contacting a vendor. ``print(decision)`` shows it as a table."""
        call = self._call(messages, options, stream=False)
        snapshot = self._state.look(call.fleet.scopes, self._clock.monotonic())
        # A copy of the generator: explaining a call changes nothing about the calls that follow.
        rng = Random()
        rng.setstate(self._env.rng.getstate())
        try:
            return call.fleet.decide(call.request, call.options, snapshot=snapshot, rng=rng, now=self._clock.time())
        except NoCapableEndpoint as error:
            if error.decision is None:
                raise
            return error.decision

    def count_tokens(self, messages: Messages, *, exact: bool = False, **options: Unpack[CallOptions]) -> TokenCount:
        """How many tokens this call would send: by the model's own tokenizer where that is public, else an estimate.
        Needs no key. With several models, the count of the one that counts most.

        ``exact`` asks the vendor's counting endpoint, which is free, and needs one model. Raises InvalidRequest,
        Unsupported where a vendor has no such endpoint, MissingKey and ProviderError.
        """
        from modelmux.counting.count import count_for  # brings what only counting needs

        request, targets = self._counted(messages, options)
        if not exact:
            return count_for(request, targets)
        return cast("TokenCount", self._drive(self._asking(request, targets, options)).run())

    async def acount_tokens(
        self, messages: Messages, *, exact: bool = False, **options: Unpack[CallOptions]
    ) -> TokenCount:
        """:meth:`count_tokens`, async. Large requests are counted in a worker thread."""
        from modelmux.counting.count import acount_for

        request, targets = self._counted(messages, options)
        if not exact:
            return await acount_for(request, targets)
        return cast("TokenCount", await self._adrive(self._asking(request, targets, options)).run())

    # --- under vendors' own SDKs ---

    def http_client(self, family: str = "httpx2", **options: Any) -> Any:
        """An ``httpx2`` (or ``httpx``) client whose requests to vendors this Mux answers (``docs/transport.md``), for
        an SDK that takes one. ``options`` are the client's own. Raises ConfigError where the family is not installed.
        """
        from modelmux import transport  # brings the HTTP library

        return transport.http_client(self, family, **options)

    def ahttp_client(self, family: str = "httpx2", **options: Any) -> Any:
        """:meth:`http_client`, for async."""
        from modelmux import transport

        return transport.ahttp_client(self, family, **options)

    # --- what is known ---

    @cached_property
    def last_receipts(self) -> deque[Receipt]:
        """The last 100 receipts of calls that came as HTTP requests, newest last: their answers hold a line of each."""
        return deque(maxlen=_RECEIPTS)

    @property
    def ledger(self) -> Ledger:
        """The books: ``mux.ledger.query(...)``. Everything recorded so far is in them."""
        self._recorder.flush()
        return self._recorder.ledger

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Names of the endpoints that ``model="auto"`` chooses among."""
        return tuple(target.name for target in self._all())

    def close(self, timeout: float = DRAIN) -> None:
        """Wait up to ``timeout`` seconds for calls that other threads have under way, close idle connections and settle
        the books. The Mux may be used again: it reopens what it needs.
        """
        until = monotonic() + timeout
        while self._busy and monotonic() < until:
            sleep(_LOOK_AGAIN)
        self._shut()

    def _shut(self) -> None:
        if self._engine_ is not None:
            self._engine_.close()
        self._recorder.close()

    async def aclose(self, timeout: float = DRAIN) -> None:
        """:meth:`close`, for the running event loop's calls and connections too."""
        if self._busy:
            import asyncio

            until = monotonic() + timeout
            while self._busy and monotonic() < until:
                await asyncio.sleep(_LOOK_AGAIN)
        if self._aengine_ is not None:
            await self._aengine_.aclose()
        self._shut()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        made = hasattr(self, "_policy")  # a traceback may print it half made
        return f"<Mux of {len(self._all())} endpoints, policy {self._policy!r}>" if made else "<Mux in the making>"

    # --- inside ---

    def _call(self, messages: Messages, options: CallOptions, *, stream: bool) -> Call:
        options_.check_names(options)
        request = options_.canonical_request(messages, options, stream=stream)
        given_keys = _keys(options)
        fleet = self._fleet(options.get("model"), given_keys)
        keys = bound_keys(given_keys, fleet.targets, self._where.base_url) if given_keys else {}
        return self._prepared(request, options, fleet, keys, stream=stream)

    def _prepared(
        self,
        request: Request,
        options: CallOptions,
        fleet: Fleet,
        keys: Mapping[str, Secret],
        *,
        stream: bool,
        exact_usage: bool | None = None,
        **beside: Any,
    ) -> Call:
        """The call of a canonical request among these endpoints. ``keys`` are by place; ``exact_usage`` None for what
        the Mux was told; ``beside`` are more fields of the call.
        """
        said = {name: value for name, value in options.items() if value is not None}
        given = {**self._defaults, **said}
        tags = books.tags_of(options.get("tags"))
        deadline = options_.seconds(given["deadline"], "deadline")
        return Call(
            id=os.urandom(12).hex(),
            request=request,
            fleet=fleet,
            options=self._unasked if _ROUTED.isdisjoint(said) else self._routing(given, tags),
            stream=stream,
            deadline=None if deadline is None else self._clock.monotonic() + deadline,
            seconds=deadline,
            attempt_timeout=self._attempt_timeout,
            ttft=options_.seconds(given["ttft"], "ttft"),
            on_break=options_.break_mode(given["on_break"]),
            hedge=self._hedge,
            strict=given["strict"],
            exact_usage=self._exact_usage if exact_usage is None else exact_usage,
            tags=tags,
            keys=keys,
            extra=options.get("extra") or {},
            **beside,
        )

    def _routing(self, given: Mapping[str, Any], tags: Mapping[str, str]) -> RouteOptions:
        return RouteOptions.of(
            policy=given.get("policy", self._policy),
            require=given.get("require", ()),
            exclude=given.get("exclude", ()),
            max_cost=given["max_cost"],
            region=given.get("region"),
            default_max_output=self._default_max_output,
            tags=tags,
        )

    @cached_property
    def _unasked(self) -> RouteOptions:
        """Those of a call that says nothing about routing."""
        return self._routing(self._defaults, {})

    def _fleet(self, model: Any, keys: Mapping[str, str]) -> Fleet:
        """The compiled endpoints a call chooses among: those it names, or all, and of these the ones with a key."""
        names = _names(model)
        cache_key = (names, frozenset(keys))
        try:
            return self._fleets[cache_key]
        except (KeyError, TypeError):  # TypeError: an Endpoint with tags does not hash; it is compiled each time
            pass
        targets = self._all() if names is None else self._named(names)
        usable = [target for target in targets if _has_key(target, keys)]
        if not usable:
            if targets:
                raise missing_key(targets[0])
            raise ConfigError(_NO_MODELS, field="models")
        fleet = Fleet(usable, learned=self._learned)
        self._state.know(usable)
        if len(self._fleets) >= _FLEETS:
            self._fleets.clear()
        if names is None or all(isinstance(name, str) for name in names):
            self._fleets[cache_key] = fleet
        return fleet

    def _counted(self, messages: Messages, options: CallOptions) -> tuple[Request, tuple[Target, ...]]:
        """What is to be counted, and for which endpoints."""
        options_.check_names(options)
        names = _names(options.get("model"))
        request = options_.canonical_request(messages, options, stream=False)
        return request, self._all() if names is None else self._named(names)

    def _asking(self, request: Request, targets: Sequence[Target], options: CallOptions) -> Any:
        from modelmux.counting.ask import count, only

        given = options.get("deadline")
        wanted = options_.seconds(self._defaults["deadline"] if given is None else given, "deadline")
        limits = [limit for limit in (wanted, self._attempt_timeout) if limit is not None]
        by = self._clock.monotonic() + min(limits) if limits else None
        keys = bound_keys(_keys(options), targets, self._where.base_url)
        return count(request, only(targets), deadline=by, keys=keys)

    def _all(self) -> tuple[Target, ...]:
        if self._targets is None:
            self._targets = self._own(
                everything(self._where, datetime.fromtimestamp(self._clock.time(), UTC).date().isoformat())
            )
        return self._targets

    def _named(self, names: Sequence[Any]) -> tuple[Target, ...]:
        """Targets by name: configured ones first, else made on the spot. Their order is that of ``names``."""
        chosen: list[Target] = []
        for group, name in enumerate(names):
            same = [t for t in self._targets or () if name in (t.name, f"{t.provider}/{t.model}", t.model)]
            found = same or self._own(resolve_each(name, self._where))
            chosen += [replace(target, group=group) for target in found]
        return unique(chosen)

    def _own(self, targets: Sequence[Target]) -> tuple[Target, ...]:
        if self._http_client is None:
            return tuple(targets)
        return tuple(t if t.http_client else replace(t, http_client=self._http_client) for t in targets)

    def _driver(self, call: Call) -> Driver:
        return self._drive(exchange(call, self._env))

    def _adriver(self, call: Call) -> AsyncDriver:
        return self._adrive(exchange(call, self._env))

    def _drive(self, core: Core) -> Driver:
        if self._engine_ is None:
            self._engine_ = engines.open_engine(self._engine_options, self._clock)
        return Driver(core, self._engine_, self._clock, self._state, busy=self._busy)

    def _adrive(self, core: Core) -> AsyncDriver:
        if self._aengine_ is None:
            self._aengine_ = engines.open_async_engine(self._engine_options, self._clock)
        return AsyncDriver(core, self._aengine_, self._clock, self._state, busy=self._busy)


_NO_MODELS = (
    "no models: no vendor's key was found in the environment. Set one (docs/providers.md lists the variables), "
    "give models=[…] with their keys, or ask `modelmux doctor`"
)

_ROUTED = frozenset({"policy", "require", "exclude", "max_cost", "region", "tags"})

_DEFAULTS: dict[str, Any] = {"models": None, **(Mux.__init__.__kwdefaults__ or {})}


def _names(model: Any) -> tuple[Any, ...] | None:
    """What ``model=`` names; None for every configured model. Raises InvalidRequest."""
    if model is None or model == "auto":
        return None
    names = (model,) if isinstance(model, (str, Endpoint)) else tuple(model)
    if not names:
        raise InvalidRequest("model= is an empty list: name a model, or leave it out", field="model")
    return names


def _keys(options: CallOptions) -> dict[str, str]:
    """A caller's own keys, by provider id."""
    return Hidden({providers_.get(name).id: key for name, key in (options.get("keys") or {}).items()})


def _has_key(target: Target, keys: Mapping[str, str]) -> bool:
    auth = target.row.auth
    return target.key is not None or target.provider in keys or auth.optional or auth.scheme == "none"


def _finisher(options: CallOptions) -> Finisher:
    """What a whole reply goes through: structured output is parsed."""
    output = options.get("output")
    if output is None:
        return _unchanged
    return lambda reply: replace(reply, parsed=parse_output(output, reply))


def _unchanged(reply: Reply) -> Reply:
    return reply
