"""A recipe run with the very client it is about: ``python run.py openai-3`` in an environment that has that client.

The page's set-up block is executed as it stands, with the environment a user has but for the addresses, which lead to
vendors on loopback; what it makes (``client``, ``aclient`` …) is what the cases use, through the adapter of that client
(``with_openai.py`` and the like). Prints one JSON object: versions, and what came of each case.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import sys
import tomllib
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "docs"))

from snippets import Block, blocks, like  # noqa: E402  # after the path is there

from modelmux.testing import Answer, Fault, RecordedRequest, Vendors, forbid_network  # noqa: E402

CLIENTS: dict[str, dict[str, Any]] = tomllib.loads((HERE / "clients.toml").read_text("utf-8"))
MODELS = ("openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash")
FIRST = MODELS[0]
WEATHER = {"city": "Seoul", "degrees": 21}
CALL = [{"name": "get_weather", "arguments": {"city": "Seoul"}}]
SAID = "It is 21 degrees in Seoul"
ASKED = "Hello there, how are you today?"


class Recipe:
    """A page's set-up, run: ``page`` holds what it made, ``vendors`` are behind it."""

    def __init__(self, client: str, vendors: Vendors, page: SimpleNamespace) -> None:
        self.client, self.vendors, self.page = client, vendors, page
        self.adapter = import_module(CLIENTS[client]["adapter"])

    def server(self, model: str) -> Any:
        return self.vendors[model.partition("/")[0]]

    def ask(self, how: str, model: str, *args: Any) -> Any:
        """What the adapter's function of this name gives; it must have gone through the Mux."""
        before = len(self.page.mux.ledger.query())
        found = getattr(self.adapter, how)(self.page, model, *args)
        if asyncio.iscoroutine(found):
            found = asyncio.run(self._closing(found))
        assert len(self.page.mux.ledger.query()) > before, "this did not go through modelmux"
        return found

    def weather(self, request: RecordedRequest) -> Answer:
        """A call of the tool, and when its result is there, the end: as the client wants to be told."""
        over = b"21 degrees" in request.body
        if hasattr(self.adapter, "told"):
            return Answer(**self.adapter.told(SAID, over=over, asked=request.body.decode()))
        assert "get_weather" in tool_names(request), request.json
        return Answer(text=SAID) if over else Answer(tool_calls=CALL)

    def structured(self, request: RecordedRequest) -> Answer:
        """By a tool where the client's way is one, else as JSON."""
        tools = tool_names(request)
        if tools:
            return Answer(tool_calls=[{"name": tools[0], "arguments": WEATHER}])
        wrapped = getattr(self.adapter, "wrapped", dict)
        return Answer(text=json.dumps(wrapped(WEATHER)))

    @property
    def steps(self) -> int:
        """Requests of a run with one tool call."""
        return getattr(self.adapter, "STEPS", 2)

    async def _closing(self, found: Any) -> Any:
        try:
            return await found
        finally:
            await self.page.mux.aclose()


# --- the page --------------------------------------------------------------------------------------------------


def page_of(client: str) -> Path:
    return ROOT / "docs" / "recipes" / f"{CLIENTS[client].get('page', client)}.md"


def page_blocks(client: str) -> list[Block]:
    return [block for block in blocks(page_of(client).read_text("utf-8")) if block.kind == "py"]


def execute(block: Block, names: dict[str, Any], page: Path) -> str:
    """Run a block; what it printed."""
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile("\n" * block.line + block.code, str(page), "exec"), names)
    return printed.getvalue()


@contextmanager
def opened(client: str) -> Iterator[Recipe]:
    """The set-up block, run with vendors of its own."""
    with Vendors() as vendors, patch.dict(os.environ, vendors.env()):
        names: dict[str, Any] = {"__name__": "__recipe__"}
        try:
            execute(page_blocks(client)[0], names, page_of(client))
            made = {name: value for name, value in names.items() if not name.startswith("__")}
            yield Recipe(client, vendors, SimpleNamespace(**made, variant=CLIENTS[client].get("variant")))
        finally:
            if "mux" in names:
                names["mux"].close()


# --- cases -----------------------------------------------------------------------------------------------------

Case = Callable[[Recipe], None]


def plain(recipe: Recipe) -> None:
    for model in MODELS:
        assert ASKED in recipe.ask("chat", model, ASKED), model


def stream(recipe: Recipe, how: str = "stream") -> None:
    for model in MODELS:
        if hasattr(recipe.adapter, "spoken"):
            recipe.server(model).reply(recipe.adapter.spoken(ASKED))
        pieces = recipe.ask(how, model, ASKED)
        assert len(pieces) > 2, pieces
        assert ASKED in "".join(pieces), model


def async_stream(recipe: Recipe) -> None:
    stream(recipe, "astream")


def tool_round_trip(recipe: Recipe) -> None:
    for model in MODELS:
        server = recipe.server(model)
        server.reset()
        server.reply(recipe.weather)
        assert SAID in recipe.ask("tools", model, ASKED), model
        assert len(server.requests) == recipe.steps, (model, len(server.requests))
        assert b"21 degrees" in server.requests[-1].body, model


