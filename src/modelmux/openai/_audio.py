"""Audio into text: what the answer is depends on the format that was asked for."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from modelmux._dropin.absent import is_given, omit
from modelmux.openai.lib._parsing._completions import options_of

_log = logging.getLogger("modelmux.openai.audio")
_EVENT = "types.audio.transcription_stream_event:TranscriptionStreamEvent"
_TRANSCRIPTIONS = {
    "json": "types.audio.transcription:Transcription",
    "verbose_json": "types.audio.transcription_verbose:TranscriptionVerbose",
    "diarized_json": "types.audio.transcription_diarized:TranscriptionDiarized",
    "srt": "str",
    "text": "str",
    "vtt": "str",
}
_TRANSLATIONS = {
    **_TRANSCRIPTIONS,
    "json": "types.audio.translation:Translation",
    "verbose_json": "types.audio.translation_verbose:TranslationVerbose",
}


def _kind(table: dict[str, str], given: dict[str, Any]) -> str:
    asked = given.get("response_format", omit)
    if not is_given(asked) or asked is None:
        return table["json"]
    if asked not in table:
        _log.warning("Unexpected audio response format: %s", asked)
        return table["json"]
    return table[asked]


class Transcriptions:
    """Of the blocking client."""

    _client: Any

    def create(self, **given: Any) -> Any:
        """Transcribe audio."""
        stream = _EVENT if given.get("stream") else None
        return self._client._ask(_kind(_TRANSCRIPTIONS, given), _with_stream(self, given), stream)


class AsyncTranscriptions:
    """Of the async client."""

    _client: Any

    async def create(self, **given: Any) -> Any:
        """Transcribe audio."""
        stream = _EVENT if given.get("stream") else None
        return await self._client._ask(_kind(_TRANSCRIPTIONS, given), _with_stream(self, given), stream)


def _with_stream(resource: Any, given: dict[str, Any]) -> Any:
    return options_of(resource, "create", given)


class Translations:
    """Of the blocking client."""

    _client: Any

    def create(self, **given: Any) -> Any:
        """Translate audio into English text."""
        warnings.warn("deprecated", DeprecationWarning, stacklevel=2)
        return self._client._ask(_kind(_TRANSLATIONS, given), options_of(self, "create", given))


class AsyncTranslations:
    """Of the async client."""

    _client: Any

    async def create(self, **given: Any) -> Any:
        """Translate audio into English text."""
        warnings.warn("deprecated", DeprecationWarning, stacklevel=2)
        return await self._client._ask(_kind(_TRANSLATIONS, given), options_of(self, "create", given))
