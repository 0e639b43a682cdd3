"""Access keys from the shared credentials file. The keys are made up."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from modelmux import _aws_files
from modelmux._signing import Credentials
from modelmux.errors import MissingKey

FILE = """\
[default]
aws_access_key_id = first-access-key
aws_secret_access_key = first%secret

[work]
aws_access_key_id=work-access-key
aws_secret_access_key=work-secret
aws_session_token=work-session
region=eu-west-1

[half]
aws_access_key_id=half-access-key
"""

MODEL = "bedrock/amazon.nova-lite-v1:0"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".aws"
    folder.mkdir()
    folder.joinpath("credentials").write_text(FILE, "utf-8")
    return tmp_path


@pytest.fixture
def sign(request_to, monkeypatch: pytest.MonkeyPatch):
    """The key that a request is signed with, and its session token, in this environment and no other."""

    def signed(**environ: str) -> tuple[str | None, str | None]:
        for name in (*os.environ,):
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        monkeypatch.delenv("HOME", raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        request = request_to(MODEL, environ)
        found = re.search(r"Credential=([\w-]+)/", request.headers["authorization"])
        return found and found[1], request.headers.get("x-amz-security-token")

    return signed


def test_the_default_profile_is_used_where_the_environment_has_no_key(home: Path, sign) -> None:
    assert sign(HOME=str(home)) == ("first-access-key", None)


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_is_named_by_the_environment(home: Path, sign, variable: str) -> None:
    assert sign(HOME=str(home), **{variable: "work"}) == ("work-access-key", "work-session")


def test_a_key_in_the_environment_goes_before_the_file(home: Path, sign) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "env-access-key", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    assert sign(HOME=str(home), AWS_PROFILE="work", **keys) == ("env-access-key", "t")


def test_the_file_may_be_elsewhere(home: Path, sign, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.write_text("[default]\naws_access_key_id=other-key\naws_secret_access_key=s\n", "utf-8")
    assert sign(HOME=str(home), AWS_SHARED_CREDENTIALS_FILE=str(place)) == ("other-key", None)
    assert sign(HOME=str(tmp_path), AWS_SHARED_CREDENTIALS_FILE="~/elsewhere") == ("other-key", None)


def test_a_file_that_was_renewed_is_read_again(home: Path) -> None:
    environ = {"HOME": str(home)}
    assert _aws_files.from_file(environ) == Credentials("first-access-key", "first%secret")
    assert _aws_files.from_file(environ) is _aws_files.from_file(environ)
    (home / ".aws" / "credentials").write_text("[default]\naws_access_key_id=b\naws_secret_access_key=c\n", "utf-8")
    assert _aws_files.from_file(environ) == Credentials("b", "c")


@pytest.mark.parametrize("profile", ["nobody", "half"])
def test_a_profile_without_a_key_is_a_missing_key(home: Path, sign, profile: str) -> None:
    with pytest.raises(MissingKey, match=r"~/\.aws/credentials \(AWS_PROFILE"):
        sign(HOME=str(home), AWS_PROFILE=profile)


@pytest.mark.parametrize("text", ["", "no section", "[default\n", "\x00", "[default]\nx"])
def test_a_file_of_nonsense_holds_no_key(home: Path, text: str) -> None:
    (home / ".aws" / "credentials").write_text(text, "utf-8")
    assert _aws_files.from_file({"HOME": str(home)}) is None
    assert _aws_files.from_file({}) is None


def test_a_key_of_a_file_goes_to_its_vendors_address_only(home: Path, request_to, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(MissingKey):
        request_to(MODEL, {"HOME": str(home)}, base_url="https://proxy.example")
