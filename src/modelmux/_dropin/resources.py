"""Classes of methods, made of tables: what hangs on a client between its name and a method's.

A table says of a method which parameters it has, where each of them goes (path, query, body, header, file), and what
its answer is. A class is made when it is first touched, a method's function when that method is.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from modelmux._dropin import payload
from modelmux._dropin.absent import NotGiven, Omit, given, is_given, not_given, omit
from modelmux._dropin.contexts import AsyncManager, Manager
from modelmux._dropin.options import RequestOptions

if TYPE_CHECKING:
    from modelmux._dropin.registry import Registry

FIRST = ("model", "stream", "service_tier")
EXTRA = ("extra_headers", "extra_query", "extra_body", "timeout", "idempotency_key")


class Offering:
    """What has methods, its own or its resources', and gives each of them two further faces."""

    @property
    def with_raw_response(self) -> Any:
        """The same methods, giving answers with their heads."""
        return Wrapped(self, "true")

    @property
    def with_streaming_response(self) -> Any:
        """The same methods, giving context managers of answers whose bodies are not read."""
        return Wrapped(self, "stream")


class Resource(Offering):
    """Methods of one part of a vendor's API."""

    _registry_: ClassVar[Registry]
    _ref_: ClassVar[str]
    _async_: ClassVar[bool] = False

    def __init__(self, client: Any) -> None:
        self._client = client

    def _sleep(self, seconds: float) -> Any:
        import asyncio
        import time

        return asyncio.sleep(seconds) if self._async_ else time.sleep(seconds)


class Wrapped:
    """A resource, or a client, whose methods give raw or streaming answers."""

    def __init__(self, inner: Any, raw: str) -> None:
        self._inner, self._raw = inner, raw

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if isinstance(found, Resource):
            return Wrapped(found, self._raw)
        return raw_method(found, self._raw) if callable(found) else found


def raw_method(method: Callable[..., Any], raw: str) -> Callable[..., Any]:
    """A method that gives the answer with its head (``raw``: ``true``), or a manager of one (``stream``)."""
    from modelmux._dropin.base import RAW_HEADER

    def headed(options: dict[str, Any]) -> dict[str, Any]:
        return {**options, "extra_headers": {**(options.get("extra_headers") or {}), RAW_HEADER: raw}}

    is_async = inspect.iscoroutinefunction(method) or getattr(method, "_async_", False)

    @functools.wraps(method)
    def ask(*args: Any, **options: Any) -> Any:
        if raw != "stream":
            return method(*args, **headed(options))
        if is_async:
            return AsyncManager(method(*args, **headed(options)))
        return Manager(lambda: method(*args, **headed(options)))

    if raw != "stream" and inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def aask(*args: Any, **options: Any) -> Any:
            return await method(*args, **headed(options))

        return aask
    return ask


class _Child:
    """An attribute that leads further down."""

    def __init__(self, registry: Registry, ref: str, *, is_async: bool) -> None:
        self._registry, self._ref, self._async = registry, ref, is_async

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        made = resource(self._registry, self._ref, is_async=self._async)(getattr(instance, "_client_of_", instance))
        instance.__dict__[self._name] = made
        return made


class _Method:
    """A method that is made when it is first looked at."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        function = made_method(self._owner, self._name, self._table)
        setattr(self._owner, self._name, function)
        return function if instance is None else function.__get__(instance, owner)


def children(registry: Registry, refs: Mapping[str, str], *, is_async: bool) -> dict[str, Any]:
    """Attributes for a class, by the table's names of what they lead to."""
    return {name: _Child(registry, ref, is_async=is_async) for name, ref in refs.items()}


def hang(client: type, registry: Registry, *, is_async: bool) -> None:
    """Give a class of clients the resources that the table has for it."""
    refs = registry.index["clients"][client.__name__.removeprefix("Async")]
    for name, child in children(registry, refs, is_async=is_async).items():
        child.__set_name__(client, name)
        setattr(client, name, child)


_made: dict[tuple[str, str, bool], type[Resource]] = {}


def resource(registry: Registry, ref: str, *, is_async: bool) -> type[Resource]:
    """The class that a table describes."""
    key = (registry.package, ref, is_async)
    if key not in _made:
        table = registry.resource(ref)
        module, _, name = ref.partition(":")
        helper = registry.helper(ref, is_async)
        space: dict[str, Any] = {
            "__module__": f"{registry.package}.{module}",
            "__qualname__": f"Async{name}" if is_async else name,
            "_registry_": registry,
            "_ref_": ref,
            "_async_": is_async,
            "_client_of_": property(lambda self: self._client),
            **children(registry, table.get("c", {}), is_async=is_async),
        }
        by_hand = set() if helper is None else {name for name in vars(helper) if not name.startswith("__")}
        space |= {n: _Method(entry) for n, entry in table.get("m", {}).items() if n not in by_hand}
        for name_ in by_hand & table.get("m", {}).keys():
            function = vars(helper)[name_]
            if inspect.isfunction(function):
                function.__signature__ = signature(table["m"][name_])  # type: ignore[attr-defined]  # as inspect reads it
        bases = (Resource,) if helper is None else (helper, Resource)
        _made.setdefault(key, type(space["__qualname__"], bases, space))
    return _made[key]


