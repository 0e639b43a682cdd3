"""The SDK itself, installed in an environment of its own: the recordings are still what it does, and the tables list
what it has.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from dropin.genai.test_conformance import RECORDED
from dropin.tables import table
from full.environments import directory, python_of

ROOT = Path(__file__).parents[3]
TABLES = ROOT / "src" / "modelmux" / "google" / "genai" / "_tables"
CORE = (
    "Blob",
    "Candidate",
    "Content",
    "CountTokensConfig",
    "CountTokensResponse",
    "EmbedContentConfig",
    "EmbedContentResponse",
    "File",
    "FinishReason",
    "FunctionCall",
    "FunctionDeclaration",
    "FunctionResponse",
    "GenerateContentConfig",
    "GenerateContentResponse",
    "GenerateContentResponseUsageMetadata",
    "HttpOptions",
    "HttpRetryOptions",
    "ListModelsConfig",
    "Model",
    "Part",
    "SafetySetting",
    "Schema",
    "ThinkingConfig",
    "Tool",
    "ToolConfig",
    "UploadFileConfig",
)


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    return python_of(
        directory(tmp_path_factory.mktemp("venvs")) / "sdk-google-genai", "google-genai", with_modelmux=True
    )


def run(python: Path, *arguments: str) -> str:
    command = [python, "-W", "ignore", *arguments]
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.full
def test_the_sdk_does_what_was_recorded(python):
    found = json.loads(run(python, "-m", "dropin.genai.conform", "google.genai"))
    version = run(python, "-c", "import importlib.metadata as m; print(m.version('google-genai'))").strip()
    recorded = json.loads(json.dumps(RECORDED).replace("google-genai-sdk/3.4.0", f"google-genai-sdk/{version}"))
    assert {case for case in recorded if recorded[case] != found.get(case)} == set()


@pytest.mark.full
def test_the_tables_list_all_that_the_core_has(python, tmp_path):
    run(python, str(ROOT / "scripts" / "generate_dropin.py"), "google.genai", str(tmp_path), "types")
    theirs = table(tmp_path / "types.json.gz")["types"]
    ours = table(TABLES / "types.json.gz")["types"]
    new = {
        name: set(theirs[name].get("f", theirs[name].get("e"))) - set(ours[name].get("f", ours[name].get("e")))
        for name in CORE
    }
    assert {name: fields for name, fields in new.items() if fields} == {}
