"""The first example of docs/testing.md is true."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs" / "testing.md"


def test_the_first_example_passes_as_it_stands(modelmux_vendors):
    code = re.search(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    namespace = {}
    exec(compile(code.group(1), str(DOCS), "exec"), namespace)  # our own documentation
    (example,) = [value for name, value in namespace.items() if name.startswith("test_")]
    example(modelmux_vendors)
