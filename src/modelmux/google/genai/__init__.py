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

from typing import Any

from modelmux._dropin.door import package

_HOME = {"AsyncClient": "client", "Client": "client", "as_vendor": "_vendor"}

__all__ = ["Client", "as_vendor", "errors", "types"]
_look = package(__name__, _HOME)


def __getattr__(name: str) -> Any:  # a function in so many words: type checkers look for one
    return _look(name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "chats", "client", "files", "models", "pagers"])
