"""CPU of a call by stage: the core stepped by hand, with an engine that answers from memory.

    python benchmarks/stages.py [--calls 4000] [--front]

The exchange is a generator that asks for what it cannot do itself, so a call falls into stages at what it asks for.
Each stage is timed in every call, and its median counts; stages of one run compare with each other, not with another
machine's. Below them stands the whole call as CPU time of the process, with everything that its threads do:
``Mux.chat``, and with ``--front`` the same call as an HTTP request in a vendor's format.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from modelmux import Endpoint, Mux
from modelmux._exchange import exchange
from modelmux._front import Front, FrontRequest
from modelmux._http import HttpHead
from modelmux._json import dumps

MODELS = ("gpt-5-mini", "gpt-5-nano", "gpt-5")
PROMPT = [{"role": "user", "content": "Say hello to the world in one sentence."}]
HEAD = HttpHead(200, {"content-type": "application/json", "x-request-id": "req_1"})
BODY = dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODELS[0],
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Hello, world."}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 16, "completion_tokens": 5, "total_tokens": 21},
    }
)
STAGES = {
    "call": "messages and options to a canonical call",
    "look": "what is known of the endpoints",
    "decide": "needs, candidates, scores, order, plan; what to claim",
    "claim": "leave to send",
    "prepare": "encode, HTTP request, bound, journal the intent",
    "head": "status and headers",
    "answer": "decode, bill, journal the outcome, learn, settle, reply",
}


class FromMemory:
    """An engine and its stream in one, for one call at a time."""

    head = HEAD
    left = b""

    def send(self, *_: Any, **__: Any) -> FromMemory:
        self.left = BODY
        return self

    def read(self, _: float | None) -> bytes:
        data, self.left = self.left, b""
        return data

    def close(self) -> None:
        """There is nothing to close."""


def staged(mux: Mux, spent: dict[str, list[int]]) -> None:
    """One call, each stage timed."""
    state, clock, now = mux._state, mux._clock, time.perf_counter_ns
    at = now()
    core = exchange(mux._call(PROMPT, {}, stream=False), mux._env)

    def stage(name: str, result: Any) -> Any:
        nonlocal at
        spent[name].append(now() - at)
        at = now()
        return result

    look: Any = stage("call", core.send(None))
    snapshot = stage("look", state.look(look.scopes, clock.monotonic()))
    claim: Any = stage("decide", core.send(snapshot))
    asked = (claim.scopes, claim.input_tokens, claim.output_tokens, clock.monotonic())
    grant = stage("claim", state.claim(*asked, patience=claim.patience))
    stage("prepare", core.send(grant))
    stage("head", core.send(HEAD))
    try:
        core.send(BODY)
        core.send(b"")
    except StopIteration:
        stage("answer", None)
    else:
        raise RuntimeError("the call is not over")


def cpu(work: Callable[[], object], calls: int) -> float:
    """Microseconds of the whole process for each call, the least of ten parts."""
    least = float("inf")
    for _ in range(10):
        begun = time.process_time()
        for _ in range(calls // 10):
            work()
        least = min(least, (time.process_time() - begun) / (calls // 10) * 1e6)
    return least


def from_front() -> Callable[[], object]:
    mux = Mux([f"openai/{MODELS[0]}-other"], providers={"openai": {"api_key": "test-key"}}, usage="as_sent")
    mux._engine_ = FromMemory()
    front = Front(mux)
    headers = {"content-type": "application/json", "authorization": "Bearer test-key", "host": "127.0.0.1"}
    body = dumps({"model": MODELS[0], "messages": PROMPT})
    url = "http://127.0.0.1/v1/chat/completions"

    def call() -> None:
        answer = front.send(FrontRequest(method="POST", url=url, headers=headers, body=body, timeout=600.0))
        assert answer.status == 200, answer.read()
        answer.close()

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--front", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        endpoints = [
            Endpoint(f"openai/{model}", api_key="test-key", base_url="http://127.0.0.1/v1") for model in MODELS
        ]
        with Mux(endpoints, ledger=f"sqlite:///{directory}/ledger.db") as mux:
            mux._engine_ = FromMemory()
            spent: dict[str, list[int]] = defaultdict(list)
            for _ in range(options.calls):
                staged(mux, spent)
            medians = {name: statistics.median(spent[name]) / 1e3 for name in STAGES}
            for name, what in STAGES.items():
                print(f"{medians[name]:8.1f} µs  {name:8} {what}")
            print(f"{sum(medians.values()):8.1f} µs  together")
            print(
                f"{cpu(lambda: mux.chat(PROMPT), options.calls):8.1f} µs  Mux.chat, CPU of the process, SQLite included"
            )
    if options.front:
        print(f"{cpu(from_front(), options.calls):8.1f} µs  Front.send, CPU of the process")


if __name__ == "__main__":
    main()
