"""Where requests go and how they prove who sends them, where that differs by address, model or environment.

The addresses are those of the recordings, of FACTS in the vendors' documentation, or both.
"""

from __future__ import annotations

import pytest

from modelmux import wire
from modelmux._resolve import Surroundings, resolve
from modelmux.endpoint import Endpoint
from modelmux.errors import ConfigError, MissingKey
from modelmux.types import Message, Request, Text
from modelmux.wire.anthropic_messages import make

RESOURCE = "https://resource.openai.azure.com"
FOUNDRY = "https://resource.services.ai.azure.com"
EXPRESS = "https://aiplatform.googleapis.com/v1/publishers/google/models"
PROJECT = {"GOOGLE_CLOUD_PROJECT": "my-project", "VERTEX_ACCESS_TOKEN": "test-token"}
CENTRAL = "https://us-central1-aiplatform.googleapis.com/v1/projects/my-project/locations/us-central1"
GOOGLE = "publishers/google/models/gemini-2.5-flash"
CLAUDE = "publishers/anthropic/models/claude-sonnet-4-5@20250929"


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (RESOURCE, "/openai/v1/chat/completions"),
        (f"{RESOURCE}/", "/openai/v1/chat/completions"),
        (f"{RESOURCE}/openai/v1/", "/openai/v1/chat/completions"),
        (f"{RESOURCE}/openai", "/openai/v1/chat/completions"),
        (
            f"{RESOURCE}?api-version=2024-02-01",
            "/openai/deployments/my-gpt/chat/completions?api-version=2024-02-01",
        ),
        (
            f"{RESOURCE}/?api-version=2024-02-01",
            "/openai/deployments/my-gpt/chat/completions?api-version=2024-02-01",
        ),
        (
            f"{RESOURCE}/openai/deployments/other/chat/completions?api-version=2024-12-01-preview",
            "/openai/deployments/my-gpt/chat/completions?api-version=2024-12-01-preview",
        ),
    ],
)
def test_azure_of_both_generations(request_to, address: str, path: str) -> None:
    environ = {"AZURE_OPENAI_ENDPOINT": address, "AZURE_OPENAI_API_KEY": "test-key"}
    request = request_to("azure/my-gpt", environ)
    assert request.url == RESOURCE + path
    assert request.headers["api-key"] == "test-key"
    assert "authorization" not in request.headers


