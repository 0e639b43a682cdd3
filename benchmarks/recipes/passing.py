"""Every recorded exchange in a format that fronts know, passed through in that format over sockets and TLS, by clients
of one family of the HTTP library that vendors' SDKs are built on: ``python passing.py httpx2 vendors.pem``, where the
file has the key and certificate of vendors that an authority in ``SSL_CERT_FILE`` vouches for.

How it is judged stands in ``tests/front/wired.py``. Prints one JSON object: for each way to call, how many there were
of each kind, and what differed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from front import wired
from front.player import Player
from front.recorded import rows
from modelmux.testing import forbid_network


def main(family: str, certificate: str) -> None:
    told: dict[str, Any] = {}
    with forbid_network(), Player(certificate) as player:
        for kind in wired.KINDS:
            for usage in wired.USAGES:
                found = wired.run(family, kind, usage, rows(), player)
                told[f"{kind}, {usage}"] = {"counts": found.counts, "failed": found.failed}
    print(json.dumps({"family": family, "ways": told}))


if __name__ == "__main__":
    main(*sys.argv[1:])
