"""Packages whose modules are tables: found by name, made when they are touched.

A :class:`Registry` stands for one drop-in. Importing the drop-in reads no table; the first name out of a module reads
the one file that describes the modules of its package, and makes that one class.
"""

from __future__ import annotations

import enum
import importlib
import importlib.machinery
import sys
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from modelmux._dropin import filling, models
from modelmux._dropin.door import missing
from modelmux._dropin.shapes import Shapes, discriminator, shape_of
from modelmux._json import loads

_GZIP = 31
"""What zlib calls the gzip format, at its largest window."""


class Registry:
    """The tables of one drop-in.

    ``package``: its name (``modelmux.<vendor>``). ``directory``: where its tables are. ``base``: the lenient base of
    its models, a subclass of :class:`~modelmux._dropin.models.Made`.

    The rest names what is written by hand, as ``module:Name`` below the package: it is loaded when it is used.
    ``mixins``: class in the tables -> a class with what fields alone do not give. ``by_hand``: names that are not made
    of tables, as their modules define them. ``helpers``: resource class -> a class with methods; its async twin has
    ``Async`` before.
    """

    def __init__(
        self,
        package: str,
        directory: Path,
        base: Callable[[], type],
        *,
        mixins: Mapping[str, str] | None = None,
        by_hand: Collection[str] = (),
        helpers: Mapping[str, str] | None = None,
    ) -> None:
        self.package, self.directory = package, directory
        self._base, self._mixins, self._by_hand, self._helpers = base, mixins or {}, by_hand, helpers or {}
        self._files: dict[str, Mapping[str, Any]] = {}
        self._classes: dict[str, Any] = {}
        self._homes: dict[str, str] | None = None
        self.shapes = Shapes(self.entry, self.cls, filling.build, filling.plan_of)
        sys.meta_path.append(Finder(self))

    # --- tables ---

    @property
    def index(self) -> Mapping[str, Any]:
        return self.file("index")

    @property
    def version(self) -> str:
        """The vendor SDK's version that the tables were read from."""
        return str(self.index["version"])

    def file(self, name: str) -> Mapping[str, Any]:
        if name not in self._files:
            path = self.directory / f"{name}.json.gz"
            self._files[name] = loads(zlib.decompress(path.read_bytes(), _GZIP)) if path.exists() else {}
        return self._files[name]

    def module(self, name: str) -> Mapping[str, Any] | None:
        """The table of a module of types, None when there is none. ``name`` is below the package."""
        for home in (name, name.rpartition(".")[0]):
            if home:
                found = self.file(home).get(name)
                if found is not None:
                    table: Mapping[str, Any] = found
                    return table
        return None

    def entry(self, ref: str) -> Mapping[str, Any]:
        """What the tables say of ``module:Name``; empty when they say nothing."""
        module, _, name = ref.partition(":")
        found = (self.module(module) or {}).get(name)
        if isinstance(found, str):
            return self.entry(found)
        return found or {}

    def resource(self, ref: str) -> Mapping[str, Any]:
        """The table of a resource class."""
        home = ".".join(ref.partition(":")[0].split(".")[:2])
        found: Mapping[str, Any] = self.file(home).get(ref, {})
        return found

    # --- what is written by hand ---

    def load(self, ref: str) -> Any:
        """``module:Name`` out of a module below the package."""
        module, _, name = ref.partition(":")
        return getattr(importlib.import_module(f"{self.package}.{module}"), name)

    def helper(self, ref: str, is_async: bool) -> type | None:
        """The class with a resource class's methods that are written by hand; None where there is none."""
        found = self._helpers.get(ref)
        if found is None:
            return None
        module, _, name = found.partition(":")
        cls: type = self.load(f"{module}:{'Async' if is_async else ''}{name}")
        return cls

    def page(self, name: str, is_async: bool) -> Any:
        """The class of a list's pages by its name without ``Sync`` and ``Async``."""
        return self.load(f"pagination:{'Async' if is_async else 'Sync'}{name}")

    # --- classes ---

    def cls(self, ref: str) -> Any:
        """The class or alias ``module:Name``, made at its first use."""
        found = self._classes.get(ref)
        if found is None:
            module, _, name = ref.partition(":")
            entry = (self.module(module) or {}).get(name)
            if isinstance(entry, str):
                found = self.cls(entry)
            else:
                found = self.load(ref) if ref in self._by_hand else self._make(ref, module, name, entry)
            found = self._classes.setdefault(ref, found)  # two threads may have made it: the first one's counts
        return found

    def _make(self, ref: str, module: str, name: str, entry: Mapping[str, Any] | None) -> Any:
        home = f"{self.package}.{module}"
        if entry is None or "p" in entry or "o" in entry:
            return permissive(name, home, self._base(), self.shapes, params=_for_params(module, entry))
        if "t" in entry:
            return self.shapes.annotation(entry["t"])
        if "e" in entry:
            return enum.Enum(name, entry["e"], type=str, module=home)
        above = self.cls(entry["b"]) if "b" in entry else self._base()
        mixin = self._mixins.get(ref)
        bases = (above,) if mixin is None else (self.load(mixin), above)
        return models.make(name, home, bases, entry, self.shapes)

    def construct_type(self, *, value: Any, type_: Any, metadata: Any = None) -> Any:
        """A JSON value as a type, leniently: what does not fit stays as it is."""
        shape = shape_of(type_)
        key = next(filter(None, map(discriminator, metadata or ())), None)
        if key and isinstance(shape, list) and shape[0] == "union":
            shape = ["union", key, *shape[2:]]
        converter = self.shapes.converter(shape)
        return value if converter is None or value is None else converter(value)

    def construct_type_unchecked(self, *, value: Any, type_: Any) -> Any:
        """As :meth:`construct_type`."""
        return self.construct_type(value=value, type_=type_)

    def modules(self) -> dict[str, str]:
        """Every module of types -> the file that holds it."""
        if self._homes is None:
            self._homes = {module: home for home, names in self.file("modules")["types"].items() for module in names}
        return self._homes


