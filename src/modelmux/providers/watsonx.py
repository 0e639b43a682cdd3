"""What watsonx's row cannot say: its addresses take access tokens, and what users have is an API key.

The exchange is IBM Cloud's: https://cloud.ibm.com/docs/iam?topic=iam-iamtoken_from_apikey
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from modelmux._credentials import TokenSource, shared
from modelmux._http import HttpRequest

if TYPE_CHECKING:
    from modelmux._secret import Secret
    from modelmux.endpoint import Target

TOKEN_URI = "https://iam.cloud.ibm.com/identity/token"  # noqa: S105  # an address

_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


def token_source(target: Target, key: Secret | None, environ: Mapping[str, str]) -> TokenSource | None:
    """Where an API key is exchanged. A key with two dots is a token already (RFC 7519), and a key for another's
    address is none of IBM's.
    """
    del environ
    if key is None or key.reveal().count(".") == 2:
        return None
    if not (urlsplit(target.base_url).hostname or "").endswith(".cloud.ibm.com"):
        return None
    return shared(f"{TOKEN_URI} for {key.fingerprint}", lambda: TokenSource("IBM Cloud", lambda _now: _asking(key)))


def _asking(key: Secret) -> HttpRequest:
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key.reveal()}
    return HttpRequest("POST", TOKEN_URI, _FORM, urlencode(form).encode())
