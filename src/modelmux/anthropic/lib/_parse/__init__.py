"""Outputs of a type, under the vendor's path."""