def named(registry: Registry, module: str, name: str) -> Any:
    """A resource class by the name it has in the vendor's modules; None when there is none."""
    is_async = name.startswith("Async")
    wanted = name.removeprefix("Async")
    for suffix, raw in (("WithRawResponse", "true"), ("WithStreamingResponse", "stream")):
        if wanted.endswith(suffix):
            return type(name, (Wrapped,), {"__init__": lambda self, inner, raw=raw: Wrapped.__init__(self, inner, raw)})
    home = ".".join(module.split(".")[:2])
    for file in [home] if len(module.split(".")) > 1 else registry.index["resources"]:
        for ref in registry.file(file):
            where, _, cls = ref.partition(":")
            if cls == wanted and (where == module or where.startswith(f"{module}.")):
                return resource(registry, ref, is_async=is_async)
    return None


# --- a method ---


class Call:
    """What a table says of a method, ready for calls."""

    __slots__ = ("allowed", "body", "entry", "file", "header", "name", "path", "positional", "query", "required")

    def __init__(self, name: str, entry: Mapping[str, Any]) -> None:
        self.name, self.entry = name, entry
        self.positional: list[str] = entry.get("p", [])
        self.allowed = frozenset([*self.positional, *entry.get("k", []), *EXTRA])
        self.required: list[str] = entry.get("r", [])
        self.body = dict(map(_wire, entry.get("body", [])))
        self.query = dict(map(_wire, entry.get("query", [])))
        self.header: dict[str, Any] = entry.get("header", {})
        self.file = frozenset(name.removesuffix("[]") for name in entry.get("file", []))
        self.path = [name for name in self.allowed if "{" + name + "}" in entry.get("path", "")]

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name. Raises TypeError as Python would."""
        if args:
            if len(args) > len(self.positional):
                most, came = len(self.positional) + 1, len(args) + 1
                raise TypeError(f"{self.name}() takes {most} positional arguments but {came} were given")
            for name, value in zip(self.positional, args, strict=False):
                if name in kwargs:
                    raise TypeError(f"{self.name}() got multiple values for argument {name!r}")
                kwargs[name] = value
        if not kwargs.keys() <= self.allowed:
            unknown = next(name for name in kwargs if name not in self.allowed)
            raise TypeError(f"{self.name}() got an unexpected keyword argument {unknown!r}")
        for name in self.required:
            if name not in kwargs:
                missing = [name for name in self.required if name not in kwargs]
                listed = " and ".join(repr(one) for one in missing)
                raise TypeError(f"{self.name}() missing {len(missing)} required keyword-only arguments: {listed}")
        return kwargs

    def options(self, values: dict[str, Any]) -> RequestOptions:
        """The call as a request's options. ``values`` are taken apart."""
        entry = self.entry
        headers = values.pop("extra_headers", None)
        extra_query, extra_body = values.pop("extra_query", None), values.pop("extra_body", None)
        timeout, key = values.pop("timeout", not_given), values.pop("idempotency_key", None)
        path = entry["path"]
        for name in self.path:
            path = path.replace("{" + name + "}", path_part(name, values.pop(name)))
        own: dict[str, Any] = dict(entry.get("headers", {}))
        for name, place in self.header.items():
            _put_header(own, place, values.pop(name, omit))
        params = {self.query[name]: values.pop(name) for name in self.query if name in values}
        files = self._files(values) if self.file else None
        body: Any = None
        if self.body or entry.get("constants"):
            body = given(values if self.body.keys() >= values.keys() else self._rename(values))
            if "constants" in entry:
                body = {**entry["constants"], **body}
            if "model" in body:
                # What says where a request goes comes first: whoever routes it need not read what is long.
                body = {**{name: body[name] for name in FIRST if name in body}, **body}
        if extra_query:
            params = {**params, **extra_query}
        return RequestOptions(
            entry["v"],
            path,
            params=given(params),
            headers={**own, **headers} if headers else own,
            timeout=timeout,
            files=files,
            idempotency_key=key,
            json_data=body,
            extra_json=extra_body,
            security=entry.get("security"),
            synthesize_event_and_data=bool(entry.get("events")) or None,
            multipart=bool(entry.get("multipart")),
        )

    def _rename(self, values: dict[str, Any]) -> dict[str, Any]:
        return {self.body.get(name, name): value for name, value in values.items()}

    def _files(self, values: dict[str, Any]) -> list[tuple[str, Any]]:
        out = []
        for name in self.file:
            value = values.pop(name, omit)
            if not is_given(value) or value is None:
                continue
            if isinstance(value, list):
                for item in value:
                    payload.check_file(f"{name}.<array>", item)
                    out.append((f"{name}[]", item))
            else:
                payload.check_file(name, value)
                out.append((name, value))
        return out


