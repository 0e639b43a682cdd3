"""Calls that do not simply go to the vendor: where a Mux was given, or a model is named that is no vendor's own."""

from __future__ import annotations

import json as json_
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from modelmux._dropin.transport import Asked, Got

if TYPE_CHECKING:
    from modelmux._dropin.asking import Asking
    from modelmux._dropin.options import RequestOptions


def route(client: Asking, options: RequestOptions, json: Any) -> Any:
    """A route for a call, None where it goes to the vendor as it is.

    It is routed when the client has a Mux, when the payload has options of ours (``modelmux``), or when the model is
    ``auto`` or ``provider/model`` and the client speaks to its vendor's own address.
    """
    del options
    mux = client._mux
    if mux is None:
        if not isinstance(json, dict):
            return None
        model = json.get("model")
        named = isinstance(model, str) and (model == "auto" or "/" in model) and client._at_home()
        if not named and "modelmux" not in json:
            return None
        from modelmux import default_mux

        mux = default_mux()
    return Route(mux)


class Route:
    """Sends through a Mux's front."""

    __slots__ = ("_front",)

    def __init__(self, mux: Any) -> None:
        from modelmux._front import Front

        self._front = Front(mux)

    def _request(self, asked: Asked) -> Any:
        from modelmux._front import FrontRequest

        return FrontRequest(
            method=asked.method,
            url=asked.url,
            headers=asked.headers,
            body=asked.body or b"",
            json=asked.json,
            direct=True,
        )

    def send(self, asked: Asked) -> Got:
        return self._got(asked, self._front.send(self._request(asked)), _Body)

    async def asend(self, asked: Asked) -> Got:
        return self._got(asked, await self._front.asend(self._request(asked)), _AsyncBody)

    @staticmethod
    def _got(asked: Asked, answer: Any, body: Any) -> Got:
        got = RoutedGot(asked, answer.status, answer.headers, body(answer))
        receipt = answer.headers.get("x-modelmux-receipt")
        got.receipt = json_.loads(receipt) if receipt else None
        return got


class RoutedGot(Got):
    """An answer with its receipt."""

    __slots__ = ("receipt",)

    receipt: Any


class _Body:
    __slots__ = ("_answer",)

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def chunks(self) -> Iterator[bytes]:
        yield from self._answer

    def close(self) -> None:
        self._answer.close()


class _AsyncBody:
    __slots__ = ("_answer",)

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._answer:
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()
