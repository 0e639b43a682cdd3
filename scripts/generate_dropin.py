"""Write a drop-in's tables from the interface of an installed vendor SDK.

Run it with a Python that has the SDK::

    python scripts/generate_dropin.py openai src/modelmux/openai/_tables

What is read are interface facts, found by introspection of the running package: module paths, class, field, method and
parameter names, types, defaults, discriminators, and which request a method makes when it is called. A recording
stand-in takes the client's place, so nothing is sent. No code, docstring or comment is read or kept.

One compressed JSON file per package of types (``types.chat.json.gz``), one per top module of resources
(``resources.chat.json.gz``), ``modules.json.gz`` (which file holds which module) and ``index.json.gz`` (version,
clients). The runtime that reads them is ``modelmux._dropin``; the grammar of a type is in
``modelmux/_dropin/shapes.py``.
"""

from __future__ import annotations

import enum
import gzip
import importlib
import importlib.metadata
import inspect
import json
import pkgutil
import sys
import types as builtin_types
import typing
import warnings
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pydantic

PLAIN = {
    str: "str",
    int: "int",
    float: "float",
    bool: "bool",
    bytes: "bytes",
    datetime: "datetime",
    date: "date",
    type(None): "none",
    object: "any",
    Any: "any",
}
VERBS = ("get", "post", "put", "patch", "delete")
SEVERAL = ("poll", "wait_for", "chunked", "parse")
"""Parts of names of methods that make more than one request, or read the answer their own way: written by hand."""
COMMON = ("self", "extra_headers", "extra_query", "extra_body", "timeout", "idempotency_key", "stream")


