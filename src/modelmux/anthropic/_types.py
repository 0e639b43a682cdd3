"""Names for arguments' types, under the vendor's path."""

from __future__ import annotations

from modelmux._dropin import arguments
from modelmux._dropin.arguments import *  # noqa: F403 - all that its ``__all__`` names, and only that

__all__ = arguments.__all__
