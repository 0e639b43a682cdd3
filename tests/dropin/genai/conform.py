"""What comes of every case, with one package or the other: the requests, and the values or the error, as plain JSON.

Run with an interpreter that has the package: ``python -m dropin.genai.conform google.genai`` (below ``tests``).
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any
from unittest import mock

import pydantic

from dropin.genai.cases import CALLS, CHATS, SAID, VALUES, Call
from dropin.loopback import Loopback

HEADERS = (
    "authorization",
    "content-type",
    "user-agent",
    "x-goog-api-client",
    "x-goog-api-key",
    "x-goog-user-project",
    "x-mine",
    "x-server-timeout",
)
"""Headers that matter, and those of uploads."""

OURS = ("GOOGLE_", "GEMINI_")


def headers_of(seen: Any) -> dict[str, str]:
    some = {n: v for n, v in seen.headers.items() if n in HEADERS or n.startswith("x-goog-upload")}
    if "google-genai-sdk" not in some.get("user-agent", ""):
        del some["user-agent"]  # the HTTP library's own
    return {name: value.replace(sys.version.split()[0], "<python>") for name, value in some.items()}


def asked(seen: Any) -> dict[str, Any]:
    try:
        body = json.loads(seen.body) if seen.body else None
    except ValueError:
        body = seen.body.decode()
    return {"method": seen.method, "path": seen.path, "headers": headers_of(seen), "body": body}


def plain(value: Any) -> Any:
    """Any value as JSON, of the same look for either package."""
    if isinstance(value, pydantic.BaseModel):
        skip = {"sdk_http_response"} if "sdk_http_response" in type(value).model_fields else None
        found = value.model_dump(mode="json", exclude_none=True, exclude=skip)
        out = {"type": type(value).__name__, **found}
        if hasattr(value, "function_calls"):
            out["short"] = [plain(getattr(value, n)) for n in ("text", "function_calls", "executable_code", "parsed")]
            http = value.sdk_http_response
            out["http"] = None if http is None else [http.body, (http.headers or {}).get("content-type")]
        return out
    if isinstance(value, Enum):
        return [type(value).__name__, value.name]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(type(value).__name__)


def wrong(error: Exception) -> dict[str, Any]:
    out: dict[str, Any] = {
        "error": type(error).__name__,
        "kinds": [kind.__name__ for kind in type(error).__mro__[1:-2]],
    }
    if isinstance(error, pydantic.ValidationError):
        out["kinds"] = ["ValueError"]
        found = [[one["type"], list(one["loc"])] for one in error.errors()]
        # Of a union, one package names every member that the value is not.
        out["wrong"] = found if found[0][1][:1] != ["contents"] else ["contents"]
    elif hasattr(error, "details"):
        out |= {name: plain(getattr(error, name)) for name in ("code", "status", "message", "details")}
        out["text"] = str(error)
        out["http"] = getattr(error.response, "status_code", None)
    return out


@contextmanager
def environment(given: dict[str, str]) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with mock.patch.dict(os.environ, {**kept, **given}, clear=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def credentials() -> Any:
    class Token:
        token, expired, valid, quota_project_id = "test-token", False, True, "quota"

    try:
        google: Any = importlib.import_module("google.auth.credentials")
    except ImportError:
        return Token()
    return type(
        "Known", (Token, google.Credentials), {"__init__": lambda self: None, "refresh": lambda self, _: None}
    )()


class Package:
    """One of the two packages, and a server for it."""

    def __init__(self, name: str) -> None:
        self.genai = importlib.import_module(name)
        self.types = importlib.import_module(f"{name}.types")
        self.server = Loopback()
        self.base = self.server.url.removesuffix("v1")

    def client(self, given: dict[str, Any]) -> Any:
        options = {"base_url": self.base, **given.get("http_options", {})}
        made = {"api_key": "test-key", **given, "http_options": options}
        if made.get("credentials"):
            made["credentials"] = credentials()
        return self.genai.Client(**{name: value for name, value in made.items() if value is not None})

    def outcome(self, act: Callable[[], Any], answers: list[Any]) -> dict[str, Any]:
        self.server.say(*answers)
        out: dict[str, Any] = {}
        try:
            out["value"] = plain(act())
        except Exception as error:
            out |= wrong(error)
        out["requests"] = [asked(seen) for seen in self.server.seen]
        return json.loads(json.dumps(out).replace(self.base, "http://server/"))

    # --- calls

    def call(self, case: Call, *, is_async: bool) -> dict[str, Any]:
        with environment(case.environ):
            if is_async:
                return self.outcome(lambda: asyncio.run(self._acall(case)), case.answers)
            return self.outcome(lambda: self._call(case), case.answers)

    def _call(self, case: Call) -> Any:
        with self.client(case.client) as client:
            group, _, name = case.path.partition(".")
            found = getattr(getattr(client, group), name)(**case.make(self.types))
            return list(found) if name in ("list", "generate_content_stream") else found

    async def _acall(self, case: Call) -> Any:
        async with self.client(case.client).aio as client:
            group, _, name = case.path.partition(".")
            found = await getattr(getattr(client, group), name)(**case.make(self.types))
            return [one async for one in found] if name in ("list", "generate_content_stream") else found

    def chat(self, case: dict[str, Any], *, is_async: bool) -> dict[str, Any]:
        answers = case.get("answers", [SAID])
        with environment({}):
            if is_async:
                return self.outcome(lambda: asyncio.run(self._achat(case)), answers)
            return self.outcome(lambda: self._chat(case), answers)

    def _chat(self, case: dict[str, Any]) -> Any:
        with self.client({}) as client:
            chat = client.chats.create(model="m", **case.get("make", lambda _: {})(self.types))
            said = []
            for message in case["say"]:
                if case.get("stream"):
                    said.append(list(chat.send_message_stream(message)))
                else:
                    said.append(chat.send_message(message))
            return [said, chat.get_history(), chat.get_history(curated=True)]

    async def _achat(self, case: dict[str, Any]) -> Any:
        async with self.client({}).aio as client:
            chat = client.chats.create(model="m", **case.get("make", lambda _: {})(self.types))
            said = []
            for message in case["say"]:
                if case.get("stream"):
                    said.append([one async for one in await chat.send_message_stream(message)])
                else:
                    said.append(await chat.send_message(message))
            return [said, chat.get_history(), chat.get_history(curated=True)]

    def value(self, make: Callable[[Any], Any]) -> dict[str, Any]:
        return self.outcome(lambda: make(self.types), [SAID])


def outcomes(name: str) -> dict[str, Any]:
    """Case -> outcome, for all of them."""
    package = Package(name)
    try:
        found = {}
        for kind, is_async in (("sync", False), ("async", True)):
            found |= {f"{case} ({kind})": package.call(call, is_async=is_async) for case, call in CALLS.items()}
            found |= {f"{case} ({kind})": package.chat(chat, is_async=is_async) for case, chat in CHATS.items()}
        found |= {f"{case} (value)": package.value(make) for case, make in VALUES.items()}
        return found
    finally:
        package.server.close()


if __name__ == "__main__":
    print(json.dumps(outcomes(sys.argv[1]), indent=1, sort_keys=True, ensure_ascii=False))
