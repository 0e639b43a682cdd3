"""The command line: ``modelmux demo | chat | models | prices | tokens | …`` (the ``cli`` extra)."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_NEEDED = ("rich", "typer")


def main() -> None:
    """Run the command that ``sys.argv`` names. Exits 0, 1 for an error, 2 for wrong usage, 130 when interrupted."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        print(f"modelmux: the command line needs {', '.join(missing)}: pip install 'modelmux[cli]'", file=sys.stderr)
        raise SystemExit(2)
    from modelmux.cli.app import app

    app()