class Types:
    """The models, aliases and re-exports below one package of types."""

    def __init__(self, root: str, package: str) -> None:
        self.root = root
        self.modules = {name: importlib.import_module(name) for name in self._walk(f"{root}.{package}")}
        self.aliases: dict[Any, str] = {}
        self.own: dict[int, str] = {}
        self.moved: dict[Any, str] = {}
        for name, module in self.modules.items():
            if not hasattr(module, "__path__"):
                self._find_aliases(name, module)
                listed = (getattr(module, key, None) for key in getattr(module, "__all__", ()))
                self.moved |= {cls: name for cls in listed if getattr(cls, "__module__", "") == root}

    @staticmethod
    def _walk(top: str) -> list[str]:
        module = importlib.import_module(top)
        paths = getattr(module, "__path__", None)
        below = [] if paths is None else [info.name for info in pkgutil.walk_packages(paths, f"{top}.")]
        return sorted([top, *below])

    def home(self, cls: Any) -> str:
        """The module that defines a class, also where the package says it is its own."""
        return self.moved.get(cls) or getattr(cls, "__module__", "")

    def short(self, module: str) -> str:
        return module.removeprefix(f"{self.root}.")

    def _find_aliases(self, name: str, module: Any) -> None:
        for key in getattr(module, "__all__", None) or vars(module):
            value = getattr(module, key, None)
            if key.startswith("_") or not is_alias(value):
                continue
            here = f"{self.short(name)}:{key}"
            self.own.setdefault(id(value), here)
            if typing.get_origin(bare(value)) not in (typing.Union, builtin_types.UnionType, typing.Literal):
                continue
            for known in (value, bare(value)):
                try:
                    self.aliases.setdefault(known, here)
                except TypeError:  # what cannot be hashed cannot be looked up either
                    continue

    def table(self, name: str) -> dict[str, Any]:
        """What the module defines, and what it hands on from others."""
        module, out = self.modules[name], {}
        for key, value in sorted(vars(module).items()):
            if key.startswith("_") or inspect.ismodule(value):
                continue
            if isinstance(value, type) and not typing.get_origin(value):
                home = self.home(value)
                if not home.startswith(self.root):
                    continue
                if home == name:
                    out[key] = self.describe(value)
                elif home in self.modules:  # also what a module only uses: callers import it from there
                    out[key] = f"{self.short(home)}:{value.__name__}"
            elif is_alias(value):
                here = self.own.get(id(value), "")
                if hasattr(module, "__path__"):
                    out[key] = here or {"t": self.shape(value)}
                elif here == f"{self.short(name)}:{key}":
                    out[key] = {"t": self.shape(value, skip=True)}
                elif here:
                    out[key] = here
        return out

    def describe(self, cls: type) -> Any:
        if issubclass(cls, enum.Enum):
            return {"e": {member.name: member.value for member in cls}}
        if issubclass(cls, Exception):
            return {"x": cls.__mro__[1].__name__}
        if not issubclass(cls, pydantic.BaseModel):
            return {"p": 1} if issubclass(cls, dict) and hasattr(cls, "__total__") else {"o": 1}
        above = [base for base in cls.__mro__[1:] if base.__module__.startswith(f"{self.root}.types")]
        bases = [base for base in above if issubclass(base, pydantic.BaseModel)]
        inherited = {name: info for base in reversed(bases) for name, info in base.model_fields.items()}
        entry: dict[str, Any] = {"f": {}}
        if bases:
            entry["b"] = f"{self.short(bases[0].__module__)}:{bases[0].__name__}"
        for name, info in cls.model_fields.items():
            known = inherited.get(name)
            if known is not None and known.annotation == info.annotation and known.default == info.default:
                continue
            self.field(entry, name, info)
        return entry

    def field(self, entry: dict[str, Any], name: str, info: Any) -> None:
        entry["f"][name] = self.shape(info.annotation, metadata=info.metadata)
        alias = info.alias or info.serialization_alias
        if alias and alias != name:
            entry.setdefault("a", {})[name] = alias
        if not info.repr:
            entry.setdefault("h", []).append(name)
        optional = isinstance(entry["f"][name], list) and entry["f"][name][0] == "opt"
        if info.is_required():
            if optional:
                entry.setdefault("r", []).append(name)
        elif info.default is not None or not optional:
            try:
                default = info.get_default(call_default_factory=True)
                json.dumps(default)
            except TypeError:
                default = None
            entry.setdefault("d", {})[name] = default

    def shape(self, annotation: Any, *, skip: bool = False, metadata: Any = ()) -> Any:
        """A type in the tables' grammar. ``skip``: spell an alias out, for its own definition."""
        if not skip:
            try:
                if annotation in self.aliases:
                    return self.aliases[annotation]
            except TypeError:
                pass
        if isinstance(annotation, typing.TypeAliasType if sys.version_info >= (3, 12) else ()):
            return self.shape(annotation.__value__)
        if type(annotation).__name__ == "TypeAliasType":
            return self.shape(annotation.__value__)
        if annotation in PLAIN:
            return PLAIN[annotation]
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            return self.shape(args[0], skip=skip, metadata=args[1:])
        if origin in (typing.Union, builtin_types.UnionType):
            return self.union(args, metadata)
        if origin is typing.Literal:
            return ["lit", *args]
        if origin in (list, tuple, set) or "Sequence" in str(origin) or "Iterable" in str(origin):
            return ["list", self.shape(args[0]) if args else "any"]
        if origin is dict or "Mapping" in str(origin):
            return ["dict", self.shape(args[1]) if args else "any"]
        return self.named(annotation, origin)

    def named(self, annotation: Any, origin: Any) -> Any:
        if isinstance(annotation, type):
            generic = getattr(annotation, "__pydantic_generic_metadata__", {}).get("origin")
            annotation = generic or annotation
            if annotation.__module__.startswith(self.root):
                return f"{self.short(annotation.__module__)}:{annotation.__name__}"
            return {"dict": ["dict", "any"], "list": ["list", "any"]}.get(annotation.__name__, "any")
        if isinstance(origin, type) and origin.__module__.startswith(self.root):
            return f"{self.short(origin.__module__)}:{origin.__name__}"
        return "any"

    def union(self, args: tuple[Any, ...], metadata: Any) -> Any:
        rest = [arg for arg in args if arg is not type(None)]
        optional = len(rest) < len(args)
        if len(rest) == 1:
            inner = self.shape(rest[0], metadata=metadata)
        else:
            whole = typing.Union[tuple(rest)]  # noqa: UP007
            try:
                named = self.aliases.get(whole) if optional else None
            except TypeError:
                named = None
            mark = next((found for m in metadata if (found := discriminator(m))), None)
            inner = named or ["union", mark, *[self.shape(arg) for arg in rest]]
        return ["opt", inner] if optional else inner


