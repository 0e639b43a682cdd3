"""Files from paths, under the vendor's path."""

from __future__ import annotations

from modelmux._dropin.arguments import file_from_path

__all__ = ["file_from_path"]
