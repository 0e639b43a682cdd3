from __future__ import annotations

import inspect
import pickle
import re

import pytest

from modelmux import errors
from modelmux.errors import Billed, ModelmuxError, ProviderError, Retry, UnknownName

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, ModelmuxError)]


def drawn_tree() -> dict[str, tuple[int, str | None]]:
    """Class name -> (indent, retry word) as the module's docstring draws it."""
    tree = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([ │├└─]*)(\w+)\b(.*)$", line)
        if match and match[2] in vars(errors) and ("─" in match[1] or match[2] == "ModelmuxError"):
            retry = re.search(r"\b(SAME|ELSEWHERE|NEVER)\s*$", match[3])
            tree[match[2]] = (len(match[1]), retry and retry[1])
    return tree


def test_the_docstring_draws_every_class() -> None:
    assert set(drawn_tree()) == {cls.__name__ for cls in CLASSES}


def test_the_tree_drawn_is_the_tree_that_is() -> None:
    stack: list[tuple[int, str]] = []
    for name, (indent, _) in drawn_tree().items():
        while stack and stack[-1][0] >= indent:
            stack.pop()
        if stack:
            assert vars(errors)[stack[-1][1]] in vars(errors)[name].__bases__, name
        stack.append((indent, name))


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if issubclass(cls, ProviderError)], ids=lambda c: c.__name__)
def test_the_retry_class_drawn_is_the_default(cls: type[ProviderError]) -> None:
    drawn = drawn_tree()[cls.__name__][1]
    if drawn is not None:
        assert cls("x").retry is Retry[drawn]


def test_a_provider_error_carries_what_is_known() -> None:
    error = errors.RateLimited(
        "slow down", status=429, code="rate_limit_exceeded", request_id="req_1", retry_after=2.5, endpoint="a/b"
    )
    assert (error.status, error.code, error.request_id, error.retry_after) == (429, "rate_limit_exceeded", "req_1", 2.5)
    assert (error.retry, error.billed) == (Retry.SAME, Billed.NO)
    assert str(error) == "a/b, HTTP 429, rate_limit_exceeded: slow down"


@pytest.mark.parametrize(
    "error",
    [
        errors.ContextTooLong("too long", status=400, param="messages", body={"a": 1}),
        errors.ConfigError("wrong", field="x"),
        errors.DeadlineExceeded("late", deadline=1.0, phase="connect"),
        errors.CurrencyMismatch("USD", "KRW"),
        UnknownName("model", "gpt5", ["gpt-5"]),
    ],
    ids=lambda e: type(e).__name__,
)
def test_errors_survive_pickle(error: ModelmuxError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.__dict__ == error.__dict__


def test_an_unknown_name_says_what_comes_close() -> None:
    error = UnknownName("policy", "cheepest", ["cheapest", "fastest"])
    assert "did you mean 'cheapest'?" in str(error)
    assert isinstance(error, LookupError)


def test_the_tree_says_whom_each_failure_blames_and_how_much_it_counts():
    rows = re.findall(r"── (\w+) .*(?:SAME|ELSEWHERE|NEVER) +(\w+) *(at once|\d+)?$", errors.__doc__, re.MULTILINE)
    said = {name: (whose, weight) for name, whose, weight in rows}
    for cls in vars(errors).values():
        if isinstance(cls, type) and issubclass(cls, errors.ProviderError) and cls is not errors.ProviderError:
            weight = "at once" if cls.weight >= errors.AT_ONCE else f"{cls.weight:g}"
            assert said.pop(cls.__name__) == (cls.blames, "" if cls.blames == "caller" else weight)
            assert (cls.weight > 0) == (cls.blames != "caller") or cls is errors.RateLimited
            first, longest = cls.ejection
            assert 0 < first <= longest
    assert not said