def _wire(name: Any) -> tuple[str, str]:
    return (name, name) if isinstance(name, str) else (name[0], name[1])


def _put_header(headers: dict[str, Any], place: Any, value: Any) -> None:
    if isinstance(place, str):
        if is_given(value) and value is not None:
            headers[place] = value
        return
    name, *own = place
    values = [str(item) for item in value] if is_given(value) and value is not None else []
    if values or own:
        headers[name] = ",".join([*values, *own])


def path_part(name: str, value: Any) -> str:
    """A value as part of a path. Raises ValueError for an empty one: the path would mean something else."""
    if not value:
        raise ValueError(f"Expected a non-empty value for `{name}` but received {value!r}")
    return quote(str(value), safe="-._~!$&'()*+,;=:@").replace("..", "%2E%2E") if str(value) != "." else "%2E"


def made_method(owner: type[Resource], name: str, entry: Mapping[str, Any]) -> Any:
    """A method's function."""
    call = Call(f"{owner.__qualname__}.{name}", entry)
    if "v" not in entry:
        function = _unlisted(call)
    elif "page" in entry:
        function = _lister(owner, call, entry)
    else:
        function = _asker(owner, call, entry)
    function.__name__, function.__qualname__, function.__module__ = name, call.name, owner.__module__
    function.__signature__ = signature(entry)
    return function


def _asker(owner: type[Resource], call: Call, entry: Mapping[str, Any]) -> Any:
    cast_to, item = entry.get("t"), entry.get("s")

    def options_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[RequestOptions, Any]:
        if "w" in entry:
            warnings.warn(f"{call.name} is deprecated", DeprecationWarning, stacklevel=3)
        values = call.bind(args, kwargs)
        stream = values.get("stream", False) if item is not None else False
        stream = stream if is_given(stream) else False
        return call.options(values), item if stream else None

    if owner._async_:

        async def amethod(self: Resource, *args: Any, **kwargs: Any) -> Any:
            options, stream = options_of(args, kwargs)
            return await self._client._ask(cast_to, options, stream)

        return amethod

    def method(self: Resource, *args: Any, **kwargs: Any) -> Any:
        options, stream = options_of(args, kwargs)
        return self._client._ask(cast_to, options, stream)

    return method


def _lister(owner: type[Resource], call: Call, entry: Mapping[str, Any]) -> Any:
    name = entry["page"].removeprefix("Sync").removeprefix("Async")
    registry, is_async = owner._registry_, owner._async_

    def method(self: Resource, *args: Any, **kwargs: Any) -> Any:
        options = call.options(call.bind(args, kwargs))
        page = registry.page(name, is_async)
        if is_async:
            from modelmux._dropin.pages import AsyncPaginator

            return AsyncPaginator(self._client, entry["t"], page, options)
        return self._client._request_page(entry["t"], page, options)

    method._async_ = is_async  # type: ignore[attr-defined]  # read by raw_method: it is awaited, though no coroutine
    return method


def _unlisted(call: Call) -> Any:
    def method(self: Resource, *args: Any, **kwargs: Any) -> Any:
        del self, args, kwargs
        raise AttributeError(f"{call.name}() is a helper that modelmux does not have; its requests can be made by hand")

    return method


def signature(entry: Mapping[str, Any]) -> inspect.Signature:
    """What ``inspect.signature`` says of a method: names, kinds and defaults."""
    kinds = inspect.Parameter
    required, defaults = frozenset(entry.get("r", ())), entry.get("n", {})

    def parameter(name: str, kind: Any) -> inspect.Parameter:
        if name in required:
            return kinds(name, kind)
        standard: Any = {"timeout": not_given}.get(name, None if name in EXTRA else omit)
        return kinds(name, kind, default=defaults.get(name, standard))

    first = [kinds("self", kinds.POSITIONAL_OR_KEYWORD)]
    positional = [parameter(name, kinds.POSITIONAL_OR_KEYWORD) for name in entry.get("p", [])]
    keywords = [parameter(name, kinds.KEYWORD_ONLY) for name in entry.get("k", [])]
    return inspect.Signature([*first, *positional, *keywords], __validate_parameters__=False)


__all__ = ["Call", "NotGiven", "Offering", "Omit", "Resource", "Wrapped", "hang", "named", "resource"]
