"""The tables of this drop-in, and what they lack, by name."""

from __future__ import annotations

import enum
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelmux._dropin import filling, models
from modelmux._dropin.registry import Params, Registry
from modelmux._dropin.shapes import Converter, Shapes
from modelmux.google.genai._coerce import as_bytes, as_moment

PACKAGE = __name__.rpartition(".")[0]

_MIXINS = {
    f"types:{name}": f"_mixins:{name}"
    for name in (
        "Blob",
        "FunctionDeclaration",
        "FunctionResponse",
        "GenerateContentConfig",
        "GenerateContentResponse",
        "GenerateContentResponseUsageMetadata",
        "Image",
        "ModelContent",
        "Part",
        "Schema",
        "UserContent",
    )
}
"""Types that do more than hold fields. What they do is in ``_mixins``, under the same names."""


_ALSO = {
    "CitationMetadata": {"citationSources": "citations"},
    "Model": {"supportedGenerationMethods": "supported_actions"},
}
"""Type -> what one of the two services calls a field, where the SDK calls it otherwise."""


_ROUTED = ("GenerateContentConfig", "CountTokensConfig", "EmbedContentConfig")
"""Configurations that may have options of ours, under ``modelmux``."""


class AnyCase(str, enum.Enum):  # noqa: UP042 - its text is that of an Enum, as in the SDK
    """Words of the vendor, in any case; one that is not known is kept as it came."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, str):
            return None
        for name in (value.upper(), value.lower()):
            if name in cls.__members__:
                return cls.__members__[name]
        warnings.warn(f"{value} is not a valid {cls.__name__}", stacklevel=2)
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown


class AnswerShapes(Shapes):
    """What answers' JSON becomes. Beside what every drop-in's does: enums, bytes in base64, numbers sent as text."""

    def _by_name(self, name: str) -> Converter | None:
        if ":" not in name:
            return _FROM_JSON[name] if name in _FROM_JSON else super()._by_name(name)
        if name not in self._named and "e" in self.entry(name):
            self._named[name] = self._words(name)
        return super()._by_name(name)

    def _words(self, name: str) -> Converter:
        known: dict[str, Any] = {}

        def convert(value: Any) -> Any:
            if type(value) is not str:
                return value
            if value not in known:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # a word that is new to us is no fault of the caller's
                    found = self.cls(name)(value)
                if len(known) > 256:
                    return found
                known[value] = found
            return known[value]

        return convert


def _int(value: Any) -> Any:
    """64-bit numbers come as text in this vendor's JSON."""
    if type(value) is str:
        try:
            return int(value)
        except ValueError:
            return value
    return value


def _bytes(value: Any) -> Any:
    try:
        return as_bytes(value) if type(value) is str else value
    except ValueError:
        return value


def _datetime(value: Any) -> Any:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return as_moment(value)
        except ValueError:
            return value
    return value


_FROM_JSON: dict[str, Converter] = {"int": _int, "bytes": _bytes, "datetime": _datetime}


class Tables(Registry):
    """The registry, with enums that take any case."""

    def __init__(self) -> None:
        super().__init__(PACKAGE, Path(__file__).parent / "_tables", lambda: _model(), mixins=_MIXINS)
        self.shapes = AnswerShapes(self.entry, self.cls, filling.build, filling.plan_of)

    def file(self, name: str) -> Mapping[str, Any]:
        found = super().file(name)
        if name == "types" and "modelmux" not in found["types"]["GenerateContentConfig"]["f"]:
            for config in _ROUTED:
                found["types"][config]["f"]["modelmux"] = ["opt", ["dict", "any"]]
        return found

    def _make(self, ref: str, module: str, name: str, entry: Mapping[str, Any] | None) -> Any:
        home = f"{self.package}.{module}"
        if entry is not None and "e" in entry:
            return AnyCase(name, entry["e"], module=home)  # type: ignore[call-overload]  # names are data here
        if name.endswith("Dict") and (entry is None or "t" not in entry):
            return type(name, (Params,), {"__module__": home, "__qualname__": name})
        made = super()._make(ref, module, name, entry)
        if name in _ALSO:
            plan = filling.plan_of(made)
            plan.renamed = {**_ALSO[name], **plan.renamed}
        return made


def _model() -> type:
    from modelmux.google.genai._models import Model

    return Model


def _shapes() -> Shapes:
    return registry.shapes


_, Made = models.bases_for(PACKAGE, _shapes)
registry: Tables = Tables()
