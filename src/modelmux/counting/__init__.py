"""Counting tokens: by the model's own tokenizer where that is public, by asking the vendor, else an estimate.

``count`` counts, with ``encodings`` (the packed vocabularies), ``declarations`` (how tools are shown to a model) and
``pictures``; ``ask`` asks a vendor's counting endpoint. Estimates on the call path are in :mod:`modelmux.tokens`.
"""
