"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import json
import re
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import modelmux
from modelmux import providers

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "modelmux"
GENERATED: frozenset[str] = frozenset()
"""Modules that a script writes: no rule of size holds for them."""

MODULE_LINES = 600
MEDIAN_LINES = 200
FUNCTION_LINES = 60


@cache
def modules() -> dict[str, str]:
    """Path below ``src/modelmux`` -> text, of every module written by hand."""
    found = {path.relative_to(SOURCE).as_posix(): path.read_text("utf-8") for path in sorted(SOURCE.rglob("*.py"))}
    return {name: text for name, text in found.items() if name not in GENERATED}


# --- size ------------------------------------------------------------------------------------------------------


def test_no_module_is_too_long():
    lengths = {name: text.count("\n") for name, text in modules().items()}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_LINES


def test_no_function_is_too_long():
    """Lines from ``def`` to the last statement; the docstring is not counted."""
    long = {}
    for name, text in modules().items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                is_docstring = ast.get_docstring(node, clean=False) is not None
                docstring = first.end_lineno - first.lineno + 1 if is_docstring else 0
                lines = node.end_lineno - node.lineno + 1 - docstring
                if lines > FUNCTION_LINES:
                    long[f"{name}:{node.name}"] = lines
    assert long == {}


# --- vendor names ----------------------------------------------------------------------------------------------

PLACES = (
    "providers/",
    "wire/",
    "catalogue/",
    "openai/",
    "anthropic/",
    "google/",
    "testing/",
    "_signing.py",
    "_google_auth.py",
    "transport.py",
    "cost/reconcile.py",
)
"""Where vendors may be named: drop-ins, and modules that are about them."""

WORDS = (
    "ai21",
    "alibaba",
    "amazon",
    "anthropic",
    "azure",
    "baidu",
    "bedrock",
    "cerebras",
    "chatgpt",
    "claude",
    "cloudflare",
    "cohere",
    "databricks",
    "dashscope",
    "deepinfra",
    "deepseek",
    "gemini",
    "gemma",
    "google",
    "gpt",
    "grok",
    "groq",
    "hugging",
    "kakao",
    "llama",
    "mistral",
    "moonshot",
    "nebius",
    "novita",
    "nvidia",
    "ollama",
    "openai",
    "openrouter",
    "qwen",
    "sambanova",
    "snowflake",
    "upstage",
    "vertex",
    "vllm",
    "watsonx",
)
ORDINARY = frozenset(
    {
        "fireworks",
        "friendli",
        "github",
        "meta",
        "modal",
        "perplexity",
        "portkey",
        "replicate",
        "tgi",
        "together",
        "writer",
    }
)
"""Provider ids that are ordinary words too: a grep for them would find English."""

FORMATS = ("OpenAI-shaped", "OpenAI-compatible", "openai_compatible")
"""A format that many vendors share is called by its inventor: these names are the field's, not one vendor's."""

ALLOWED: dict[str, tuple[str, tuple[str, ...]]] = {
    "__init__.py": (
        "the example a reader sees first, and the drop-ins' clients by name",
        (
            "openai/gpt-5-mini",
            "anthropic/claude-haiku-4-5",
            '"Anthropic"',
            '"AsyncAnthropic"',
            '"anthropic"',
            "modelmux.anthropic._client import Anthropic, AsyncAnthropic",
            '"AsyncAzureOpenAI"',
            '"AsyncOpenAI"',
            '"AzureOpenAI"',
            '"OpenAI"',
            ': "openai"',
            "from modelmux.openai._client import AsyncOpenAI, OpenAI",
            "from modelmux.openai.lib.azure import AsyncAzureOpenAI, AzureOpenAI",
        ),
    ),
    "_messages.py": ("the wire whose dicts callers write by hand (the public contract)", ('"openai.chat"',)),
    "_resolve.py": ("an example of two equal names", ("``openai/gpt``", "``openai/gpt#2``")),
    "_retry_after.py": ("headers as they are spelt", ('f"anthropic-ratelimit-{of}',)),
    "config.py": (
        "an example of a configuration file",
        (
            "openai/gpt-5-mini",
            "anthropic/claude-haiku-4-5",
            "[providers.openai]",
            "MY_OPENAI_KEY",
            "openai_compatible/qwen3",
        ),
    ),
}
"""Module -> why vendors may be named in it, and the very texts that may."""


