"""Streams with typed, accumulated events."""
