"""Asking a vendor how many tokens a request comes to: one free exchange, driven like any other, booked nowhere.

A row's ``[calls.count_tokens]`` says where to ask and how. Its ``dialect``: ``fields`` are those of the chat body that
the endpoint takes (all, where not given), ``inside`` the field that holds them, ``model`` how the model is named there,
``answer`` the field of the answer that holds the count.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelmux import tokens
from modelmux._effects import Effect, NextBytes, Send
from modelmux._json import load_object
from modelmux._upstream import http_request
from modelmux.counting.count import TokenCount
from modelmux.errors import InvalidRequest, MalformedResponse, ProviderError, Unsupported

if TYPE_CHECKING:
    from modelmux._http import HttpHead
    from modelmux._secret import Secret
    from modelmux.endpoint import Target
    from modelmux.types import Request

CALL = "count_tokens"
_LIMIT = 1024 * 1024
"""Bytes of an answer that are read: a count takes a few hundred."""


def only(targets: Sequence[Target]) -> Target:
    """The one endpoint to ask. Raises InvalidRequest when it is not clear which."""
    if len(targets) == 1:
        return targets[0]
    names = ", ".join([target.name for target in targets[:5]]) or "none"
    raise InvalidRequest(f"exact=True asks one vendor: name one model with model= (there are: {names})", field="model")


def count(
    request: Request, target: Target, *, deadline: float | None = None, keys: Mapping[str, Secret] | None = None
) -> Generator[Effect, Any, TokenCount]:
    """Ask the vendor of ``target``. ``deadline`` is absolute. Raises Unsupported when it has no such endpoint or cannot
    say the request, MissingKey, and ProviderError.
    """
    call = target.row.calls.get(CALL)
    if call is None:
        raise Unsupported(
            f"{target.name}: provider {target.provider!r} has no endpoint that counts tokens; leave exact= out",
            field="exact",
        )
    body, _ = target.codec.encode_request(request, model=target.model)
    http = http_request(replace(target, call=call), _asked(body, call.dialect, target.model), stream=False, keys=keys)
    try:
        head: HttpHead = yield Send(http, deadline, target.http_client)
        answer = yield from _read(deadline)
        if not 200 <= head.status < 300:
            raise target.codec.decode_error(head.status, head.headers, answer)
        counted = _answered(answer, call.dialect["answer"], head)
    except ProviderError as error:
        error.endpoint, error.provider = target.name, target.provider
        raise
    guess = tokens.measure(request).estimate(tokens.profile(target.model, target.call.wire, provider=target.provider))
    # Vendors call their own counts estimates; what they bill differs by a few tokens.
    upper = counted + counted // 50 + 8
    return TokenCount(counted, "vendor", upper, None if guess.open else max(guess.bound, counted))


def _asked(body: Mapping[str, Any], dialect: Mapping[str, Any], model: str) -> dict[str, Any]:
    fields = dialect.get("fields")
    out = {name: value for name, value in body.items() if fields is None or name in fields}
    if "model" in dialect:
        out["model"] = dialect["model"].format(model=model)
    inside = dialect.get("inside")
    return {inside: out} if inside else out


def _read(deadline: float | None) -> Generator[Effect, Any, bytes]:
    body = b""
    while len(body) < _LIMIT:
        piece: bytes = yield NextBytes(deadline)
        if not piece:
            break
        body += piece
    return body


def _answered(body: bytes, field: str, head: HttpHead) -> int:
    try:
        counted = load_object(body).get(field)
    except ValueError:
        counted = None
    if not isinstance(counted, int) or isinstance(counted, bool) or counted < 0:
        shown = body[:300].decode("utf-8", "replace")
        raise MalformedResponse(f"no count under {field!r}: {shown!r}", status=head.status, headers=head.headers)
    return counted
