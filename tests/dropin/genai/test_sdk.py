"""The SDK itself, installed in an environment of its own: the recordings are still what it does, and the tables list
what it has. ``SDK_VENVS`` keeps the environment between runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dropin.genai.test_conformance import RECORDED

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
    kept = os.environ.get("SDK_VENVS")
    place = (Path(kept) if kept else tmp_path_factory.mktemp("venvs")) / "sdk-google-genai"
    found = place / "bin" / "python"
    if not found.exists():
        # What modelmux itself needs is taken from the environment that runs this.
        subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", place], check=True)
        subprocess.run([found, "-m", "pip", "install", "--quiet", "google-genai"], check=True, timeout=600)
    return found


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
    theirs = json.loads((tmp_path / "types.json").read_text("utf-8"))["types"]
    ours = json.loads((TABLES / "types.json").read_text("utf-8"))["types"]
    new = {
        name: set(theirs[name].get("f", theirs[name].get("e"))) - set(ours[name].get("f", ours[name].get("e")))
        for name in CORE
    }
    assert {name: fields for name, fields in new.items() if fields} == {}
