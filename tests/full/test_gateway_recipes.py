"""The recipes for curl and Node do what their pages say, against a gateway of its own over the embedded vendors."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.asgi import events
from modelmux import gateway
from modelmux.testing import Vendors

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
KEY = gateway.new_key()
NODE_CLIENT = "openai"


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (RECIPES / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("recipes")


@pytest.fixture(scope="module")
def environment(place):
    """``GATEWAY`` and ``GATEWAY_KEY``, while one runs."""
    with Vendors() as vendors:
        endpoints = "".join(
            f'[[endpoints]]\nmodel = "{end.model}"\nbase_url = "{end.base_url}"\napi_key = "{server.key}"\n'
            for end, server in zip(vendors.endpoints(), vendors, strict=True)
        )
        (place / "modelmux.toml").write_text(
            f'{endpoints}[gateway]\nport = 0\n[[gateway.keys]]\nname = "a"\nsha256 = "{gateway.digest(KEY)}"\n'
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "modelmux.cli", "serve", "--config", str(place / "modelmux.toml")],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = process.stderr.readline()
        address = re.search(r"http://\S+", said)
        assert address is not None, said
        yield {**os.environ, "GATEWAY": address[0], "GATEWAY_KEY": KEY, "NO_PROXY": "127.0.0.1"}
        process.terminate()
        assert process.wait(30) == 0
        process.stderr.close()


def run(command, environment, place):
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=place, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.full
def test_curl(environment, place):
    whole, stream, costed = (run(["bash", "-c", code], environment, place) for code in blocks("gateway-curl.md", "sh"))
    assert json.loads(whole)["choices"][0]["message"]["content"] == "You said: one two three"
    found = events(stream.encode())
    text = "".join(event["delta"].get("text", "") for event in found if event["type"] == "content_block_delta")
    assert (text, found[-1]["type"]) == ("You said: one two three", "message_stop")
    assert json.loads(costed.partition(":")[2])["endpoint"] == "openai/gpt-5-mini"
    assert "one two three" in (place / "answer.json").read_text()


@pytest.mark.full
def test_the_openai_client_for_node(environment, place):
    assert shutil.which("npm"), "the second tier needs Node and npm"
    home = Path(os.environ.get("SDK_VENVS") or place) / "node-openai"
    if not (home / "node_modules" / "openai").exists():
        home.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", NODE_CLIENT]
        subprocess.run(install, cwd=home, check=True, timeout=300)
    (code,), (printed,) = blocks("gateway-node.md", "js"), blocks("gateway-node.md", "text")
    script = home / "recipe.mjs"
    script.write_text(code)
    assert run(["node", str(script)], environment, home) == printed
