"""Frozen dataclasses with the quick ``__init__`` behave as those with the usual one."""

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from modelmux._quick import quick


@dataclass(frozen=True, slots=True)
class Plain:
    a: int
    b: str = "b"
    c: dict[str, int] = field(default_factory=dict)
    d: float = field(default=1.0, kw_only=True)


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    a: int
    b: str = "b"
    c: dict[str, int] = field(default_factory=dict)
    d: float = field(default=1.0, kw_only=True)


@quick
@dataclass(frozen=True, slots=True)
class Child(Quick):
    e: int = 5


@quick
@dataclass(frozen=True, slots=True)
class Checked:
    a: int

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("below nothing")


def values(one):
    return one.a, one.b, one.c, one.d


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1,), {}), ((1, "x", {"y": 2}), {"d": 3.0}), ((), {"a": 1, "c": None, "d": None}), ((1,), {"b": "only"})],
)
def test_takes_what_the_usual_one_takes(args, kwargs):
    assert values(Quick(*args, **kwargs)) == values(Plain(*args, **kwargs))


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, "b", {}, 1.0), {}), ((1,), {"z": 1}), ((1,), {"a": 1})])
def test_refuses_what_the_usual_one_refuses(args, kwargs):
    for kind in (Plain, Quick):
        with pytest.raises(TypeError):
            kind(*args, **kwargs)


def test_signature_names_the_same_parameters_and_types():
    ours, usual = inspect.signature(Quick), inspect.signature(Plain)
    assert list(ours.parameters) == list(usual.parameters)
    for name, parameter in usual.parameters.items():
        assert ours.parameters[name].kind == parameter.kind
        assert ours.parameters[name].annotation == parameter.annotation


def test_factories_make_a_new_value_each_time():
    assert Quick(1).c is not Quick(1).c


def test_stays_frozen_equal_hashable_replaceable_and_pickles():
    one = Quick(1, c={"x": 1})
    with pytest.raises(FrozenInstanceError):
        one.a = 2
    assert replace(one, a=2) == Quick(2, c={"x": 1})
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert hash(Checked(1)) == hash(Checked(1))


def test_inherited_fields_are_set_too():
    child = Child(1, "b", {}, 7, d=2.0)
    assert (*values(child), child.e) == (1, "b", {}, 2.0, 7)
    assert type(child) is Child


def test_post_init_runs():
    with pytest.raises(ValueError, match="below nothing"):
        Checked(-1)
