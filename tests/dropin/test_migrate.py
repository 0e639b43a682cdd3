"""``docs/migrate.md``: the rewrite that it gives, and that each example printed the same before it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from full.environments import CHECKOUT, directory, python_of
from modelmux.testing import Vendors

PAGE = (CHECKOUT / "docs" / "migrate.md").read_text("utf-8")
PAIR = re.compile(
    r"<!-- before: (?P<sdk>[\w-]+) -->\n```py\n(?P<before>.*?)```\n"
    r".*?<!-- setup:(?P<setup>.*?)-->\s+```python\n(?P<after>.*?)```\n\n```text\n(?P<printed>.*?)```",
    re.DOTALL,
)
PAIRS = {found["sdk"]: found for found in PAIR.finditer(PAGE)}


def rewritten(text: str, package: str = "openai") -> str:
    """By the page's own command."""
    found = re.search(r"sed -Ei '(.*?)'", PAGE)
    assert found is not None
    command = ["sed", "-E", found[1].replace("openai", package)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_the_page_has_every_package():
    assert list(PAIRS) == ["openai", "anthropic", "google-genai", "litellm"]


@pytest.mark.parametrize("package", ["openai", "anthropic"])
def test_the_command_makes_of_each_example_the_one_that_follows(package: str):
    assert rewritten(PAIRS[package]["before"], package) == PAIRS[package]["after"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import openai", "import modelmux.openai as openai"),
        ("    import openai", "    import modelmux.openai as openai"),
        ("import openai as ai", "import modelmux.openai as ai"),
        ("from openai import OpenAI, RateLimitError", "from modelmux.openai import OpenAI, RateLimitError"),
        ("from openai.types.chat import ChatCompletion", "from modelmux.openai.types.chat import ChatCompletion"),
        ("import openai_harmony", "import openai_harmony"),
        ("from myopenai import x", "from myopenai import x"),
        ('print("import openai")', 'print("import openai")'),
    ],
)
def test_the_command_changes_imports_only(old: str, new: str):
    assert rewritten(f"{old}\n") == f"{new}\n"


@pytest.mark.full
@pytest.mark.parametrize("sdk", PAIRS)
def test_before_it_printed_the_same(sdk: str, tmp_path: Path):
    found: Any = PAIRS[sdk]
    python = python_of(directory(tmp_path) / f"before-{sdk}", sdk)
    with Vendors() as vendors:
        exec(found["setup"].strip(), {"vendors": vendors})  # the page's own words
        done = subprocess.run(
            [python, "-W", "ignore", "-c", found["before"]],
            env={**os.environ, **vendors.env()},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line.rstrip() for line in done.stdout.splitlines()] == found["printed"].splitlines()
