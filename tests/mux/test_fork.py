"""A child that was forked while a stream was being read: the stream, its books and its connection are the parent's."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from modelmux.testing import VendorServer

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

WORDS = [f"word{number} " for number in range(150)]


def forked(work) -> str:
    """What ``work`` returns in a forked child, or the error it raises there."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = str(work())
        except BaseException as error:
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.parametrize("how", ["closes it", "forgets it", "leaves it alone"])
def test_a_childs_copy_of_a_stream_takes_nothing_from_its_parent(tmp_path, how) -> None:
    from modelmux import Mux

    with VendorServer("openai", pace=0.002) as vendor:
        vendor.reply(text=WORDS)
        mux = Mux([vendor.endpoint(concurrency=1)], ledger=f"sqlite:///{tmp_path}/ledger.db")
        held = [mux.stream("hi")]
        next(iter(held[0]))
        threading.Event().wait(0.05)

        def child() -> str:
            if how == "closes it":
                held[0].close()
            elif how == "forgets it":
                held.clear()
                gc.collect()
            # The parent's call takes no place in this process: there is room for the one call that may be under way.
            text = mux.chat("hello", deadline=5.0).text
            mux.close()
            return text

        assert forked(child) == "".join(WORDS)
        assert held[0].reply.text == "".join(WORDS)
        mux.close()
        rows = mux.ledger.query()
        assert [row.state for row in rows] == ["ok", "ok"]
        assert {row.units["output"] for row in rows} == {rows[0].units["output"]}
