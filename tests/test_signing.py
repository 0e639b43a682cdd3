"""Signature Version 4 against the values AWS publishes (its test suite, and the example in its IAM user guide)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from modelmux._http import HttpRequest
from modelmux._signing import Credentials, canonical_request, sign, signing_key

# AWS's own example credentials, printed in its documentation and used by its test suite.
EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = {"content-type": "application/x-www-form-urlencoded"}

# Name in the suite -> method, URL, headers, body, signature.
SUITE = {
    "get-vanilla": ("GET", "/", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "get-vanilla-query-order-key-case": (
        "GET",
        "/?Param2=value2&Param1=value1",
        {},
        b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-vanilla-query-unreserved": (
        "GET",
        f"/?{UNRESERVED}={UNRESERVED}",
        {},
        b"",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    "get-utf8": ("GET", "/\u1234", {}, b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    "get-relative": (
        "GET",
        "/example/..",
        {},
        b"",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-slash": ("GET", "//", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "post-vanilla": ("POST", "/", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "post-vanilla-query": (
        "POST",
        "/?Param1=value1",
        {},
        b"",
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
    ),
    "post-x-www-form-urlencoded": (
        "POST",
        "/",
        FORM,
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
}


def signature(headers: dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize("name", SUITE)
def test_the_published_suite(name: str):
    method, path, headers, body, expected = SUITE[name]
    request = HttpRequest(method, f"https://example.amazonaws.com{path}", headers, body)
    assert signature(sign(request, EXAMPLE, "us-east-1", "service", NOW)) == expected


def test_the_example_of_the_user_guide():
    request = HttpRequest(
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "user-agent": "not signed"},
    )
    signed = sign(request, EXAMPLE, "us-east-1", "iam", NOW)
    assert signed == {
        "x-amz-date": "20150830T123600Z",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        ),
    }


def test_the_signing_key_of_the_user_guide():
    key = signing_key(EXAMPLE.secret_key, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


def test_a_session_token_is_sent_and_signed():
    held = Credentials("AKIDEXAMPLE", "secret", "a-session-token")
    signed = sign(HttpRequest("POST", "https://example.amazonaws.com/"), held, "us-east-1", "service", NOW)
    assert signed["x-amz-security-token"] == "a-session-token"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in signed["authorization"]


def test_the_path_is_encoded_once_more_than_it_is_sent():
    request = HttpRequest("POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/nova-v1%3A0/converse")
    assert canonical_request(request, {})[0].split("\n")[1] == "/model/nova-v1%253A0/converse"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.com:443/", "example.com"),
        ("http://example.com:8080/", "example.com:8080"),
        ("http://[::1]:9/", "[::1]:9"),
    ],
)
def test_the_host_is_signed_as_it_is_sent(url: str, host: str):
    assert f"\nhost:{host}\n" in canonical_request(HttpRequest("GET", url), {})[0]


def test_credentials_show_no_secret():
    assert "hidden" not in repr(Credentials("id", "hidden", "hidden too"))
