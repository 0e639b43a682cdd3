"""``modelmux.chat`` and its siblings: the same calls on a Mux made at first use from the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Unpack

from modelmux._mux import Mux

if TYPE_CHECKING:
    from modelmux._messages import Messages
    from modelmux._options import CallOptions
    from modelmux._streams import AsyncStream, Stream
    from modelmux.routing.plan import Decision
    from modelmux.types import Reply

_made: dict[int, Mux] = {}


def default_mux() -> Mux:
    """The Mux behind the module-level functions: ``Mux.from_env()``, made once per process."""
    mux = _made.get(os.getpid())
    if mux is None:
        # Two threads may both make one here; setdefault lets only one of them be used.
        mux = _made.setdefault(os.getpid(), Mux.from_env())
    return mux


def chat(messages: Messages, **options: Unpack[CallOptions]) -> Reply:
    """:meth:`Mux.chat <modelmux.Mux.chat>` on the default Mux."""
    return default_mux().chat(messages, **options)


async def achat(messages: Messages, **options: Unpack[CallOptions]) -> Reply:
    """:meth:`Mux.achat <modelmux.Mux.achat>` on the default Mux."""
    return await default_mux().achat(messages, **options)


def stream(messages: Messages, **options: Unpack[CallOptions]) -> Stream:
    """:meth:`Mux.stream <modelmux.Mux.stream>` on the default Mux."""
    return default_mux().stream(messages, **options)


def astream(messages: Messages, **options: Unpack[CallOptions]) -> AsyncStream:
    """:meth:`Mux.astream <modelmux.Mux.astream>` on the default Mux."""
    return default_mux().astream(messages, **options)


def explain(messages: Messages, **options: Unpack[CallOptions]) -> Decision:
    """:meth:`Mux.explain <modelmux.Mux.explain>` on the default Mux."""
    return default_mux().explain(messages, **options)
