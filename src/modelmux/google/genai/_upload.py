"""Files up and down. An upload is begun by one request and sent in pieces of 8 MiB to the address that this gives."""

from __future__ import annotations

import io
import mimetypes
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from modelmux._dropin.filling import build
from modelmux._dropin.flow import READ, SEND, SLEEP
from modelmux._dropin.timeouts import Timeout
from modelmux._dropin.transport import Asked, Got
from modelmux._json import loads
from modelmux.google.genai import types
from modelmux.google.genai._api import Api, Ask, Flow, failed
from modelmux.google.genai._calls import file_id
from modelmux.google.genai._settings import options_of, seconds, with_timeout
from modelmux.google.genai.errors import UnknownApiResponseError

PIECE = 8 * 1024 * 1024
_TRIES = 3
_UNKNOWN = "Unknown mime type: Could not determine the mimetype for your file\n please set the `mime_type` argument"


def uploaded(api: Api, file: Any, config: Any, is_async: bool) -> Flow:
    """A file of the caller's, by its path or open in binary mode, as the service has it."""
    if api.vertexai:
        raise ValueError("This method is only supported in the Gemini Developer client.")
    given = (
        config if isinstance(config, types.UploadFileConfig) else types.UploadFileConfig.model_validate(config or {})
    )
    size, kind, name = _described(file, given.mime_type)
    said = {"name": given.name, "display_name": given.display_name, "mime_type": kind, "size_bytes": size}
    body = {key: value for key, value in said.items() if value is not None}
    if given.name and not given.name.startswith("files/"):
        body["name"] = f"files/{given.name}"
    headers = {
        "Content-Type": "application/json",
        "X-Goog-Upload-Protocol": "resumable",
        "X-Goog-Upload-Command": "start",
        "X-Goog-Upload-Header-Content-Length": str(size),
        "X-Goog-Upload-Header-Content-Type": kind,
    } | ({"X-Goog-Upload-File-Name": name} if name else {})
    options = options_of(given.http_options)
    begun = yield from api.send(
        Ask("POST", "upload/{api_version}/files", {"file": body}, options, headers=headers), is_async
    )
    yield READ, begun
    target = begun.headers.get("x-goog-upload-url")
    if not target:
        raise KeyError("Failed to create file. Upload URL was not returned from the create file request.")
    opened = file if hasattr(file, "read") else open(os.fspath(file), "rb")  # noqa: SIM115 - closed below
    try:
        got = yield from _sent(api, opened, target, size, options, headers)
    finally:
        if opened is not file:
            opened.close()
    told = loads(got.content or b"{}")
    found = told.get("file") if isinstance(told, dict) else None
    if not isinstance(found, dict):
        raise UnknownApiResponseError(f"Failed to upload file: the answer names none: {told}")
    return build(types.File, found)


def _described(file: Any, kind: str | None) -> tuple[int, str, str | None]:
    """Size, type and name. Raises FileNotFoundError, and ValueError for a type that nobody knows."""
    if isinstance(file, io.IOBase):
        if kind is None:
            raise ValueError(_UNKNOWN)
        if "b" not in getattr(file, "mode", "b"):
            raise ValueError("The file must be opened in binary mode.")
        here = file.tell()
        size = file.seek(0, os.SEEK_END) - here
        file.seek(here)
        return size, kind, None
    place = os.fspath(file)
    if not place or not os.path.isfile(place):
        raise FileNotFoundError(f"{file} is not a valid file path.")
    kind = kind or mimetypes.guess_type(place)[0]
    if kind is None:
        raise ValueError(_UNKNOWN)
    return os.path.getsize(place), kind, os.path.basename(place)


def _sent(api: Api, file: Any, target: str, size: int, options: Any, headers: Mapping[str, str]) -> Flow:
    base = options.base_url if options is not None else None
    if base:
        home = urlsplit(base)
        target = urlunsplit(urlsplit(target)._replace(scheme=home.scheme, netloc=home.netloc))
    client = api.settings.http_options
    given = next((one.timeout for one in (options, client) if one is not None and one.timeout is not None), None)
    limit, offset = seconds(given), 0
    while True:
        piece = file.read(PIECE)
        last = offset + len(piece) >= size
        told = {**headers, "X-Goog-Upload-Command": "upload, finalize" if last else "upload"}
        told |= {"X-Goog-Upload-Offset": str(offset)}
        with_timeout(told, limit)
        lower = {name.lower(): value for name, value in told.items()}
        got = yield from _piece(Asked("POST", target, lower, piece, Timeout(limit)))
        offset += len(piece)
        status = got.headers.get("x-goog-upload-status")
        if status != "active":
            break
        if offset >= size:
            raise ValueError("All content has been uploaded, but the upload status is not finalized.")
    if got.status != 200:
        raise failed(got)
    if status != "final":
        raise ValueError("Failed to upload file: Upload status is not finalized.")
    return got


def _piece(asked: Asked) -> Flow:
    """Send a piece until the service says how the upload stands, thrice at most."""
    for turn in range(_TRIES):
        got: Got = yield SEND, replace(asked, headers=dict(asked.headers))
        yield READ, got
        if got.headers.get("x-goog-upload-status"):
            return got
        yield SLEEP, float(2**turn)
    return got


def downloaded(api: Api, file: Any, destination: Any, config: Any, is_async: bool) -> Flow:
    """A generated file's bytes; None where they went to ``destination``, a path or an open file."""
    if api.vertexai:
        raise ValueError("This method is only supported in the Gemini Developer client.")
    if isinstance(file, types.File) and file.download_uri is None:
        raise ValueError(
            "Only generated files can be downloaded, uploaded files can't be downloaded. You can tell which files are"
            " downloadable by checking the `source` or `download_uri` property."
        )
    given = None if config is None else types.DownloadFileConfig.model_validate(config)
    options = given.http_options if given is not None else None
    got = yield from api.send(Ask("GET", f"files/{file_id(file)}:download?alt=media", None, options), is_async)
    data: bytes = yield READ, got
    if destination is not None:
        _written(destination, data)
        return None
    video = getattr(file, "video", file)
    if isinstance(video, types.Video):
        video.video_bytes = data
    return data


def _written(destination: Any, data: bytes) -> None:
    if hasattr(destination, "write"):
        destination.write(data)
        return
    with open(destination, "wb") as out:
        out.write(data)


__all__ = ["downloaded", "uploaded"]