def vendor_words() -> re.Pattern[str]:
    ids = {name.partition("_")[0] for name in providers.names()} - ORDINARY
    return re.compile("|".join(sorted({*WORDS, *(name for name in ids if len(name) > 2)})), re.IGNORECASE)


def test_vendors_are_named_only_where_vendors_belong():
    words = vendor_words()
    found = []
    for name, text in modules().items():
        if name.startswith(PLACES):
            continue
        for allowed in (*ALLOWED.get(name, ("", ()))[1], *FORMATS):
            text = text.replace(allowed, "")
        for number, line in enumerate(text.splitlines(), 1):
            found += [f"{name}:{number}: {line.strip()}"] if words.search(line) else []
    assert found == []


def test_every_exception_is_still_needed():
    unused = [
        f"{name}: {text}"
        for name, (why, texts) in ALLOWED.items()
        for text in texts
        if not why or text not in modules().get(name, "")
    ]
    assert unused == []


# --- what must not be written down -----------------------------------------------------------------------------

TEXT_FILES = {".py", ".md", ".toml", ".json", ".yml", ".yaml", ".txt", ".cfg", ".sh", ""}
FORBIDDEN = {
    "a machine's path": r"(?<![\w.])/(?:" + "ro" + r"ot|wo" + r"rk|ho" + r"me/\w+|Us" + r"ers/\w+)/\w",
    "a package registry": r"pypi\.org/simple|pythonhosted|-index-url|(?:artifactory|devpi|nexus)[.\w]*/",
    "something shaped like a key": r"\b(?:sk-[A-Za-z0-9]{16,}|sk-ant-\w{8,}|AIza[\w-]{30,}|AKIA[A-Z0-9]{16})",
}


def tracked() -> list[Path]:
    """Every text file of the project, generated data and recordings apart."""
    tops = ["src", "tests", "docs", "scripts", "benchmarks", ".ci"]
    files = [path for top in tops for path in (ROOT / top).rglob("*")] + list(ROOT.glob("*"))
    skip = ("__pycache__", "tests/data/", "catalogue/data/", "/_tables/")
    return [p for p in files if p.is_file() and p.suffix in TEXT_FILES and not any(s in p.as_posix() for s in skip)]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_names_a_machine_a_registry_or_a_key(what):
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in tracked():
        text = path.read_text("utf-8", errors="replace")
        if path == Path(__file__):
            text = text.partition("FORBIDDEN = {")[0]
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []


# --- layers ----------------------------------------------------------------------------------------------------


def test_the_import_contracts_hold():
    code = "from importlinter.cli import lint_imports_command as run; run(['--no-cache'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_nothing_says_that_it_is_unfinished():
    marks = re.compile("TO" + "DO|FIX" + "ME|XX" + r"X|\bNotImplemented" + "Error")
    assert [name for name, text in modules().items() if marks.search(text)] == []


# --- the public names ------------------------------------------------------------------------------------------


def test_every_public_name_is_there_and_documented():
    assert modelmux.__all__ == sorted(set(modelmux.__all__), key=modelmux.__all__.index)
    bare = []
    for name in modelmux.__all__:
        value = getattr(modelmux, name)
        if (isinstance(value, type) or callable(value)) and not (value.__doc__ or "").strip():
            bare.append(name)
    assert bare == []
    assert set(modelmux.__all__) <= set(dir(modelmux))


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="no_such_name"):
        modelmux.no_such_name  # noqa: B018


HEAVY = ("asyncio", "httpx", "pydantic", "pydantic_core", "sqlite3", "ssl", "tenacity", "threading", "tiktoken")

LIGHT_IMPORT = """
import os, sys
events, variables, look_up = [], [], os._Environ.__getitem__
sys.addaudithook(lambda event, args: events.append(event) if event.startswith("socket.") else None)
os._Environ.__getitem__ = lambda self, name: variables.append(name) or look_up(self, name)
before = set(sys.modules)
import modelmux
loaded = set(sys.modules) - before
read = list(variables)
import json, threading
seen = {"loaded": sorted(loaded), "threads": threading.active_count(), "sockets": events, "variables": read}
print(json.dumps(seen))
"""


def test_a_bare_import_is_light():
    """In a fresh process, beyond what the interpreter had loaded: no heavy module, thread, socket, or look at the
    environment.
    """
    done = subprocess.run([sys.executable, "-c", LIGHT_IMPORT], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    assert {name.partition(".")[0] for name in seen["loaded"]} & set(HEAVY) == set()
    assert seen["threads"] == 1
    assert seen["sockets"] == []
    assert seen["variables"] == []
