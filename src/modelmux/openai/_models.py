"""The base of all models, under the vendor's path."""

from __future__ import annotations

from modelmux._dropin.options import RequestOptions as FinalRequestOptions
from modelmux.openai._registry import BaseModel, registry

construct_type = registry.construct_type
construct_type_unchecked = registry.construct_type_unchecked

__all__ = ["BaseModel", "FinalRequestOptions", "construct_type", "construct_type_unchecked"]
