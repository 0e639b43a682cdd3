"""Payloads as JSON: what has no JSON form is refused before it is sent, however long what stands around it is."""

from __future__ import annotations

import json
import math
from collections import OrderedDict

import pytest

from modelmux._dropin.payload import json_bytes

LONG_TEXT = "NaN and Infinity are words, too. " * 5_000
MANY = list(range(50_000))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "around",
    [
        lambda wrong: wrong,
        lambda wrong: {"temperature": wrong},
        lambda wrong: {"temperature": wrong, "input": LONG_TEXT},
        lambda wrong: {"messages": [{"content": LONG_TEXT}], "tools": [{"schema": ({"minimum": wrong},)}]},
        lambda wrong: {"input": [*MANY, wrong]},
        lambda wrong: {"input": [[1.5] * 10] * 500 + [[wrong]]},
        lambda wrong: OrderedDict({"input": MANY, "more": OrderedDict({"bound": wrong})}),
    ],
)
def test_what_is_no_finite_number_is_refused_wherever_it_stands(wrong, around) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_bytes(around(wrong))


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        None,
        1.5,
        {"messages": [{"role": "user", "content": LONG_TEXT}], "max_tokens": 100, "temperature": 0.5},
        {"input": [*MANY, "Infinity"]},
        {"input": [[0.25, -1e300]] * 5_000, "note": "NaN"},
    ],
)
def test_what_is_finite_goes_out_as_it_is(value) -> None:
    assert json.loads(json_bytes(value)) == value
