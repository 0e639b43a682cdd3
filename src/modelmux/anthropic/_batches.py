"""``messages.batches.results``: where they are is asked first, then they come line by line."""

from __future__ import annotations

from typing import Any, ClassVar

from modelmux._dropin.options import RequestOptions
from modelmux._dropin.resources import Call, path_part
from modelmux.anthropic import _exceptions as errors
from modelmux.anthropic._decoders.jsonl import AsyncJSONLDecoder, JSONLDecoder
from modelmux.anthropic._registry import registry

_ITEM = "types.messages.message_batch_individual_response:MessageBatchIndividualResponse"
_BETA_ITEM = "types.beta.messages.beta_message_batch_individual_response:BetaMessageBatchIndividualResponse"


class _Results:
    _ref: ClassVar[str] = "resources.messages.batches:Batches"
    _item: ClassVar[str] = _ITEM
    _client: Any

    def _plan(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[RequestOptions, RequestOptions, str]:
        """The request that tells where the results are, the one that gets them, and the batch's id."""
        table = registry.resource(self._ref)["m"]
        call = Call("Batches.results", {**table["results"], "header": table["retrieve"]["header"]})
        values = call.bind(args, kwargs)
        batch = values["message_batch_id"]
        path_part("message_batch_id", batch)
        common = {name: values[name] for name in ("workspace_id",) if name in values}
        where = call.options({"message_batch_id": batch, **common})
        options = call.options(values)
        options.headers = {"Accept": "application/binary", **options.given_headers()}
        options.json_data = None
        return where, options, batch

    def _from(self, batch: Any, options: RequestOptions) -> RequestOptions:
        if not batch.results_url:
            status = batch.processing_status
            raise errors.AnthropicError(f"No `results_url` for the given batch; Has it finished processing? {status}")
        options.url = batch.results_url
        return options

    def _as(self, decoder: Any) -> Any:
        return decoder[registry.cls(self._item)]


class Batches(_Results):
    """The hand-written method of ``client.messages.batches``."""

    def results(self, *args: Any, **kwargs: Any) -> Any:
        """The results of a batch, as they come. Raises AnthropicError when there are none yet."""
        where, options, _ = self._plan(args, kwargs)
        batch = self._client._ask(registry.resource(self._ref)["m"]["retrieve"]["t"], where)
        return self._client._ask(self._as(JSONLDecoder), self._from(batch, options), "any")


class AsyncBatches(_Results):
    """:class:`Batches`, awaited."""

    async def results(self, *args: Any, **kwargs: Any) -> Any:
        """The results of a batch, as they come. Raises AnthropicError when there are none yet."""
        where, options, _ = self._plan(args, kwargs)
        batch = await self._client._ask(registry.resource(self._ref)["m"]["retrieve"]["t"], where)
        return await self._client._ask(self._as(AsyncJSONLDecoder), self._from(batch, options), "any")


class BetaBatches(Batches):
    """The hand-written method of ``client.beta.messages.batches``."""

    _ref, _item = "resources.beta.messages.batches:Batches", _BETA_ITEM
    results = Batches.results


class AsyncBetaBatches(AsyncBatches):
    """:class:`BetaBatches`, awaited."""

    _ref, _item = "resources.beta.messages.batches:Batches", _BETA_ITEM
    results = AsyncBatches.results


__all__ = ["AsyncBatches", "AsyncBetaBatches", "Batches", "BetaBatches"]
