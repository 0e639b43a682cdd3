"""One system under load, in an interpreter of its own. Prints CPU microseconds as JSON. Run by ``calls.py``."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

MODEL = "gpt-5-mini"
KEY = "test-key"
PROMPT = [{"role": "user", "content": "Say hello to the world in one sentence."}]
HISTORY = [
    {"role": "user" if number % 2 == 0 else "assistant", "content": f"{number}: " + "the quick brown fox " * 100}
    for number in range(101)
]  # 200 KB
CALLS, FLIGHT = 400, 100


class Httpx:
    """Posts the body and parses the answer: the least a client on this library can do."""

    def __init__(self, url: str) -> None:
        import httpx

        self.url = url + "/chat/completions"
        self.headers = {"authorization": f"Bearer {KEY}"}
        self.sync = httpx.Client(headers=self.headers, timeout=60)
        limits = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
        self.make = lambda: httpx.AsyncClient(headers=self.headers, timeout=60, limits=limits)
        self.client: Any = None

    def chat(self, messages: Any) -> None:
        body = self.sync.post(self.url, json={"model": MODEL, "messages": messages}).json()
        assert body["choices"][0]["message"]["content"]

    async def achat(self, messages: Any) -> None:
        self.client = self.client or self.make()
        body = (await self.client.post(self.url, json={"model": MODEL, "messages": messages})).json()
        assert body["choices"][0]["message"]["content"]

    async def stream(self) -> int:
        self.client = self.client or self.make()
        chunks = 0
        request = {"model": MODEL, "messages": PROMPT, "stream": True, "stream_options": {"include_usage": True}}
        async with self.client.stream("POST", self.url, json=request) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    chunks += bool(json.loads(line[6:])["choices"])
        return chunks

    async def aclose(self) -> None:
        if self.client is not None:
            await self.client.aclose()
            self.client = None


class OpenAI:
    """The vendor's SDK."""

    def __init__(self, url: str) -> None:
        import openai

        self.sync = openai.OpenAI(base_url=url, api_key=KEY)
        self.make = lambda: openai.AsyncOpenAI(base_url=url, api_key=KEY)
        self.client: Any = None

    def chat(self, messages: Any) -> None:
        assert self.sync.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content

    async def achat(self, messages: Any) -> None:
        self.client = self.client or self.make()
        reply = await self.client.chat.completions.create(model=MODEL, messages=messages)
        assert reply.choices[0].message.content

    async def stream(self) -> int:
        self.client = self.client or self.make()
        stream = await self.client.chat.completions.create(
            model=MODEL, messages=PROMPT, stream=True, stream_options={"include_usage": True}
        )
        return sum([bool(chunk.choices and chunk.choices[0].delta.content) async for chunk in stream])

    async def aclose(self) -> None:
        if self.client is not None:
            await self.client.close()
            self.client = None


class LiteLLM:
    """``litellm.completion``: prices and counts, no choice of endpoints."""

    def __init__(self, url: str) -> None:
        import litellm

        litellm.suppress_debug_info = True
        self.lib = litellm
        self.where = {"model": f"openai/{MODEL}", "api_base": url, "api_key": KEY}

    def chat(self, messages: Any) -> None:
        assert self.lib.completion(messages=messages, **self.where).choices[0].message.content

    async def achat(self, messages: Any) -> None:
        reply = await self.lib.acompletion(messages=messages, **self.where)
        assert reply.choices[0].message.content

    async def stream(self) -> int:
        stream = await self.lib.acompletion(
            messages=PROMPT, stream=True, stream_options={"include_usage": True}, **self.where
        )
        return sum([bool(chunk.choices and chunk.choices[0].delta.content) async for chunk in stream])

    async def aclose(self) -> None:
        await asyncio.sleep(0)


class LiteLLMRouter(LiteLLM):
    """``litellm.Router`` over three deployments."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        deployment = {"model": f"openai/{MODEL}", "api_base": url, "api_key": KEY}
        self.lib = self.lib.Router([{"model_name": "m", "litellm_params": deployment} for _ in range(3)])
        self.where = {"model": "m"}


class Modelmux:
    """The whole pipeline: validate, route over three endpoints, price, journal, ledger in SQLite."""

    def __init__(self, url: str) -> None:
        from modelmux import Endpoint, Mux

        self.dir = tempfile.TemporaryDirectory()
        models = [MODEL, "gpt-5", "gpt-4o"]
        endpoints = [Endpoint(f"openai/{model}", base_url=url, api_key=KEY) for model in models]
        self.mux = Mux(endpoints, policy="cheapest", ledger=f"sqlite:///{self.dir.name}/ledger.db")

    def chat(self, messages: Any) -> None:
        assert self.mux.chat(messages).text

    async def achat(self, messages: Any) -> None:
        assert (await self.mux.achat(messages)).text

    async def stream(self) -> int:
        from modelmux.types import TextDelta

        async with self.mux.astream(PROMPT) as stream:
            return sum([isinstance(event, TextDelta) and bool(event.text) async for event in stream])

    async def aclose(self) -> None:
        await self.mux.aclose()


SYSTEMS: dict[str, Callable[[str], Any]] = {
    "httpx": Httpx,
    "openai": OpenAI,
    "litellm": LiteLLM,
    "litellm.Router": LiteLLMRouter,
    "modelmux": Modelmux,
}


def sequential(system: Any, messages: Any, calls: int) -> float:
    for _ in range(max(5, calls // 10)):
        system.chat(messages)
    start = time.process_time()
    for _ in range(calls):
        system.chat(messages)
    return (time.process_time() - start) / calls * 1e6


def concurrent(system: Any) -> float:
    async def run() -> float:
        await _in_flight(system, FLIGHT)
        start = time.process_time()
        await _in_flight(system, CALLS)
        spent = time.process_time() - start
        await system.aclose()
        return spent / CALLS * 1e6

    return asyncio.run(run())


async def _in_flight(system: Any, calls: int) -> None:
    gate = asyncio.Semaphore(FLIGHT)

    async def one() -> None:
        async with gate:
            await system.achat(PROMPT)

    await asyncio.gather(*(one() for _ in range(calls)))


def paced(system: Any, streams: int = 3) -> float:
    async def run() -> float:
        await system.stream()
        start = time.process_time()
        chunks = sum([await system.stream() for _ in range(streams)])
        spent = time.process_time() - start
        await system.aclose()
        return spent / chunks * 1e6

    return asyncio.run(run())


IMPORTS = {
    "httpx": ("httpx", "Client"),
    "openai": ("openai", "OpenAI"),
    "litellm": ("litellm", "completion"),
    "litellm.Router": ("litellm", "Router"),
    "modelmux": ("modelmux", "Mux"),
}


def main(name: str, url: str, paced_url: str, what: str) -> None:
    if what == "import":
        module, client = IMPORTS[name]
        getattr(importlib.import_module(module), client)
        return
    system = SYSTEMS[name](url)
    if what == "first":
        system.chat(PROMPT)
        return
    result = {
        "sequential": sequential(system, PROMPT, CALLS),
        "concurrent": concurrent(system),
        "history": sequential(system, HISTORY, CALLS // 10),
        "chunk": paced(SYSTEMS[name](paced_url)),
    }
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:5])
