"""Asking again until something is done: files, files of vector stores, and batches of them."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from modelmux._dropin.absent import is_given, omit

_PAUSE = 1.0
"""Seconds between two looks, where neither the caller nor the vendor's ``openai-poll-after-ms`` says."""


def _looks(
    method: Any, args: tuple[Any, ...], given: dict[str, Any], interval: Any, busy: Any
) -> Generator[Any, Any, Any]:
    """What polling asks for: a call, answered with a raw reply, or seconds to sleep. Returns what it found."""
    headers = {"X-Stainless-Poll-Helper": "true", **(given.pop("extra_headers", None) or {})}
    if is_given(interval):
        headers["X-Stainless-Custom-Poll-Interval"] = str(interval)
    while True:
        reply = yield lambda: method(*args, **given, extra_headers=headers)
        found = reply.parse()
        if not busy(found):
            return found
        said = reply.headers.get("openai-poll-after-ms")
        yield float(interval if is_given(interval) else said or _PAUSE * 1000) / 1000


def _run(looks: Generator[Any, Any, Any]) -> Any:
    answer: Any = None
    while True:
        try:
            step = looks.send(answer)
        except StopIteration as stop:
            return stop.value
        if isinstance(step, float):
            time.sleep(step)
        else:
            answer = step()


async def _arun(looks: Generator[Any, Any, Any]) -> Any:
    import asyncio

    answer: Any = None
    while True:
        try:
            step = looks.send(answer)
        except StopIteration as stop:
            return stop.value
        answer = await (asyncio.sleep(step) if isinstance(step, float) else step())


def _busy(found: Any) -> bool:
    return getattr(found, "status", None) == "in_progress"


def _poll(resource: Any, identity: str, store: str, options: dict[str, Any]) -> Generator[Any, Any, Any]:
    interval = options.pop("poll_interval_ms", omit)
    options.pop("max_wait_seconds", None)
    options["vector_store_id"] = store
    return _looks(resource.with_raw_response.retrieve, (identity,), options, interval, _busy)


class _Polled:
    """Of the blocking client."""

    def poll(self, identity: str, *, vector_store_id: str, **options: Any) -> Any:
        """Wait until it is no longer in progress, however it ended."""
        return _run(_poll(self, identity, vector_store_id, options))

    def create_and_poll(self, vector_store_id: str, *, poll_interval_ms: Any = omit, **given: Any) -> Any:
        """Create, then wait."""
        made = self.create(vector_store_id, **given)  # type: ignore[attr-defined]  # of the resource
        return self.poll(made.id, vector_store_id=vector_store_id, poll_interval_ms=poll_interval_ms)


class _AsyncPolled:
    """Of the async client."""

    async def poll(self, identity: str, *, vector_store_id: str, **options: Any) -> Any:
        """As :meth:`_Polled.poll`."""
        return await _arun(_poll(self, identity, vector_store_id, options))

    async def create_and_poll(self, vector_store_id: str, *, poll_interval_ms: Any = omit, **given: Any) -> Any:
        """Create, then wait."""
        made = await self.create(vector_store_id, **given)  # type: ignore[attr-defined]  # of the resource
        return await self.poll(made.id, vector_store_id=vector_store_id, poll_interval_ms=poll_interval_ms)


class VectorStoreFiles(_Polled):
    """Files of a vector store."""

    _client: Any

    def create_and_poll(self, file_id: str, *, vector_store_id: str, **given: Any) -> Any:  # type: ignore[override]  # its own order
        """Attach a file, then wait."""
        interval = given.pop("poll_interval_ms", omit)
        self.create(vector_store_id=vector_store_id, file_id=file_id, **given)  # type: ignore[attr-defined]  # of the resource
        return self.poll(file_id, vector_store_id=vector_store_id, poll_interval_ms=interval)

    def upload(self, *, vector_store_id: str, file: Any, **given: Any) -> Any:
        """Upload a file and attach it."""
        made = self._client.files.create(file=file, purpose="assistants")
        return self.create(vector_store_id=vector_store_id, file_id=made.id, **given)  # type: ignore[attr-defined]  # of the resource

    def upload_and_poll(self, *, vector_store_id: str, file: Any, **given: Any) -> Any:
        """Upload a file, attach it, then wait."""
        made = self._client.files.create(file=file, purpose="assistants")
        return self.create_and_poll(made.id, vector_store_id=vector_store_id, **given)


class AsyncVectorStoreFiles(_AsyncPolled):
    """Files of a vector store."""

    _client: Any

    async def create_and_poll(self, file_id: str, *, vector_store_id: str, **given: Any) -> Any:  # type: ignore[override]  # its own order
        """Attach a file, then wait."""
        interval = given.pop("poll_interval_ms", omit)
        await self.create(vector_store_id=vector_store_id, file_id=file_id, **given)  # type: ignore[attr-defined]  # of the resource
        return await self.poll(file_id, vector_store_id=vector_store_id, poll_interval_ms=interval)

    async def upload(self, *, vector_store_id: str, file: Any, **given: Any) -> Any:
        """Upload a file and attach it."""
        made = await self._client.files.create(file=file, purpose="assistants")
        return await self.create(vector_store_id=vector_store_id, file_id=made.id, **given)  # type: ignore[attr-defined]  # of the resource

    async def upload_and_poll(self, *, vector_store_id: str, file: Any, **given: Any) -> Any:
        """Upload a file, attach it, then wait."""
        made = await self._client.files.create(file=file, purpose="assistants")
        return await self.create_and_poll(made.id, vector_store_id=vector_store_id, **given)


class FileBatches(_Polled):
    """Batches of files of a vector store."""


class AsyncFileBatches(_AsyncPolled):
    """Batches of files of a vector store."""


def _settling(resource: Any, identity: str, interval: float, limit: float) -> Generator[Any, Any, Any]:
    start = time.monotonic()
    while True:
        found = yield lambda: resource.retrieve(identity)
        if found.status in ("processed", "error", "deleted"):
            return found
        if time.monotonic() - start > limit:
            raise RuntimeError(f"Giving up on waiting for file {identity} to finish processing after {limit} seconds.")
        yield float(interval)


class Files:
    """Files."""

    def wait_for_processing(self, id: str, *, poll_interval: float = 5.0, max_wait_seconds: float = 1800) -> Any:
        """Wait until a file was taken in. Raises RuntimeError when that takes longer than ``max_wait_seconds``."""
        return _run(_settling(self, id, poll_interval, max_wait_seconds))


class AsyncFiles:
    """Files."""

    async def wait_for_processing(self, id: str, *, poll_interval: float = 5.0, max_wait_seconds: float = 1800) -> Any:
        """As :meth:`Files.wait_for_processing`."""
        return await _arun(_settling(self, id, poll_interval, max_wait_seconds))
