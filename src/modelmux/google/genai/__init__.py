"""Google's Gen AI Python package, without it: change one import.

::

    from modelmux.google import genai
    from modelmux.google.genai import types

    client = genai.Client()
    client.models.generate_content(model="gemini-2.5-flash", contents="…")              # as ever: the same request
    client.models.generate_content(model="anthropic/claude-haiku-4-5", contents="…")    # routed, same answer's shape

Classes, fields and parameters are those of the SDK whose version ``modelmux.google.genai.__version__`` names; the types
come from tables (``_tables``) and are made when they are first touched.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {"AsyncClient": "client", "Client": "client", "as_vendor": "_vendor"}

__all__ = ["Client", "as_vendor", "errors", "types"]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is not None:
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    elif name == "__version__":
        value = importlib.import_module(f"{__name__}._registry").registry.version
    elif name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    else:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "chats", "client", "files", "models", "pagers"])
