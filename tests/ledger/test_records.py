from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rows import intent, outcome
from modelmux.cost.records import COLUMNS, SCHEMA, AttemptRow, NewerRecord, decode, encode, lost, rank, storable
from modelmux.money import Money

TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)


@given(
    text=TEXTS,
    tags=st.dictionaries(TEXTS, TEXTS, max_size=3),
    units=st.dictionaries(TEXTS, st.integers(min_value=0), max_size=3),
    cost=st.none() | st.integers(),
    when=st.floats(min_value=0, max_value=1e11),
)
def test_a_record_comes_back_as_it_went(text: str, tags: dict, units: dict, cost: int | None, when: float) -> None:
    row = outcome(text=text, tags=tags, units=units, cost_nano=cost, started_at=when)
    assert decode(encode(row)) == row


def test_a_record_is_one_flat_json_array_headed_by_its_layout() -> None:
    values = json.loads(encode(outcome()))
    assert values[0] == SCHEMA
    assert dict(zip(COLUMNS, values[1:], strict=True)) == outcome()._asdict()


def test_half_a_surrogate_pair_does_not_lose_the_record() -> None:
    row = decode(encode(outcome(text="a\ud83d", tags={"k\udc00": "v\ud800"})))
    assert (row.text, dict(row.tags)) == ("a?", {"k?": "v?"})
    assert row._replace(text=None, tags=outcome().tags) == outcome()


def test_values_of_foreign_types_are_written_as_text_or_objects() -> None:
    class Words(dict):
        pass

    row = decode(encode(outcome(user=ValueError("odd"), units=Words(input=3))))  # type: ignore[arg-type]
    assert (row.user, row.units) == ("odd", {"input": 3})


def test_a_later_layout_is_told_apart_from_rubbish() -> None:
    with pytest.raises(NewerRecord):
        decode(json.dumps([SCHEMA + 1, "id", "call"]).encode())
    for rubbish in (b"", b"{", b"{}", b"[]", b'["1"]', b"[1]", b"[1, 2]", b"3", json.dumps([1] * 99).encode()):
        with pytest.raises(ValueError):
            decode(rubbish)


def test_missing_trailing_columns_take_their_defaults() -> None:
    assert decode(b'[1, "a", "c", 2, "ok"]') == AttemptRow("a", "c", 2, "ok")


def test_an_outcome_ranks_above_unknown_above_an_intent() -> None:
    assert rank("intent") < rank("unknown") < rank("ok") == rank("failed") == rank("cancelled") == rank("cut")
    assert [row.final for row in (intent(), lost(intent()), outcome(), outcome(state="cut"))] == [
        False,
        False,
        True,
        True,
    ]


def test_what_a_dead_process_left_open_is_unknown_and_keeps_its_bound() -> None:
    row = lost(intent(cost_nano=7, cost_status="estimated"))
    assert (row.state, row.cost, row.cost_status, row.bound) == ("unknown", None, "unknown", Money(5_000_000))


def test_a_cost_beyond_the_column_becomes_unknown_and_says_so() -> None:
    row = storable(outcome(cost_nano=2**70, text="\ud800"))
    assert (row.cost_nano, row.cost_status, row.text) == (None, "unknown", "?")
    assert str(2**70) in str(row.cost_source)
    assert storable(outcome()) == outcome()


def test_rows_travel_by_pickle() -> None:
    assert pickle.loads(pickle.dumps(outcome())) == outcome()
