"""The tables of this drop-in, and what they lack, by name."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from modelmux._dropin import models
from modelmux._dropin.registry import Registry

PACKAGE = __name__.rpartition(".")[0]

_HELPERS = {
    "resources.audio.transcriptions:Transcriptions": "_audio:Transcriptions",
    "resources.audio.translations:Translations": "_audio:Translations",
    "resources.chat.completions.completions:Completions": "_chat:Completions",
    "resources.embeddings:Embeddings": "_embeddings:Embeddings",
    "resources.files:Files": "_polling:Files",
    "resources.responses.responses:Responses": "_responses:Responses",
    "resources.vector_stores.file_batches:FileBatches": "_polling:FileBatches",
    "resources.vector_stores.files:Files": "_polling:VectorStoreFiles",
    "resources.webhooks.webhooks:Webhooks": "_webhooks:Webhooks",
}
"""Resource class -> module and class of its methods that are written by hand. An async twin has ``Async`` before."""

_MIXINS = {
    "types.responses.parsed_response:ParsedResponse": "_mixins:ParsedResponse",
    "types.responses.response:Response": "_mixins:Response",
}
_BY_HAND = {"_legacy_response:HttpxBinaryResponseContent": "_legacy_response:HttpxBinaryResponseContent"}


def _load(ref: str) -> Any:
    module, _, name = ref.partition(":")
    return getattr(importlib.import_module(f"{PACKAGE}.{module}"), name)


def _helper(ref: str, is_async: bool) -> type | None:
    found = _HELPERS.get(ref)
    if found is None:
        return None
    module, _, name = found.partition(":")
    cls: type = _load(f"{module}:{'Async' if is_async else ''}{name}")
    return cls


def _page(name: str, is_async: bool) -> type:
    cls: type = _load(f"pagination:{'Async' if is_async else 'Sync'}{name}")
    return cls


BaseModel, Made = models.bases_for(PACKAGE, lambda: registry.shapes)  # type: ignore[has-type]  # it is made next
registry = Registry(
    PACKAGE,
    Path(__file__).parent / "_tables",
    lambda: Made,
    mixins=lambda ref: _load(_MIXINS[ref]) if ref in _MIXINS else None,
    by_hand=lambda ref: _load(_BY_HAND[ref]) if ref in _BY_HAND else None,
    helpers=_helper,
    page=_page,
)
