"""Where a codec is known to differ from the oracle, and why. A test fails when one of these no longer does."""

from __future__ import annotations

_AZURE_GROK = (
    "Grok on Azure AI counts cached tokens beside the prompt, which only shows where they exceed it "
    "(18 of 22 recordings); here they do not, and no field tells"
)

KNOWN: dict[tuple[str, str], str] = {
    ("2058cc8d44a0-000", "usage"): _AZURE_GROK,
    ("4c040a863d7b-001", "usage"): _AZURE_GROK,
    ("4fe7472f89f7-001", "usage"): _AZURE_GROK,
    ("8041cabf1c27-000", "usage"): _AZURE_GROK,
}
"""(recording id, aspect) -> reason."""
