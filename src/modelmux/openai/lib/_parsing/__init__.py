"""Answers into models of the caller's."""
