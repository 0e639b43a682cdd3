"""What the drop-ins share: lenient models made of tables, an HTTP client's manners, and packages that load by name.

A drop-in mirrors a vendor's public Python package. Its interface is data (``_tables/*.json.gz``, written by
``scripts/generate_dropin.py``); what is here turns that data into modules, classes and methods when they are first
touched. Nothing in this package knows a vendor.
"""
