"""Answers in several hops: a model that stops with ``CONTINUATION`` gives a token for the next request to go on."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.filling import note
from modelmux.google.genai import _schema, types
from modelmux.google.genai._mixins import candidate_of
from modelmux.google.genai.errors import APIError

_TRIES = 3
"""Streams that may break one after the other without having said anything new."""

_LATEST = frozenset({"continuation_token", "finish_reason", "finish_message"})


def _wanted(config: Any) -> bool:
    return config is None or config.automatic_continuation is not False


def _goes_on(candidate: Any) -> bool:
    return candidate.finish_reason is None or candidate.finish_reason == "CONTINUATION"


def token_of(response: Any, config: Any, last: Any = None) -> Any:
    """The token to go on with; None where the answer is whole, the caller wants it as it is, or the token is the
    ``last`` one again: nothing would ever come of it.
    """
    candidate = candidate_of(response)
    if candidate is None or not _wanted(config) or not _goes_on(candidate):
        return None
    token = candidate.continuation_token
    return token if isinstance(token, bytes) and token and token != last else None


def asking(config: Any, token: Any) -> Any:
    """The configuration of the next hop."""
    if token is None:
        return config
    base = types.GenerateContentConfig() if config is None else config
    return base.model_copy(update={"continuation_token": token})


def merged(responses: list[Any], config: Any) -> Any:
    """Hops as one answer: text and parts one after the other, counts added, the last one's end."""
    whole = responses[0]
    for one in responses[1:]:
        whole = _merged(whole, one)
    if len(responses) > 1 and config is not None:
        wanted = config.response_schema if config.response_schema is not None else config.response_json_schema
        _schema.parsed(whole, wanted)
    return whole


def _merged(old: Any, new: Any) -> Any:
    values = {}
    for name in {**vars(old), **vars(new)}:
        before, after = getattr(old, name, None), getattr(new, name, None)
        if after is None and not (name in _LATEST and isinstance(new, types.Candidate)):
            values[name] = before
        elif before is None or name in _LATEST:
            values[name] = after
        else:
            values[name] = _both(name, before, after)
    made = new.model_copy(update=values)
    if isinstance(made, types.GenerateContentResponseUsageMetadata):
        note(made, "_initial", old.initial_prompt_token_count)
    return made


def _both(name: str, before: Any, after: Any) -> Any:
    if name == "candidates":
        pairs = [_merged(old, new) for old, new in zip(before, after, strict=False)]
        return [*pairs, *before[len(after) :], *after[len(before) :]]
    if isinstance(before, list) and isinstance(after, list):
        if name.endswith("_details"):
            return _counts(before + after)
        if name == "safety_ratings":
            return list({rating.category: rating for rating in before + after}.values())
        return before + after
    if hasattr(before, "_table_") and hasattr(after, "_table_"):
        return _merged(before, after)
    counted = name.endswith(("_count", "_sum")) and not isinstance(before, bool)
    return before + after if counted and isinstance(before, int | float) else after


def _counts(rows: list[Any]) -> list[Any]:
    """Tokens by modality, added."""
    sums: dict[Any, int] = {}
    for row in rows:
        sums[row.modality] = sums.get(row.modality, 0) + (row.token_count or 0)
    return [types.ModalityTokenCount(modality=kind, token_count=count) for kind, count in sums.items()]


class Hops:
    """A stream that goes on over several requests, where it ends with a token or breaks after one."""

    def __init__(self, config: Any) -> None:
        self._config, self._on = config, _wanted(config)
        self.again = True
        self._resume: Any = None
        self._usage: Any = None
        self._tries = 0
        self._last: Exception | None = None
        self._reset()

    def _reset(self) -> None:
        self._token: Any = None
        self._finish: Any = None
        self._refused = self._said = self._any = False
        self._error: Exception | None = None
        self._hop_usage: Any = None

    def begin(self) -> Any:
        """The configuration of the next request."""
        self._reset()
        self.again = False
        return asking(self._config, self._resume)

    def seen(self, chunk: Any) -> Any:
        """Take note of a piece; it, without an end that is none and with the counts of all hops."""
        self._any = True
        self._refused = self._refused or chunk.prompt_feedback is not None
        candidate = candidate_of(chunk)
        if candidate is not None:
            self._said = self._said or bool(chunk.parts)
            self._finish = candidate.finish_reason or self._finish
            if isinstance(candidate.continuation_token, bytes) and candidate.continuation_token:
                self._token = candidate.continuation_token
            elif candidate.finish_reason and not _goes_on(candidate):
                self._token = None
            if candidate.finish_reason and self._can(self._token, candidate.finish_reason):
                candidate.finish_reason = None
        if isinstance(chunk.usage_metadata, types.GenerateContentResponseUsageMetadata):
            if self._usage is not None:
                chunk.usage_metadata = _merged(self._usage, chunk.usage_metadata)
            self._hop_usage = chunk.usage_metadata
        return chunk

    def broken(self, error: Exception) -> None:
        """The hop ended with an error."""
        self._error = error

    def end(self) -> None:
        """Settle whether there is another hop. Raises the error that ended this one, where there is none."""
        error, before = self._error, self._resume
        self._usage = self._hop_usage or self._usage
        if isinstance(error, APIError) and not self._any:
            raise error
        fresh = bool(self._token and self._token != before)
        if error is not None:
            self._last = error
        elif self._said or fresh:
            self._last = None
        self._resume = self._next(fresh, before)
        if self._resume is not None and self._can(self._resume, self._finish):
            self.again = True
        elif error is not None:
            raise error
        elif self._finish is None and not self._refused and self._last is not None:
            raise self._last

    def _next(self, fresh: bool, before: Any) -> Any:
        if self._finish is not None or self._refused:
            ended = self._finish == "CONTINUATION" and not self._refused and fresh
            self._tries = 0
            return self._token if ended else None
        if fresh:
            self._tries = 0
            return self._token
        if self._said or self._tries >= _TRIES:
            return None
        self._tries += 1
        return before

    def _can(self, token: Any, finish: Any) -> bool:
        return bool(self._on and token and not self._refused and (finish is None or finish == "CONTINUATION"))