def _for_params(module: str, entry: Mapping[str, Any] | None) -> bool:
    return bool(entry and "p" in entry) or module.rpartition(".")[2].endswith(("_param", "_params"))


class Params(dict[str, Any]):
    """What a call's nested arguments are: a dictionary, whatever it is called."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return handler(dict[str, Any])


def permissive(name: str, module: str, base: type, shapes: Shapes, *, params: bool) -> type:
    """A class for a name that no table describes: a dictionary for arguments, a model without fields for answers."""
    if params:
        return type(name, (Params,), {"__module__": module, "__qualname__": name})
    return models.make(name, module, (base,), {}, shapes)


class Finder:
    """Finds the modules that a registry describes, and loads them. It comes last on ``sys.meta_path``: files win. (It
    is what ``importlib.abc`` calls a finder and a loader, without that module, whose import takes 20 ms.)
    """

    def __init__(self, registry: Registry) -> None:
        self._registry, self._prefix = registry, f"{registry.package}."

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        del path, target
        if not fullname.startswith(self._prefix):
            return None
        name = fullname[len(self._prefix) :]
        root = name.partition(".")[0]
        if root not in ("types", "resources"):
            return None
        if not self._known(name, root):
            return None
        package = self._is_package(name, root)
        loader: Any = self
        return importlib.machinery.ModuleSpec(fullname, loader, is_package=package)

    def _known(self, name: str, root: str) -> bool:
        if root == "types":
            return name in self._registry.modules()
        home = ".".join(name.split(".")[:2])
        refs = self._registry.index["resources"] if name == root else self._registry.file(home)
        return any(ref.partition(":")[0] == name or ref.startswith(f"{name}.") for ref in refs)

    def _is_package(self, name: str, root: str) -> bool:
        if root == "types":
            return name in self._registry.file("modules")["types"]
        return True

    def create_module(self, spec: Any) -> ModuleType:
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__[len(self._prefix) :]
        look = _type_names if name.startswith("types") else _resource_names
        module.__getattr__ = look(self._registry, module, name)  # type: ignore[method-assign]  # PEP 562
        module.__dir__ = lambda: sorted(self._registry.module(name) or ())  # type: ignore[method-assign]  # PEP 562


def _type_names(registry: Registry, module: ModuleType, name: str) -> Callable[[str], Any]:
    def look(attribute: str) -> Any:
        if attribute.startswith("__"):
            if attribute == "__all__":
                return sorted(registry.module(name) or ())
            raise AttributeError(attribute)
        table = registry.module(name) or {}
        if attribute in table or attribute[:1].isupper():
            value = registry.cls(f"{name}:{attribute}")
        else:
            value = _below(module, attribute)
        setattr(module, attribute, value)
        return value

    return look


def _resource_names(registry: Registry, module: ModuleType, name: str) -> Callable[[str], Any]:
    def look(attribute: str) -> Any:
        from modelmux._dropin.resources import named

        if attribute.startswith("__"):
            raise AttributeError(attribute)
        value = named(registry, name, attribute)
        if value is None and attribute.isupper():
            value = registry.file("facts").get(attribute)
        if value is None:
            value = _below(module, attribute)
        setattr(module, attribute, value)
        return value

    return look


def _below(module: ModuleType, name: str) -> Any:
    """The module of a name below another. Raises AttributeError where there is none."""
    try:
        return importlib.import_module(f"{module.__name__}.{name}")
    except ImportError:
        raise missing(module.__name__, name) from None