def is_alias(value: Any) -> bool:
    """Whether a module's value is a type with a name of its own that is no class."""
    origin = typing.get_origin(value)
    return origin is not None or type(value).__name__ in ("TypeAliasType", "UnionType")


def discriminator(mark: Any) -> str | None:
    """The field that an annotation names as telling a union's members apart."""
    for name in ("discriminator", "field_name"):
        found = getattr(mark, name, None)
        if isinstance(found, str):
            return found
    return None


def bare(value: Any) -> Any:
    value = getattr(value, "__value__", value)
    return typing.get_args(value)[0] if typing.get_origin(value) is typing.Annotated else value


class Recorded(Exception):
    """What a method asked of its client."""

    def __init__(self, verb: str, path: str, given: dict[str, Any]) -> None:
        super().__init__(verb)
        self.verb, self.path, self.given = verb, path, given


class Recorder:
    """Stands where a resource expects its client; every request raises what it was."""

    def __init__(self) -> None:
        self._api_key_set = True

    def __getattr__(self, name: str) -> Any:
        if name not in (*VERBS, "get_api_list"):
            raise AttributeError(name)

        def ask(path: str, **given: Any) -> Any:
            raise Recorded(given.get("method", "get") if name == "get_api_list" else name, path, given)

        return ask


class Resources:
    """The classes of methods that hang on a client."""

    def __init__(self, types: Types) -> None:
        self.types, self.root = types, types.root

    def below(self, cls: type, seen: dict[str, Any]) -> dict[str, str]:
        """Attribute -> resource class, of a client or resource; describes each on the way."""
        found = {}
        for name, value in sorted(vars(cls).items()):
            getter = getattr(value, "func", None) or getattr(value, "fget", None)
            if name.startswith(("_", "with_")) or getter is None:
                continue
            try:
                sub = typing.get_type_hints(getter, vars(sys.modules[getter.__module__])).get("return")
            except (NameError, TypeError):
                sub = self.by_name(getter)
            if isinstance(sub, type) and sub.__module__.startswith(f"{self.root}.resources"):
                sub = home_of(sub)
                ref = f"{self.types.short(sub.__module__)}:{sub.__name__}"
                found[name] = ref
                if ref not in seen:
                    seen[ref] = {}
                    seen[ref] = self.describe(sub, seen)
        return found

    def by_name(self, getter: Any) -> Any:
        """A return type that is imported for type checkers only."""
        wanted = getter.__annotations__.get("return")
        instance = Recorder()
        try:
            made = getter(type("Stub", (), {"_client": instance, "__getattr__": lambda *_: instance})())
        except Exception:  # noqa: BLE001 - whatever it needs, it is not a plain resource
            return None
        return type(made) if type(made).__name__ == wanted else None

    def describe(self, cls: type, seen: dict[str, Any]) -> dict[str, Any]:
        entry: dict[str, Any] = {"m": {}}
        children = self.below(cls, seen)
        if children:
            entry["c"] = children
        for name, function in sorted(vars(cls).items()):
            if not name.startswith("_") and inspect.isfunction(function):
                entry["m"][name] = self.method(cls, name, function)
        return entry

    def method(self, cls: type, name: str, function: Any) -> dict[str, Any]:
        signature = inspect.signature(function)
        params = [p for p in signature.parameters.values() if p.name != "self"]
        entry: dict[str, Any] = {
            "p": [p.name for p in params if p.kind is p.POSITIONAL_OR_KEYWORD],
            "k": [p.name for p in params if p.kind is p.KEYWORD_ONLY],
            "r": [
                p.name for p in params if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
            ],
            "n": {p.name: p.default for p in params if isinstance(p.default, str | int | bool) or p.default is None},
        }
        for common in COMMON:
            entry["n"].pop(common, None)
        entry = {key: value for key, value in entry.items() if value}
        return {**entry, **self.request(cls, name, params)}

    def request(self, cls: type, name: str, params: list[inspect.Parameter]) -> dict[str, Any]:
        given = {p.name: sentinel(p) for p in params if p.name not in COMMON and p.kind is not p.VAR_KEYWORD}
        calls = [given, {p.name: given[p.name] for p in params if p.name in given and p.default is p.empty}]
        streams = any(p.name == "stream" for p in params)
        facts: dict[str, Any] = {}
        if any(part in name for part in SEVERAL):
            return facts
        for arguments in calls:
            try:
                with warnings.catch_warnings(record=True) as warned:
                    warnings.simplefilter("always")
                    getattr(cls(Recorder()), name)(**arguments, **({"stream": True} if streams else {}))
            except Recorded as recorded:
                facts = self.facts(recorded, arguments)
                if any(issubclass(one.category, DeprecationWarning) for one in warned):
                    facts["w"] = 1
                break
            except Exception:  # noqa: BLE001 - a helper that does more than ask: written by hand
                continue
        return facts

    def facts(self, recorded: Recorded, arguments: dict[str, Any]) -> dict[str, Any]:
        given, path = recorded.given, recorded.path
        options = given.get("options") or {}
        body, query = given.get("body"), options.get("params") or {}
        headers = {k: v for k, v in (options.get("headers") or {}).items() if isinstance(v, str)}
        out: dict[str, Any] = {"v": recorded.verb}
        where: dict[str, Any] = {"body": [], "query": [], "header": {}, "file": []}
        for name, value in arguments.items():
            mark = text_of(value)
            if mark in path:
                path = path.replace(mark, "{" + name + "}")
                continue
            for place, content in (("body", body), ("query", query)):
                if isinstance(content, dict):
                    key = next((k for k, v in content.items() if same(v, value)), name if name in content else None)
                    if key is not None:
                        where[place].append(name if key == name else [name, key])
            for header, text in list(headers.items()):
                joined = ",".join(mark)  # what becomes of text where a list is joined
                if text == mark:
                    where["header"][name] = headers.pop(header) and header
                elif text.startswith(joined):
                    own = text.removeprefix(joined).removeprefix(",")
                    where["header"][name] = [header, *([own] if own else [])]
                    headers.pop(header)
        if given.get("files"):
            where["file"] = sorted({part[0] for part in given["files"]})
        out["path"] = path
        if headers.get("Content-Type", "").startswith("multipart/form-data"):
            out["multipart"] = 1
            headers.pop("Content-Type")
        constants = self.constants(body, arguments)
        security = {k: v for k, v in (options.get("security") or {}).items() if v}
        if given.get("page") is not None:
            out["page"] = given["page"].__name__.partition("[")[0]
            out["t"] = self.types.shape(given.get("model"))
        else:
            out["t"] = self.types.shape(given.get("cast_to"))
        stream = given.get("stream_cls")
        if stream is not None:
            out["s"] = self.types.shape((typing.get_args(stream) or (object,))[0])
        extras = {**{k: v for k, v in where.items() if v}, "headers": headers, "constants": constants}
        if security and security != {"bearer_auth": True}:
            extras["security"] = sorted(security)
        if options.get("synthesize_event_and_data"):
            extras["events"] = 1
        out.update({key: value for key, value in extras.items() if value})
        return out

    @staticmethod
    def constants(body: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the method itself puts into the body."""
        if not isinstance(body, dict):
            return {}
        own = {k: v for k, v in body.items() if k not in arguments and isinstance(v, str | bool | int)}
        marks = {text_of(value) for value in arguments.values()}
        return {k: v for k, v in own.items() if text_of(v) not in marks and k != "stream"}


def sentinel(parameter: inspect.Parameter) -> Any:
    mark = f"mark-{parameter.name}-mark"
    kind = str(parameter.annotation)
    if "FileTypes" in kind:
        return [mark.encode()] if "Sequence[" in kind or "List[" in kind else mark.encode()
    return mark


def home_of(cls: type) -> type:
    """The class that has the methods: some packages hand on an empty subclass of the same name."""
    return next(base for base in reversed(cls.__mro__) if base.__name__ == cls.__name__)


def text_of(value: Any) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    return value.decode() if isinstance(value, bytes) else str(value)


def same(found: Any, sent: Any) -> bool:
    return text_of(found) == text_of(sent) or found == list(text_of(sent))


FACTS = {
    "DEPRECATED_MODELS": "resources.messages",
    "MODELS_TO_WARN_WITH_THINKING_ENABLED": "resources.messages.messages",
    "MODEL_NONSTREAMING_TOKENS": "_constants",
    "ANTHROPIC_API_VERSION": "_constants",
}
"""Values that decide what a client does, and where an SDK has them."""


def facts(root: str, types: Types) -> dict[str, Any]:
    """Values by name, and the error classes by status and code, where an SDK has such."""
    found: dict[str, Any] = {}
    for name, module in FACTS.items():
        try:
            found[name] = getattr(importlib.import_module(f"{root}.{module}"), name)
        except (ImportError, AttributeError):
            continue
    try:
        errors = importlib.import_module(f"{root}._error_classes").ERROR_CLASSES
    except ImportError:
        return found
    found["errors"] = {
        f"{status}:{code}": f"{types.short(types.home(cls))}:{cls.__name__}"
        for (status, code), cls in errors.items()
        if code is not None
    }
    return found


def tables(root: str, package: str) -> dict[str, dict[str, Any]]:
    """File name -> content."""
    sdk = importlib.import_module(root)
    types = Types(root, package)
    files: dict[str, dict[str, Any]] = defaultdict(dict)
    modules: dict[str, list[str]] = defaultdict(list)
    for name, module in types.modules.items():
        short = types.short(name)
        home = short if hasattr(module, "__path__") else short.rpartition(".")[0] or short
        files[home][short] = types.table(name)
        modules[home].append(short)
    resources: dict[str, Any] = {}
    clients: dict[str, dict[str, str]] = {}
    collector = Resources(types)
    for client in ("OpenAI", "Anthropic", "AsyncOpenAI", "AsyncAnthropic"):
        if hasattr(sdk, client) and not client.startswith("Async"):
            clients[client] = collector.below(getattr(sdk, client), resources)
    by_file: dict[str, dict[str, Any]] = defaultdict(dict)
    for ref, entry in resources.items():
        by_file[".".join(ref.partition(":")[0].split(".")[:2])][ref] = entry
    version = importlib.metadata.version(root.replace(".", "-"))
    index = {"sdk": root, "version": version, "clients": clients, "resources": sorted(by_file)}
    known = facts(root, types)
    extra = {"facts": known} if known else {}
    return {"index": index, "modules": {"types": dict(modules)}, **extra, **files, **by_file}


def main() -> None:
    root, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    found = tables(root, sys.argv[3] if len(sys.argv) > 3 else "types")
    for old in out.glob("*.json.gz"):
        old.unlink()
    for name, content in found.items():
        head = {"generated": f"scripts/generate_dropin.py from the interface of {root} {found['index']['version']}"}
        text = json.dumps({**head, **content}, separators=(",", ":"), ensure_ascii=False, sort_keys=name == "index")
        (out / f"{name}.json.gz").write_bytes(gzip.compress(f"{text}\n".encode(), mtime=0))
    print(f"{len(found)} files, {sum(path.stat().st_size for path in out.glob('*.json.gz')):,} bytes")


if __name__ == "__main__":
    main()
