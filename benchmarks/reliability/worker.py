"""One system in an interpreter of its own: does what it is told, a JSON line each, and says how that ended.

    python worker.py modelmux|openai|litellm

Standing instructions come first (``{"do": "setup", "targets": [...], ...}``), then ``stream``, ``chat``, ``load`` and
``leak``. Needs nothing but the system itself.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import os
import pickle
import resource
import socket
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

Target = dict[str, str]
TEXT = "hi"


class Modelmux:
    """Endpoints in order of priority."""

    def __init__(self, targets: list[Target], options: dict[str, Any]) -> None:
        import modelmux

        endpoints = [
            modelmux.Endpoint(t["model"], base_url=t["url"], api_key=t["key"], name=t["name"]) for t in targets
        ]
        self.deadline = options.pop("deadline", None)
        options.setdefault("policy", "priority")
        self.mux = modelmux.Mux([endpoints] if options.pop("equals", False) else endpoints, seed=5, **options)

    def stream(self, put: Callable[[str], None]) -> dict[str, Any]:
        from modelmux.types import Restarted, TextDelta

        with self.mux.stream(TEXT, deadline=self.deadline) as stream:
            for event in stream:
                if isinstance(event, Restarted):
                    put("\0")
                elif isinstance(event, TextDelta):
                    put(event.text)
            return self._said(stream.reply)

    async def astream(self, put: Callable[[str], None]) -> dict[str, Any]:
        from modelmux.types import Restarted, TextDelta

        async with self.mux.astream(TEXT, deadline=self.deadline) as stream:
            async for event in stream:
                if isinstance(event, Restarted):
                    put("\0")
                elif isinstance(event, TextDelta):
                    put(event.text)
            return self._said(stream.reply)

    def chat(self) -> dict[str, Any]:
        reply = self.mux.chat(TEXT, deadline=self.deadline)
        return {"text": reply.text, **self._said(reply)}

    async def achat(self) -> dict[str, Any]:
        reply = await self.mux.achat(TEXT, deadline=self.deadline)
        return {"text": reply.text, **self._said(reply)}

    @staticmethod
    def _said(reply: Any) -> dict[str, Any]:
        return {"model": reply.model, "output": reply.usage["output"], "finish": reply.finish}

    async def aclose(self) -> None:
        await self.mux.aclose()


class OpenAI:
    """The vendor's SDK: one target, retries of its own."""

    def __init__(self, targets: list[Target], options: dict[str, Any]) -> None:
        import openai

        first = targets[0]
        self.model = first["model"].partition("/")[2]
        given: dict[str, Any] = {"base_url": first["url"], "api_key": first["key"]}
        if options.get("deadline"):
            given["timeout"] = options["deadline"]
        self.sync, self.client = openai.OpenAI(**given), None
        self.make = lambda: openai.AsyncOpenAI(**given)

    def _asked(self, stream: bool) -> dict[str, Any]:
        asked: dict[str, Any] = {"model": self.model, "messages": [{"role": "user", "content": TEXT}]}
        return asked | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})

    def stream(self, put: Callable[[str], None]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for chunk in self.sync.chat.completions.create(**self._asked(True)):
            _chunk(chunk, put, said)
        return said

    async def astream(self, put: Callable[[str], None]) -> dict[str, Any]:
        self.client = self.client or self.make()
        said: dict[str, Any] = {}
        async for chunk in await self.client.chat.completions.create(**self._asked(True)):
            _chunk(chunk, put, said)
        return said

    def chat(self) -> dict[str, Any]:
        return _whole(self.sync.chat.completions.create(**self._asked(False)))

    async def achat(self) -> dict[str, Any]:
        self.client = self.client or self.make()
        return _whole(await self.client.chat.completions.create(**self._asked(False)))

    async def aclose(self) -> None:
        if self.client is not None:
            await self.client.close()
            self.client = None


class LiteLLM:
    """Its Router: the first target by name, the others as its fallbacks; equals under one name."""

    def __init__(self, targets: list[Target], options: dict[str, Any]) -> None:
        import litellm

        litellm.suppress_debug_info = True
        equals = options.get("equals", False)
        names = ["main" if equals or place == 0 else f"other{place}" for place in range(len(targets))]
        models = [
            {
                "model_name": name,
                "litellm_params": {"model": t["model"], "api_base": _base(t), "api_key": t["key"]},
            }
            for name, t in zip(names, targets, strict=True)
        ]
        given: dict[str, Any] = {"model_list": models, "num_retries": 2}
        others = [name for name in dict.fromkeys(names) if name != "main"]
        if others:
            given["fallbacks"] = [{"main": others}]
        if options.get("deadline"):
            given["timeout"] = options["deadline"]
        self.router = litellm.Router(**given)

    def _asked(self, stream: bool) -> dict[str, Any]:
        asked: dict[str, Any] = {"model": "main", "messages": [{"role": "user", "content": TEXT}]}
        return asked | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})

    def stream(self, put: Callable[[str], None]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for chunk in self.router.completion(**self._asked(True)):
            _chunk(chunk, put, said)
        return said

    async def astream(self, put: Callable[[str], None]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        async for chunk in await self.router.acompletion(**self._asked(True)):
            _chunk(chunk, put, said)
        return said

    def chat(self) -> dict[str, Any]:
        return _whole(self.router.completion(**self._asked(False)))

    async def achat(self) -> dict[str, Any]:
        return _whole(await self.router.acompletion(**self._asked(False)))

    async def aclose(self) -> None:
        return None


SYSTEMS = {"modelmux": Modelmux, "openai": OpenAI, "litellm": LiteLLM}


def _base(target: Target) -> str:
    """litellm adds ``/v1/messages`` to an Anthropic base itself."""
    return target["url"].removesuffix("/v1") if target["model"].startswith("anthropic/") else target["url"]


def _chunk(chunk: Any, put: Callable[[str], None], said: dict[str, Any]) -> None:
    if chunk.choices:
        put(chunk.choices[0].delta.content or "")
        said["finish"] = chunk.choices[0].finish_reason or said.get("finish")
    said["model"] = chunk.model or said.get("model")
    usage = getattr(chunk, "usage", None)
    if usage is not None:
        said["output"] = usage.completion_tokens


def _whole(answer: Any) -> dict[str, Any]:
    choice = answer.choices[0]
    usage = answer.usage
    return {
        "text": choice.message.content,
        "model": answer.model,
        "finish": choice.finish_reason,
        "output": None if usage is None else usage.completion_tokens,
    }


def ended(work: Callable[[Callable[[str], None]], dict[str, Any]]) -> dict[str, Any]:
    """How a call ended: what it gave, in how many seconds, or which error."""
    pieces: list[str] = []
    began, cpu = time.monotonic(), time.process_time()
    out: dict[str, Any] = {}
    try:
        out = work(pieces.append)
    except Exception as error:
        names = [cls.__name__ for cls in type(error).__mro__]
        out = {"error": names[0], "bases": names, "message": str(error)[:300]}
    out["seconds"], out["cpu"] = time.monotonic() - began, time.process_time() - cpu
    text = "".join(pieces)
    out.setdefault("text", text.rpartition("\0")[2])
    out["seen"] = text
    return out


def beside(timer: float | None, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A call with a plain timer beside it, and when that one ended."""
    if timer is None:
        return call()
    fired: list[float] = []
    began = time.monotonic()

    def sleep() -> None:
        time.sleep(timer)
        fired.append(time.monotonic() - began)

    control = threading.Thread(target=sleep, daemon=True)
    control.start()
    out = call()
    control.join()
    return out | {"timer": fired[0]}


def _standing() -> dict[str, int]:
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
    }


def _never_resolving(name: str) -> Callable[..., Any]:
    """The system's resolver, which for one name gives no answer for ten seconds."""
    genuine = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **named: Any) -> Any:
        if host in (name, name.encode()):
            time.sleep(10.0)
            raise OSError("gave up")
        return genuine(host, *args, **named)

    return resolve


class Worker:
    def __init__(self, system: str) -> None:
        self.make = SYSTEMS[system]
        self.system: Any = None
        self.sync = True

    def setup(
        self, targets: list[Target], sync: bool = True, slow_name: str | None = None, **options: Any
    ) -> dict[str, Any]:
        self.system = None
        if slow_name is not None:
            socket.getaddrinfo = _never_resolving(slow_name)
        gc.collect()
        self.sync = sync
        self.system = self.make(targets, options)
        return {}

    def _run(self, work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        async def main() -> dict[str, Any]:
            try:
                return await work()
            finally:
                await self.system.aclose()

        return asyncio.run(main())

    def stream(self, timer: float | None = None) -> dict[str, Any]:
        if self.sync:
            return beside(timer, lambda: ended(self.system.stream))
        return beside(timer, lambda: ended(lambda put: self._run(lambda: self.system.astream(put))))

    def chat(self, timer: float | None = None) -> dict[str, Any]:
        if self.sync:
            return beside(timer, lambda: ended(lambda _: self.system.chat()))
        return beside(timer, lambda: ended(lambda _: self._run(self.system.achat)))

    def cancel(self, calls: int, at_once: int, streamed: bool) -> dict[str, Any]:
        """Many calls, each cancelled after some milliseconds. What is there afterwards that was not there before."""

        async def one(number: int) -> None:
            call = self.system.astream(lambda piece: None) if streamed else self.system.achat()
            task = asyncio.create_task(call)
            await asyncio.sleep(0.001 * (number % 100))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        async def main() -> dict[str, Any]:
            first = asyncio.create_task(self.system.achat())  # what is made once is no leak
            await asyncio.sleep(0.05)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            before = _standing()
            left = iter(range(calls))

            async def lane() -> None:
                for number in left:
                    await one(number)

            await asyncio.gather(*[lane() for _ in range(at_once)])
            await asyncio.sleep(0.9)
            gc.collect()
            after = _standing()
            await self.system.aclose()
            return {kind: max(0, after[kind] - before[kind]) for kind in before}

        return asyncio.run(main())

    def load(self, calls: int, at_once: int = 0, rate: float = 0.0) -> dict[str, Any]:
        """Many calls: ``at_once`` under way all the time, or ``rate`` of them a second. Times are seconds."""

        async def main() -> dict[str, Any]:
            took: list[float] = []
            failed: list[str] = []
            served: list[tuple[float, str]] = []
            began = time.monotonic()

            async def one() -> None:
                start = time.monotonic()
                try:
                    answer = await self.system.achat()
                    served.append((time.monotonic() - began, answer["text"]))
                except Exception as error:
                    failed.append(type(error).__name__)
                took.append(time.monotonic() - start)

            if rate:
                tasks = []
                for number in range(calls):
                    await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                    tasks.append(asyncio.create_task(one()))
                await asyncio.gather(*tasks)
            else:
                left = iter(range(calls))

                async def lane() -> None:
                    for _ in left:
                        await one()

                await asyncio.gather(*[lane() for _ in range(at_once)])
            await self.system.aclose()
            return {"seconds_each": sorted(took), "failed": failed, "served": served}

        return asyncio.run(main())

    def leak(self, key: str) -> dict[str, Any]:
        """Where the key shows when a call fails: logs, texts, traceback, pickle."""
        heard = io.StringIO()
        handler = logging.StreamHandler(heard)
        root = logging.getLogger()
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        places: list[str] = []
        try:
            self.system.chat()
        except Exception as error:
            shown = {
                "str": str(error),
                "repr": repr(error),
                "traceback": "".join(traceback.format_exception(error)),
                "attributes": repr(vars(error)),
            }
            places = [place for place, text in shown.items() if key in text]
            try:
                if key.encode() in pickle.dumps(error):
                    places.append("pickle")
            except Exception:
                places.append("pickle (cannot be made)")
        root.removeHandler(handler)
        if key in heard.getvalue():
            places.append("logs")
        return {"places": places}

    def memory(self) -> dict[str, Any]:
        return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "pid": os.getpid()}


def main() -> None:
    worker = Worker(sys.argv[1])
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        asked = json.loads(line)
        done = getattr(worker, asked.pop("do"))(**asked)
        print(json.dumps(done), file=out, flush=True)


if __name__ == "__main__":
    main()
