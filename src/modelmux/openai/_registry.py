"""The tables of this drop-in, and what they lack, by name."""

from __future__ import annotations

from pathlib import Path

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


BaseModel, Made = models.bases_for(PACKAGE, lambda: registry.shapes)  # type: ignore[has-type]  # it is made next
registry = Registry(
    PACKAGE,
    Path(__file__).parent / "_tables",
    lambda: Made,
    mixins=_MIXINS,
    by_hand=("_legacy_response:HttpxBinaryResponseContent",),
    helpers=_HELPERS,
)