def test_azure_takes_an_entra_token_where_there_is_no_key(request_to) -> None:
    environ = {"AZURE_OPENAI_ENDPOINT": RESOURCE, "AZURE_OPENAI_AD_TOKEN": "test-token"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_OPENAI_AD_TOKEN", "test-token")
        request = request_to("azure/my-gpt", environ)
        assert request.headers["authorization"] == "Bearer test-token"
        assert "api-key" not in request.headers
        with pytest.raises(MissingKey, match="AZURE_OPENAI_API_KEY"):
            request_to("azure/my-gpt", {}, base_url="https://gateway.example/azure")


def test_azure_without_a_key_names_what_to_set(request_to, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_AD_TOKEN", raising=False)
    with pytest.raises(MissingKey, match="AZURE_OPENAI_API_KEY or AZURE_API_KEY"):
        request_to("azure/my-gpt", {"AZURE_OPENAI_ENDPOINT": RESOURCE})
    with pytest.raises(ConfigError, match="needs an address"):
        request_to("azure/my-gpt", {"AZURE_OPENAI_API_KEY": "test-key"})


def test_azure_ai_speaks_to_claude_as_anthropic_does(request_to) -> None:
    environ = {"AZURE_AI_ENDPOINT": FOUNDRY, "AZURE_AI_API_KEY": "test-key"}
    claude = request_to("azure_ai/claude-sonnet-4-5", environ)
    assert claude.url == f"{FOUNDRY}/anthropic/v1/messages"
    assert claude.headers["anthropic-version"] == "2023-06-01"
    other = request_to("azure_ai/Llama-3.3-70B-Instruct", environ)
    assert other.url == f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview"
    assert "anthropic-version" not in other.headers
    assert claude.headers["api-key"] == other.headers["api-key"] == "test-key"


@pytest.mark.parametrize(
    ("model", "stream", "region", "url"),
    [
        (
            "gemini-2.5-flash",
            False,
            None,
            f"https://aiplatform.googleapis.com/v1/projects/my-project/locations/global/{GOOGLE}:generateContent",
        ),
        (
            "gemini-2.5-flash",
            True,
            "us-central1",
            f"{CENTRAL}/{GOOGLE}:streamGenerateContent?alt=sse",
        ),
        (
            "claude-sonnet-4-5@20250929",
            False,
            "us-east5",
            f"https://us-east5-aiplatform.googleapis.com/v1/projects/my-project/locations/us-east5/{CLAUDE}:rawPredict",
        ),
        (
            "claude-sonnet-4-5@20250929",
            True,
            "eu",
            f"https://aiplatform.eu.rep.googleapis.com/v1/projects/my-project/locations/eu/{CLAUDE}:streamRawPredict",
        ),
        (
            "meta/llama-4-maverick-17b-128e-instruct-maas",
            True,
            "us-central1",
            f"{CENTRAL}/endpoints/openapi/chat/completions",
        ),
    ],
)
def test_vertex_in_a_project(request_to, model: str, stream: bool, region: str | None, url: str) -> None:
    request = request_to(f"vertex/{model}", PROJECT, stream=stream, region=region)
    assert request.url == url
    assert request.headers["authorization"] == "Bearer test-token"
    assert "x-goog-api-key" not in request.headers
    if region:
        assert request_to(f"vertex/{model}", {**PROJECT, "GOOGLE_CLOUD_LOCATION": region}, stream=stream).url == url


def test_vertex_in_express_mode(request_to) -> None:
    for environ in ({"VERTEX_API_KEY": "test-key"}, {"VERTEX_API_KEY": "test-key", "GOOGLE_CLOUD_PROJECT": "mine"}):
        request = request_to("vertex/gemini-2.5-flash", environ)
        assert request.url == f"{EXPRESS}/gemini-2.5-flash:generateContent"
        assert request.headers["x-goog-api-key"] == "test-key"
        assert "authorization" not in request.headers


def test_a_token_obtained_for_a_project_travels_as_one(request_to) -> None:
    request = request_to("vertex/gemini-2.5-flash", {"GOOGLE_CLOUD_PROJECT": "mine"}, token="fresh-token")
    assert request.headers["authorization"] == "Bearer fresh-token"


def test_vertex_without_anything_names_what_to_set(request_to) -> None:
    with pytest.raises(MissingKey, match=r"VERTEX_API_KEY.*GOOGLE_CLOUD_PROJECT.*VERTEX_ACCESS_TOKEN"):
        request_to("vertex/gemini-2.5-flash", {})


def test_the_cloud_that_wants_the_version_in_the_body_gets_no_model_there() -> None:
    target = resolve(Endpoint("vertex/claude-sonnet-4-5@20250929"), Surroundings({}, PROJECT))
    assert (target.codec.id, target.codec.provider) == ("anthropic.messages", "vertex")
    asked = Request((Message("user", (Text("hello"),)),), max_tokens=100)
    body, warnings = target.codec.encode_request(asked, model=target.model, stream=True)
    assert (body["anthropic_version"], body["stream"]) == ("vertex-2023-10-16", True)
    assert "model" not in body
    assert warnings == []
    # A body that came from the vendor's own address moves over as well as one from the cloud itself.
    for codec in (wire.get("anthropic.messages"), target.codec):
        sent, _ = codec.encode_request(asked, model="claude-sonnet-4-5")
        moved, _ = target.codec.encode_request(codec.decode_request(sent), model=target.model)
        assert moved == {k: v for k, v in body.items() if k != "stream"}


def test_a_version_is_a_string() -> None:
    with pytest.raises(ConfigError, match="version must be a string"):
        make(provider="p", usage="u", version=1)


@pytest.mark.parametrize(
    ("model", "environ", "url"),
    [
        ("llama/llama-3.3-70b-instruct", "LLAMA_API_KEY", "https://api.llama.com/compat/v1/chat/completions"),
        ("minimax/MiniMax-M2.7", "MINIMAX_API_KEY", "https://api.minimax.io/v1/chat/completions"),
        ("nim/meta/llama-3.3", "NVIDIA_API_KEY", "https://integrate.api.nvidia.com/v1/chat/completions"),
        ("baseten/openai/gpt-oss-120b", "BASETEN_API_KEY", "https://inference.baseten.co/v1/chat/completions"),
        ("github/openai/gpt-4.1", "GITHUB_TOKEN", "https://models.github.ai/inference/chat/completions"),
        ("modal/moonshotai/Kimi-K3", "MODAL_PROXY_TOKEN", "https://inference.us-west.modal.direct/v1/chat/completions"),
        ("upstage/solar-pro3", "UPSTAGE_API_KEY", "https://api.upstage.ai/v1/chat/completions"),
        (
            "naver/HCX-005",
            "CLOVASTUDIO_API_KEY",
            "https://clovastudio.stream.ntruss.com/v1/openai/chat/completions",
        ),
    ],
)
def test_vendors_known_by_documentation_only(request_to, model: str, environ: str, url: str) -> None:
    request = request_to(model, {environ: "test-key"})
    assert (request.method, request.url) == ("POST", url)
    assert request.headers["authorization"] == "Bearer test-key"


@pytest.mark.parametrize("model", ["lmstudio/any", "tgi/tgi", "vllm/any", "llamacpp/any", "ollama_openai/any"])
def test_a_server_of_ones_own_is_asked_without_a_key(request_to, model: str) -> None:
    request = request_to(model, {})
    assert request.url.startswith("http://localhost:")
    assert not request.headers.keys() & {"authorization", "api-key"}


def test_kanana_is_served_by_oneself(request_to) -> None:
    request = request_to("kakao/kanana-1.5-8b", {"KAKAO_BASE_URL": "http://10.0.0.2:8000/v1"})
    assert request.url == "http://10.0.0.2:8000/v1/chat/completions"
    with pytest.raises(ConfigError, match="needs an address"):
        request_to("kakao/kanana-1.5-8b", {})
