"""Make the questions of ``modelmux demo`` from a file of recorded outcomes.

    python scripts/make_demo_data.py OUTCOMES.jsonl.gz PRICES.json

``OUTCOMES``: the first line is an object with ``models`` (names); each line after it is one prompt: ``id``, ``prompt``,
``in`` (input tokens), and, in the order of ``models``, ``s`` (1 where the answer was right) and ``o`` (output tokens).
``PRICES``: model -> dollars for a million input and output tokens. The first 120 prompts are taken as they come (the
file's order is pseudo-random), so nothing is chosen by its outcome.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent.parent / "src/modelmux/cli/data/demo.json"
QUESTIONS = 120

MODELS = (
    "openai/gpt-4o-2024-08-06",
    "openai/gpt-4o-mini-2024-07-18",
    "anthropic/claude-3-5-sonnet-20241022",
    "anthropic/claude-3-5-haiku-20241022",
    "gemini/gemini-1.5-pro",
    "gemini/gemini-1.5-flash",
)
"""The strong and the small model of each of three vendors, as of late 2024."""

ABOUT = {
    "questions": "MATH level 5 (github.com/hendrycks/math, MIT licence)",
    "outcomes": "ZeroEval (github.com/WildEval/ZeroEval, Apache-2.0 licence)",
    "outcomes_how": "result_dirs/math-l5: verdicts re-scored from the stored answers, tokens counted with cl100k_base",
    "prices": "list prices of late 2024: good for ratios, not for invoices",
    "prices_as_of": "late 2024",
}


def make(outcomes: Path, prices: Path) -> dict[str, Any]:
    """The demo's data. Raises KeyError or ValueError where a model has no outcome or no price."""
    with gzip.open(outcomes, "rt", encoding="utf-8") as lines:
        head = json.loads(next(lines))
        rows = [json.loads(line) for line in lines][:QUESTIONS]
    listed = json.loads(prices.read_text("utf-8"))
    columns = [head["models"].index(name.partition("/")[2]) for name in MODELS]
    models = []
    for name in MODELS:
        tokens_in, tokens_out = listed[name.partition("/")[2]]
        models.append({"model": name, "price": {"input": str(tokens_in), "output": str(tokens_out)}})
    questions = [
        {
            "id": row["id"],
            "prompt": row["prompt"],
            "input": row["in"],
            "right": [int(row["s"][column]) for column in columns],
            "output": [row["o"][column] for column in columns],
        }
        for row in rows
    ]
    return {"about": ABOUT, "models": models, "questions": questions}


def written(data: dict[str, Any]) -> str:
    """The data as JSON with a line for each question, so that a change can be read in a diff."""
    head = json.dumps({"about": data["about"], "models": data["models"]}, indent=1)
    lines = ",\n".join(json.dumps(question, ensure_ascii=False) for question in data["questions"])
    return f'{head[:-2]},\n "questions": [\n{lines}\n]}}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outcomes", type=Path)
    parser.add_argument("prices", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(written(make(given.outcomes, given.prices)), "utf-8")
    print(f"{given.out}: {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
