"""Write ``docs/providers.md`` from the provider rows and the recordings: ``python scripts/provider_docs.py``."""

from __future__ import annotations

import gzip
from pathlib import Path

from modelmux import catalogue, providers
from modelmux.providers import Row

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "providers.md"
RECORDINGS = ROOT / "tests" / "data" / "wire"

HEAD = """\
# Providers

Generated from the rows in `src/modelmux/providers` by `scripts/provider_docs.py`; do not edit.

A model is named `provider/model`. The key is looked for in the variables given, in that order; the first that is set
wins. *Recordings* counts the real exchanges with this vendor in `tests/data/wire` that the suite decodes: the measure
of how much is known from traffic, not only from documentation. *Models* counts the catalogue's entries; a model that
is not among them is called all the same, at an unknown price.

Where a provider has several calls, the one that suits the model is taken, mostly the first of its row; an endpoint may
name another: `Endpoint("openai/gpt-5-mini", call="responses")`, `Endpoint("gemini/gemini-2.5-flash",
call="interactions")`. *evidence* is `docs` where nothing but documentation was at hand.
"""

OWN = """\

## A provider of your own

A server that speaks OpenAI's format needs none: `Endpoint("openai_compatible/my-model", base_url=..., api_key=...)`.
A vendor you name often deserves a row:

```toml
id = "acme"
name = "Acme Models"
base_url = "https://api.acme.example/v1"
key_env = ["ACME_API_KEY"]

[calls.chat]
wire = "openai.chat"
path = "/chat/completions"

[calls.chat.dialect]          # only what differs from the format's owner
max_tokens = ["max_tokens"]
```

Put it as `acme.toml` into a directory that the variable `MODELMUX_PROVIDER_ROWS` names, and `acme/some-model` is a
model. In code, `modelmux.providers.register(parse_row(...))` does the same for the process. A distribution brings rows
by an entry point: a package that holds such files, or a `Row`. What a row cannot say, a module does that its `hook`
names (`modelmux.providers` says how).

```toml
[project.entry-points."modelmux.providers"]
acme = "acme_modelmux"                      # a package that holds acme.toml

[project.entry-points."modelmux.wires"]
"acme.chat" = "acme_modelmux.wire"          # a module with make(provider=, usage=, **dialect)

[project.entry-points."modelmux.policies"]
newest_first = "acme_modelmux.policies:newest_first"
```

All of these are looked at when a name comes up that nothing in the package answers to; none of them takes a name away
from it.
"""


PRICED = """\

## Known for pricing only

These rows have usage readers, so `modelmux.cost.price` reads their bills, and no call of theirs is spoken: naming one
for a chat is a `ConfigError`. What there is instead stands in the notes.

| provider | id | usage readers |
|---|---|---|
"""

LOCAL = """\

## Notes

| provider | note |
|---|---|
"""


def counted(row_id: str) -> int:
    """How many recordings of this provider the suite has."""
    path = RECORDINGS / f"{row_id}.jsonl.gz"
    if not path.exists():
        return 0
    with gzip.open(path, "rb") as lines:
        return sum(1 for line in lines if line.strip())


def _names(values: tuple[str, ...]) -> str:
    return "<br>".join(f"`{value}`" for value in values) or "–"


def _row(row: Row) -> str:
    spoken = sorted({(name, call.wire) for name, call in row.calls.items() if call.wire})
    calls = "<br>".join(f"`{name}` as {wire}" if name != wire else f"`{name}`" for name, wire in spoken)
    ids = ", ".join(f"`{name}`" for name in (row.id, *row.aliases))
    vendor = f"[{row.name}]({row.docs})" if row.docs else row.name
    where = _names(row.base_url_env) if row.base_url else f"**needed**: {_names(row.base_url_env)}"
    models = len(catalogue.load(row.catalogue or row.id))
    key = "none needed" if row.local and not row.key_env else _names(row.key_env)
    cells = (vendor, ids, calls, key, where, str(models or "–"), str(counted(row.id) or "–"), row.evidence)
    return f"| {' | '.join(cells)} |"


def page() -> str:
    """The whole page."""
    rows = [providers.get(name) for name in providers.names()]
    spoken = [row for row in rows if any(call.wire for call in row.calls.values())]
    priced = [row for row in rows if row not in spoken]
    text = HEAD
    text += f"\n{len(spoken)} providers can be called today.\n\n"
    text += "| provider | id and aliases | calls, as wire | key | address variable | models | recordings | evidence |\n"
    text += "|---|---|---|---|---|---|---|---|\n"
    text += "".join(_row(row) + "\n" for row in spoken)
    if priced:
        text += PRICED
        for row in priced:
            readers = ", ".join(f"`{name}`" for name in row.readers) or "–"
            text += f"| {row.name} | `{row.id}` | {readers} |\n"
    noted = [row for row in rows if row.note]
    if noted:
        text += LOCAL + "".join(f"| `{row.id}` | {row.note.replace('<', '&lt;')} |\n" for row in noted)
    return text + OWN


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
