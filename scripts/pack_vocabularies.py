"""Pack tokenizer vocabularies into the package: ``python scripts/pack_vocabularies.py SOURCE_DIR``.

SOURCE_DIR holds ``<encoding>.tiktoken`` or ``<encoding>.tiktoken.xz``, the files that tiktoken downloads: a line for
every token, its bytes in base64 and its rank. A file whose SHA-256 is not the published one is refused.
"""

from __future__ import annotations

import base64
import hashlib
import lzma
import sys
from pathlib import Path

from modelmux.counting.encodings import PUBLISHED

OUT = Path(__file__).parents[1] / "src" / "modelmux" / "counting" / "vocabularies"
LIMIT = 1_500_000
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]


def read(source: Path, name: str) -> bytes:
    plain = source / f"{name}.tiktoken"
    return plain.read_bytes() if plain.exists() else lzma.decompress((source / f"{name}.tiktoken.xz").read_bytes())


def pack(published: bytes) -> bytes:
    """Tokens in order of rank, each behind its length as one byte; compressed."""
    packed = bytearray()
    for rank, line in enumerate(published.splitlines()):
        token, given = line.split()
        if int(given) != rank:
            sys.exit(f"rank {given.decode()} where {rank} is due: the vocabulary has gaps")
        raw = base64.b64decode(token)
        packed.append(len(raw))
        packed += raw
    return lzma.compress(bytes(packed), filters=FILTERS)


def main(source: Path) -> None:
    OUT.mkdir(exist_ok=True)
    total = 0
    for name, known in PUBLISHED.items():
        published = read(source, name)
        digest = hashlib.sha256(published).hexdigest()
        if digest != known.sha256:
            sys.exit(f"{name}: its SHA-256 is {digest}, published is {known.sha256}")
        packed = pack(published)
        (OUT / f"{name}.xz").write_bytes(packed)
        total += len(packed)
        print(f"{name}: {len(published):,} bytes packed into {len(packed):,}")
    if total > LIMIT:
        sys.exit(f"{total:,} bytes together: more than {LIMIT:,}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
