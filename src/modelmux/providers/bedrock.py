"""What Bedrock's row cannot say: model ids wholly encoded in the path, and signatures where there is no API key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from modelmux._aws_files import from_file
from modelmux._http import HttpRequest
from modelmux._signing import Credentials, sign
from modelmux.errors import MissingKey

if TYPE_CHECKING:
    from modelmux._secret import Secret
    from modelmux.endpoint import Target

SERVICE = "bedrock"

_STREAMS = ("converse-stream", "invoke-with-response-stream")
_OWN_HOSTS = re.compile(
    r"(bedrock(-[a-z]+)*\.[a-z0-9-]+|vpce-[a-z0-9-]+\.bedrock(-[a-z]+)*\.[a-z0-9-]+\.vpce)"
    r"\.(amazonaws\.com(\.cn)?|api\.aws)"
)
"""Bedrock's own, also by private link. Under ``amazonaws.com`` alone stand its customers' machines too."""


def url(target: Target, stream: bool) -> str:
    """The address of a call. Ids hold colons, those of inference profiles slashes too."""
    path = (target.call.stream_path or target.call.path) if stream else target.call.path
    return target.base_url + path.replace("{model}", quote(target.model, safe=""))


def authorise(
    target: Target, key: Secret | None, request: HttpRequest, *, now: float, environ: Mapping[str, str]
) -> HttpRequest:
    """A bearer token where there is an API key, else a signature with the access key in the environment or in the
    shared credentials file. Raises MissingKey when there is none.
    """
    headers = dict(request.headers)
    if request.url.endswith(_STREAMS):
        headers["accept"] = "application/vnd.amazon.eventstream"
    if key is not None:
        return replace(request, headers={**headers, "authorization": f"Bearer {key.reveal()}"})
    held = _credentials(target, environ)
    if held is None:
        raise MissingKey(
            f"{target.name} needs a key: set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, in the environment, keep an access key in ~/.aws/credentials (AWS_PROFILE "
            "names the profile), or give Endpoint(..., api_key=)",
            field="api_key",
        )
    request = replace(request, headers=headers)
    region = target.region or target.row.region
    return replace(request, headers={**headers, **sign(request, held, region, SERVICE, now)})


def _credentials(target: Target, environ: Mapping[str, str]) -> Credentials | None:
    """The environment's access key, else its profile's. It belongs to AWS and to the address the environment names, and
    to no other.
    """
    host = urlsplit(target.base_url).hostname or ""
    ours = (environ[name] for name in target.row.base_url_env if environ.get(name))
    if not _OWN_HOSTS.fullmatch(host) and not any(address.rstrip("/") == target.base_url for address in ours):
        return None
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        return Credentials(access, secret, environ.get("AWS_SESSION_TOKEN") or None)
    return from_file(environ)
