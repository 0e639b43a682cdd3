"""A server that answers every method of the installed vendor SDK with an example of the type that it returns.

It stands where the vendor's own tests expect one that is made of the API document. Run by ``run.py``, with a Python
that has the vendor's SDK: which method asks for what is read from the running SDK, not from the project's tables.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import inspect
import json
import re
import sys
import types
import typing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pydantic

DEEP = 12


def example(kind: Any, depth: int = 0) -> Any:
    """A value of a type."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if type(kind).__name__ == "TypeAliasType":
        return example(kind.__value__, depth)
    if origin is typing.Annotated:
        return example(args[0], depth)
    if origin in (typing.Union, types.UnionType):
        rest = [arg for arg in args if arg is not type(None)]
        return None if depth > DEEP and len(rest) < len(args) else example(rest[0], depth)
    if origin is typing.Literal:
        return args[0]
    if origin is list:
        return [] if depth > DEEP else [example(args[0], depth + 1)]
    if origin is dict or kind is dict:
        return {"foo": example(args[1], depth + 1)} if args else {"foo": "bar"}
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        return {
            info.alias or name: example(info.annotation, depth + 1)
            for name, info in kind.model_fields.items()
            if info.is_required() or depth <= 3
        }
    plain = {str: "string", int: 0, float: 0, bool: True, bytes: "string", object: {}, Any: {}}
    moments = {dt.datetime: "2019-12-27T18:11:19.117Z", dt.date: "2019-12-27"}
    return {**plain, **moments}.get(kind, "string") if _hashable(kind) else "string"


def _hashable(kind: Any) -> bool:
    try:
        hash(kind)
    except TypeError:
        return False
    return True


def routes(root: str) -> list[tuple[str, Any, Any]]:
    """``(verb, path pattern, type or page)`` of every method of the SDK."""
    path = Path(__file__).parents[3] / "scripts" / "generate_dropin.py"
    spec = importlib.util.spec_from_file_location("generate_dropin", path)
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    types_ = script.Types(root, "types")
    found: list[tuple[str, Any, Any]] = []

    class Watching(script.Resources):
        def facts(self, recorded: Any, arguments: dict[str, Any]) -> dict[str, Any]:
            facts = super().facts(recorded, arguments)
            page = recorded.given.get("page")
            kind = page if page is not None else recorded.given.get("cast_to")
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(facts["path"]))
            found.append((facts["v"].upper(), re.compile(f"^{pattern}(?:\\?.*)?$"), kind))
            return facts

    sdk = importlib.import_module(root)
    client = next(getattr(sdk, name) for name in ("OpenAI", "Anthropic") if hasattr(sdk, name))
    Watching(types_).below(client, {})
    return sorted(found, key=lambda row: row[1].pattern.count("[^/]+"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    table: typing.ClassVar[list[tuple[str, Any, Any]]] = []

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        kind = next((k for verb, path, k in self.table if verb == self.command and path.match(self.path)), None)
        streams = b'"stream":true' in body or "text/event-stream" in self.headers.get("accept", "")
        streams = streams or b'name="stream"\r\n\r\ntrue' in body
        if streams:
            self.reply(b"data: [DONE]\n\n", "text/event-stream")
        elif kind is None or kind is type(None):
            self.reply(b"{}", "application/json", 404 if kind is None else 200)
        elif kind is str:
            self.reply(b"string", "text/plain")
        elif inspect.isclass(kind) and not issubclass(kind, pydantic.BaseModel):
            self.reply(b'{"foo":"bar"}', "application/octet-stream")
        else:
            self.reply(json.dumps(example(kind)).encode(), "application/json")

    def reply(self, data: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - names the base calls

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    Handler.table = routes(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
