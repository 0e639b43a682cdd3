"""What passes through in the same format, once more over sockets and TLS, through clients of both families of the HTTP
library that vendors' SDKs are built on, sync and async, with usage as it was sent and with usage asked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from front import wired
from front.player import Player
from front.recorded import rows
from full.environments import CHECKOUT, directory, python_of

_EVERY = 20
ROWS = rows()
WORKER = CHECKOUT / "benchmarks" / "recipes" / "passing.py"
SECONDS = 900


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    hosts = sorted({row["request"]["url"].split("/")[2].partition(":")[0] for row in ROWS})
    path = tmp_path_factory.mktemp("tls") / "vendors.pem"
    authority.issue_cert(*hosts).private_key_and_cert_chain_pem.write_to_path(str(path))
    authority.cert_pem.write_to_path(str(path.with_name("authority.pem")))
    return path


@pytest.fixture
def player(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Player]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("authority.pem")))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with Player(str(certificate)) as player:
        yield player


@pytest.mark.parametrize("usage", wired.USAGES)
@pytest.mark.parametrize(("kind", "start"), list(zip(wired.KINDS, (0, _EVERY), strict=True)))
def test_a_sample_passes_through_sockets_unchanged(player: Player, kind: str, start: int, usage: str) -> None:
    sample = ROWS[start :: 2 * _EVERY]
    found = wired.run("httpx", kind, usage, sample, player)
    assert found.failed == []
    assert found.counts.total() == len(sample)
    assert set(found.counts) == {"streams", "whole", "errors"}


@pytest.mark.full
def test_every_recorded_exchange_passes_through_sockets_unchanged(
    player: Player, certificate: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """One process for each family: the second is not among what the tests need, an SDK brings it along."""
    home = directory(tmp_path_factory.getbasetemp() / "sdks") / "recipes-openai-3"
    pythons = {"httpx": sys.executable, "httpx2": python_of(home, "openai>=3,<4", with_modelmux=True)}
    workers = [
        subprocess.Popen([python, WORKER, family, certificate], stdout=subprocess.PIPE, text=True)
        for family, python in pythons.items()
    ]
    told = [json.loads(worker.communicate(timeout=SECONDS)[0].splitlines()[-1]) for worker in workers]
    ways = {(each["family"], way): found for each in told for way, found in each["ways"].items()}
    failed = {way: found["failed"] for way, found in ways.items() if found["failed"]}
    counts = [Counter(found["counts"]) for found in ways.values()]
    total, differ = sum(counts, Counter()), sum(map(len, failed.values()))
    with capsys.disabled():
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in total.most_common())
        print(
            f"\n{len(ROWS):,} recordings passed through sockets {len(ways)} ways "
            f"({total.total():,} exchanges: {kinds}), {differ} differ"
        )
    assert failed == {}
    assert len(ways) == len(pythons) * len(wired.KINDS) * len(wired.USAGES)
    assert {each.total() for each in counts} == {len(ROWS)}
