"""Multi-model routing as a library: every vendor behind one interface, with exact accounts."""

__version__ = "0.1.0"
