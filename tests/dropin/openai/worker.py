"""What the package named on the command line sends and gives back, case by case (see ``dropin/worker.py``)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from dropin.loopback import Loopback
from dropin.openai.cases import CASES
from dropin.worker import main

HEADERS = (
    "accept",
    "authorization",
    "content-type",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "user-agent",
    "x-extra",
    "x-stainless-async",
    "x-stainless-helper-method",
    "x-stainless-lang",
    "x-stainless-package-version",
    "x-stainless-raw-response",
    "x-stainless-read-timeout",
    "x-stainless-retry-count",
    "x-stainless-runtime",
)
"""The headers that matter."""


def client(kind: type, server: Loopback) -> Any:
    return kind(api_key="test-key", base_url=server.url, organization="o", project="p")


if __name__ == "__main__":
    main("OpenAI", CASES, HEADERS, client)
