"""Identities that are exchanged for tokens: their names, so that imports work. Clients here take keys only."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.registry import Params


class SubjectTokenProvider(Params):
    """Where an identity's token comes from."""


class SubjectTokenWorkloadIdentity(Params):
    """An identity that a token shows."""


class X509WorkloadIdentity(Params):
    """An identity that a certificate shows."""


WorkloadIdentity = SubjectTokenWorkloadIdentity


def x509_workload_identity(**fields: Any) -> X509WorkloadIdentity:
    """An identity that a certificate shows."""
    return X509WorkloadIdentity(fields)


__all__ = [
    "SubjectTokenProvider",
    "SubjectTokenWorkloadIdentity",
    "WorkloadIdentity",
    "X509WorkloadIdentity",
    "x509_workload_identity",
]
