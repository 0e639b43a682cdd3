"""Bodies that are sequences of things, under the vendor's path."""
