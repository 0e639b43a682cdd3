"""Vendor formats in, the same format out: an HTTP request as a value, answered by whichever endpoint serves it.

No HTTP library here and no vendor's name: formats are data (``wire/<format>/front.py``), and whoever has an HTTP
request (a transport under a vendor's SDK, a drop-in, a gateway) makes it a :class:`FrontRequest`.
"""

from __future__ import annotations

from modelmux._front.front import Front
from modelmux._front.values import Answer, AsyncAnswer, FrontRequest

__all__ = ["Answer", "AsyncAnswer", "Front", "FrontRequest"]
