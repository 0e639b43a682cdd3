"""The request that a row makes of a model's name, with nothing of the machine's own environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modelmux._http import HttpRequest
from modelmux._resolve import ProviderSettings, Surroundings, resolve
from modelmux._secret import Secret
from modelmux._upstream import http_request
from modelmux.endpoint import Endpoint

Request = Callable[..., HttpRequest]


@pytest.fixture
def request_to() -> Request:
    def make(
        model: str,
        environ: dict[str, str],
        *,
        stream: bool = False,
        token: str | None = None,
        settings: dict[str, ProviderSettings] | None = None,
        **endpoint: Any,
    ) -> HttpRequest:
        target = resolve(Endpoint(model, **endpoint), Surroundings(settings or {}, environ))
        return http_request(target, {}, stream=stream, token=Secret(token) if token else None)

    return make