def structured_output(recipe: Recipe) -> None:
    for model in MODELS:
        server = recipe.server(model)
        server.reset()
        server.reply(recipe.structured)
        assert recipe.ask("structured", model, ASKED) == WEATHER, model
        assert b"degrees" in server.requests[-1].body, model  # the schema went along


def retried(recipe: Recipe) -> None:
    """A limit that passes: the call succeeds, and the vendor got it once more, not more."""
    for model in MODELS:
        server = recipe.server(model)
        server.fail(Fault(status=429, retry_after=0.05), times=1)
        assert ASKED in recipe.ask("chat", model, ASKED), model
        assert len(server.requests) == 2, (model, len(server.requests))


def not_retried(recipe: Recipe) -> None:
    """A quota that is spent: one request, and the client's own error."""
    server = recipe.server(FIRST)
    server.fail("quota spent")
    error = failure(recipe, FIRST)
    assert isinstance(error, recipe.adapter.refused()), repr(error)
    assert "quota" in str(error), str(error)
    assert len(server.requests) == 1, len(server.requests)


def not_multiplied(recipe: Recipe) -> None:
    """A vendor that is broken, and one that is gone: modelmux tries again, the client does not on top of it."""
    for model, fault in itertools.product(MODELS, ("server fault", "connection refused")):
        server = recipe.server(model)
        server.reset()
        server.fail(fault)
        before = len(recipe.page.mux.ledger.query())
        failure(recipe, model)
        tried = len(recipe.page.mux.ledger.query()) - before
        assert 1 <= tried <= 3, (model, fault, tried)


def failure(recipe: Recipe, model: str) -> Exception:
    try:
        recipe.ask("chat", model, ASKED)
    except AssertionError:
        raise
    except Exception as error:
        return error
    raise AssertionError("no error")


def failover(recipe: Recipe) -> None:
    """The vendor that asked for the tool is gone when the tool's result comes: another one goes on."""
    first, second, _ = (recipe.server(model) for model in MODELS)
    first.reply(recipe.weather)
    first.fail("unavailable", when=lambda request: request.number > 1)
    second.reply(recipe.weather)
    assert SAID in recipe.ask("tools", "auto", ASKED)
    assert len(first.requests) >= 2
    assert len(second.requests) == recipe.steps - 1
    assert b"21 degrees" in second.requests[0].body


def as_written(recipe: Recipe) -> None:
    """The page's other blocks, in order, print what the page says."""
    names = vars(recipe.page)
    for block in page_blocks(recipe.client)[1:]:
        recipe.vendors.openai.reply("Seoul")
        printed = execute(block, names, page_of(recipe.client))
        assert block.expected is None or like(block.expected.code, printed), printed


CASES: dict[str, tuple[str, Case]] = {
    "page": ("the page's own code", as_written),
    "chat": ("plain chat", plain),
    "stream": ("stream", stream),
    "astream": ("async stream", async_stream),
    "tools": ("tool round trip", tool_round_trip),
    "structured": ("structured output", structured_output),
    "retried": ("429 retried", retried),
    "refused": ("429 not retried", not_retried),
    "once": ("repeats not multiplied", not_multiplied),
    "failover": ("failover mid-run", failover),
}
NEEDS = {"retried": "chat", "refused": "chat", "once": "chat", "failover": "tools"}
"""Case -> the adapter's function it uses, where its name is another."""


# --- what the vendors say ----------------------------------------------------------------------------------------


def tool_names(request: RecordedRequest) -> list[str]:
    """Names of a request's tools, in any of the three formats."""
    tools = request.json.get("tools") or ()
    groups = [tool.get("functionDeclarations") or (tool.get("function") or tool,) for tool in tools]
    return [each["name"] for group in groups for each in group]


# --- all of it ---------------------------------------------------------------------------------------------------


def outcome(client: str, name: str) -> str:
    adapter: ModuleType = import_module(CLIENTS[client]["adapter"])
    without = CLIENTS[client].get("without", {})
    if name in without:
        return f"none: {without[name]}"
    if name != "page" and not hasattr(adapter, NEEDS.get(name, name)):
        return f"failed: {adapter.__name__} has no {NEEDS.get(name, name)}()"
    try:
        with opened(client) as recipe:
            CASES[name][1](recipe)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return f"failed: {type(error).__name__}: {error}"[:500]
    return "ok"


def versions(client: str) -> dict[str, str]:
    found = {}
    for name in (*CLIENTS[client]["shown"], "httpx", "httpx2"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def main(client: str, *only: str) -> None:
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(HERE))
    os.environ.update(CLIENTS[client].get("env", {}))
    with forbid_network():
        cases = {name: outcome(client, name) for name in only or CASES}
    print(json.dumps({"client": client, "versions": versions(client), "cases": cases}))


if __name__ == "__main__":
    main(*sys.argv[1:])
