"""The calls that are one request and one answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from modelmux._dropin.filling import build
from modelmux.google.genai import _wire, types
from modelmux.google.genai._api import Api, Ask, Flow, kept

_ONLY_GEMINI = (
    "This method is only supported in Gemini Developer API mode, not in Gemini Enterprise Agent Platform mode."
)


def _config(kind: Any, given: Any) -> Any:
    return given if given is None or isinstance(given, kind) else kind.model_validate(given)


def _options(config: Any) -> Any:
    return getattr(config, "http_options", None)


def _routed(body: dict[str, Any], config: Any) -> dict[str, Any]:
    ours = getattr(config, "modelmux", None)
    return {**body, "modelmux": ours} if ours else body


def _answered(api: Api, ask: Ask, kind: Any, is_async: bool, *, headers: bool = True) -> Flow:
    value, got = yield from api.value(ask, is_async)
    return kept(build(kind, _dict(value)), got, headers=headers)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def counted(api: Api, model: str, contents: Any, config: Any, is_async: bool) -> Flow:
    config = _config(types.CountTokensConfig, config)
    body = _routed(_wire.count(api, contents, config), config)
    path = f"{_wire.model_name(api, model)}:countTokens"
    ask = Ask("POST", path, body, _options(config), model)
    return (yield from _answered(api, ask, types.CountTokensResponse, is_async))


def embedded(api: Api, model: str, contents: Any, config: Any, is_async: bool) -> Flow:
    config = _config(types.EmbedContentConfig, config)
    name = _wire.model_name(api, model)
    if not api.vertexai:
        body = _routed(_wire.embed(api, name, contents, config), config)
        ask = Ask("POST", f"{name}:batchEmbedContents", body, _options(config), model)
        return (yield from _answered(api, ask, types.EmbedContentResponse, is_async))
    body = _routed(_wire.embed(api, name, contents, config), config)
    ask = Ask("POST", f"{name}:predict", body, _options(config), model)
    value, got = yield from api.value(ask, is_async)
    value = _dict(value)
    found = [_vector(_dict(one.get("embeddings"))) for one in _dicts(value.get("predictions"))]
    made = {"embeddings": found, **({"metadata": value["metadata"]} if value.get("metadata") else {})}
    return kept(build(types.EmbedContentResponse, made), got)


def _vector(told: dict[str, Any]) -> dict[str, Any]:
    statistics = _dict(told.get("statistics"))
    counts = {"truncated": statistics.get("truncated"), "token_count": statistics.get("token_count")}
    some = {name: value for name, value in counts.items() if value is not None}
    return {"values": told.get("values"), **({"statistics": some} if some else {})}


def got_model(api: Api, model: str, config: Any, is_async: bool) -> Flow:
    config = _config(types.GetModelConfig, config)
    value, got = yield from api.value(Ask("GET", _wire.model_name(api, model), None, _options(config)), is_async)
    return kept(build(types.Model, _model(value)), got, headers=False)


def _model(told: Any) -> dict[str, Any]:
    """A model as it is told of, with what only tuned ones have in a place of its own."""
    told = _dict(told)
    tuned = {name: told[name] for name in ("baseModel", "createTime", "updateTime") if name in told}
    return {**told, "tunedModelInfo": tuned}


def updated(api: Api, model: str, config: Any, is_async: bool) -> Flow:
    config = _config(types.UpdateModelConfig, config)
    given = _wire.plain(config) if config is not None else {}
    given.pop("http_options", None)
    names = {"display_name": "displayName", "default_checkpoint_id": "defaultCheckpointId"}
    body = {names.get(name, name): value for name, value in given.items()}
    value, got = yield from api.value(Ask("PATCH", _wire.model_name(api, model), body, _options(config)), is_async)
    return kept(build(types.Model, _model(value)), got, headers=False)


def removed(api: Api, what: str, name: str, config: Any, is_async: bool) -> Flow:
    """Delete a model, or a file."""
    config = _config(types.DeleteModelConfig if what == "model" else types.DeleteFileConfig, config)
    path = _wire.model_name(api, name) if what == "model" else _file(api, name)
    kind = types.DeleteModelResponse if what == "model" else types.DeleteFileResponse
    return (yield from _answered(api, Ask("DELETE", path, None, _options(config)), kind, is_async))


def listed(api: Api, what: str, config: Any, is_async: bool) -> Flow:
    """One page of models, or of files."""
    if what == "files":
        if api.vertexai:
            raise ValueError(_ONLY_GEMINI)
        config = _config(types.ListFilesConfig, config or {})
        query = _query(config)
        ask = Ask("GET", "files" + query, None, _options(config))
        return (yield from _answered(api, ask, types.ListFilesResponse, is_async))
    config = _config(types.ListModelsConfig, config or {})
    base = config.query_base is not False
    wanted = config.filter
    if api.vertexai and not base:
        wanted = f"{wanted}&filter=labels.tune-type:*" if wanted else "labels.tune-type:*"
    path = ("publishers/google/models" if base else "models") if api.vertexai else "models" if base else "tunedModels"
    query = _query(config)
    if wanted:
        query = f"?filter={wanted}" + query.replace("?", "&", 1)
    value, got = yield from api.value(Ask("GET", path + query, None, _options(config)), is_async)
    value = _dict(value)
    found: list[Any] = next((value[key] for key in ("models", "tunedModels", "publisherModels") if value.get(key)), [])
    made = {"models": [_model(one) for one in _dicts(found)], "nextPageToken": value.get("nextPageToken")}
    return kept(build(types.ListModelsResponse, made), got)


def _query(config: Any) -> str:
    given = {"pageSize": config.page_size, "pageToken": config.page_token}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"?{query}" if query else ""


def got_file(api: Api, name: str, config: Any, is_async: bool) -> Flow:
    config = _config(types.GetFileConfig, config)
    ask = Ask("GET", _file(api, name), None, _options(config))
    return (yield from _answered(api, ask, types.File, is_async, headers=False))


def _file(api: Api, name: str) -> str:
    if api.vertexai:
        raise ValueError(_ONLY_GEMINI)
    return f"files/{file_id(name)}"


def file_id(name: Any) -> str:
    """The id of a file, given by its name, its address or as a File. Raises ValueError where it has none."""
    if not isinstance(name, str):
        name = getattr(name, "name", None) or getattr(getattr(name, "video", name), "uri", None)
    if not name:
        raise ValueError("Resource name cannot be None")
    if name.startswith("https://"):
        name = name.partition("files/")[2].partition(":")[0].partition("?")[0].partition("/")[0]
        if not name:
            raise ValueError("Could not extract the name of a file from its address")
    return quote(name.removeprefix("files/"), safe="/:")
