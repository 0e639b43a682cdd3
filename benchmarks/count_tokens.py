"""How near ``count_tokens`` comes to what vendors reported, on the recordings that the tests use, and how fast it is.

python benchmarks/count_tokens.py
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "counting"))

from test_recordings import Case, cases, of, share

from modelmux.counting.count import size
from modelmux.counting.encodings import encoding

KINDS = {
    "text": "text alone",
    "calls": "text and earlier tool calls",
    "tools": "tools offered",
    "schema": "an answer by JSON Schema",
}
SENTENCES = {
    "English": "The library counts the tokens of every request before it is sent, so that no bill surprises anybody. ",
    "Korean": "이 라이브러리는 요청을 보내기 전에 토큰 수를 세어 누구도 요금에 놀라지 않게 합니다. ",
}


def line(name: str, chosen: list[Case]) -> str:
    exact = share(chosen, 0.0)
    upper = sum(case.count.upper >= case.reported for case in chosen) / len(chosen)
    bound = sum(case.count.bound is not None and case.count.bound >= case.reported for case in chosen) / len(chosen)
    median = statistics.median(case.off for case in chosen)
    return f"| {name} | {len(chosen)} | {median:.1%} | {exact:.0%} | {share(chosen):.0%} | {upper:.1%} | {bound:.1%} |"


def main() -> None:
    print("| requests | n | median error | exact | within 2 % | within upper | within bound |")
    print("|---|---|---|---|---|---|---|")
    for kind, name in KINDS.items():
        if own := of(kind, "openai"):
            print(line(f"OpenAI: {name}", own))
    for kind, name in KINDS.items():
        print(line(f"all providers: {name}", of(kind)))
    left = len(cases()) - sum(len(of(kind)) for kind in KINDS)
    print(f"\n{left} more hold media (cut down in the recordings) or input of the vendor's own, and are not judged.\n")

    print("| text | characters | o200k_base | tokens a character | µs per KB |\n|---|---|---|---|---|")
    encoding("o200k_base")
    for name, sentence in SENTENCES.items():
        text = sentence * 1_000
        began = perf_counter()
        count = size(text, "o200k_base")
        spent = (perf_counter() - began) * 1e6 / (len(text.encode()) / 1024)
        print(f"| {name} | {len(text):,} | {count:,} | {count / len(text):.2f} | {spent:.0f} |")


if __name__ == "__main__":
    main()
