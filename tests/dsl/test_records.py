"""The quick dataclasses are to their users what those of the standard module are."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from sysidc.dsl import records


@records.dataclass(frozen=True)
class Quick:
    a: int
    b: tuple[int, ...] = ()
    c: dict[str, int] = records.field(default_factory=dict, compare=False)
    d: Any = records.field(default=None, repr=False)


@records.dataclass(frozen=True)
class QuickChild(Quick):
    e: str = "e"


@records.dataclass
class QuickOpen:
    a: int = 1


@dataclasses.dataclass(frozen=True)
class Slow:
    a: int
    b: tuple[int, ...] = ()
    c: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
    d: Any = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class SlowChild(Slow):
    e: str = "e"


PAIRS = [pytest.param(Quick, Slow, id="parent"), pytest.param(QuickChild, SlowChild, id="child")]


@pytest.mark.parametrize(("quick", "slow"), PAIRS)
def test_values_are_shown_compared_and_hashed_alike(quick: type[Any], slow: type[Any]) -> None:
    assert repr(quick(1, (2,))) == repr(slow(1, (2,))).replace("Slow", "Quick")
    assert quick(1, c={"x": 1}) == quick(a=1) and slow(1, c={"x": 1}) == slow(a=1)
    assert quick(1) != quick(2) and quick(1) != slow(1)
    assert hash(quick(1, (2,))) == hash(slow(1, (2,)))
    assert quick(1).c is not quick(1).c
    assert quick.__match_args__ == slow.__match_args__


@pytest.mark.parametrize(("quick", "slow"), PAIRS)
def test_the_standard_functions_take_them(quick: Any, slow: Any) -> None:
    def told(kind: type[Any]) -> list[tuple[Any, ...]]:
        return [(field.name, field.type, field.default, field.repr) for field in dataclasses.fields(kind)]

    assert told(quick) == told(slow)
    assert dataclasses.asdict(quick(1, d=quick(2))) == dataclasses.asdict(slow(1, d=slow(2)))
    for replace in (records.replace, dataclasses.replace):
        assert replace(quick(1), b=(3,)) == quick(1, (3,))
    assert TypeAdapter(quick).validate_python({"a": 1, "b": [2]}) == quick(1, (2,))
    with pytest.raises(ValidationError):
        TypeAdapter(quick).validate_python({"a": "x"})
    assert dataclasses.is_dataclass(quick)


@pytest.mark.parametrize("kind", [Quick, Slow])
def test_a_frozen_value_stays_as_it_is(kind: Any) -> None:
    value = kind(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.a = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.a
    assert copy.deepcopy(value) == value and pickle.loads(pickle.dumps(value)) == value


def test_a_value_that_is_not_frozen_can_change_and_has_no_hash() -> None:
    value = QuickOpen()
    value.a = 2
    assert value == QuickOpen(2)
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), ((1, (), {}, 1, 1), {}), ((1,), {"z": 1}), ((1,), {"a": 1})], ids=str
)
@pytest.mark.parametrize("kind", [Quick, Slow])
def test_wrong_values_are_refused(kind: Any, values: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        kind(*values, **named)
