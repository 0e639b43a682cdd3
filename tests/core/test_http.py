from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux._http import SSE, FrameTooLong, LineSplitter, SSEDecoder, origin_of, sse


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    points = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *points], [*points, len(data)], strict=True)]


def decode(pieces: list[bytes]) -> list[SSE]:
    decoder = SSEDecoder()
    out = [event for piece in pieces for event in decoder.feed(piece)]
    return out + decoder.close()


lines = st.lists(
    st.sampled_from(
        [b"data: a", b"data:b", b"data", b"event: x", b": note", b"id: 7", b"", b"data: \xed\x95\x9c", b"retry: 1"]
    )
)
ends = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(lines, ends, st.lists(st.integers(0, 500)))
def test_any_split_gives_the_same_events(parts: list[bytes], end: bytes, cuts: list[int]) -> None:
    data = end.join(parts) + end
    assert decode(split(data, cuts)) == decode([data])


@given(
    st.text(alphabet=st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1),
    st.lists(st.integers(0, 500)),
)
def test_what_is_framed_comes_back(text: str, cuts: list[int]) -> None:
    assert decode(split(sse(text.encode(), "delta"), cuts)) == [SSE(text.encode(), "delta")]


def test_an_event_without_its_blank_line_is_handed_over_at_the_end() -> None:
    assert decode([b"data: [DONE]"]) == [SSE(b"[DONE]")]


def test_a_byte_order_mark_is_skipped() -> None:
    assert decode([b"\xef\xbb\xbfdata: a\n\n"]) == [SSE(b"a")]


def test_several_data_lines_join_and_names_do_not_leak() -> None:
    assert decode([b"event: one\ndata: a\ndata: b\n\ndata: c\n\n"]) == [SSE(b"a\nb", "one"), SSE(b"c", "")]


def test_an_endless_line_is_refused_in_bounded_memory() -> None:
    splitter = LineSplitter(limit=1000)
    for _ in range(10):
        assert splitter.feed(b"x" * 100) == []
    with pytest.raises(FrameTooLong):
        splitter.feed(b"x")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.example.com/v1", "https://api.example.com:443"),
        ("http://localhost:8000/x?y=1", "http://localhost:8000"),
        ("http://[::1]/", "http://::1:80"),
    ],
)
def test_an_origin_names_its_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin
