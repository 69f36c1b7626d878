"""A checkpoint gives back what was put into it, and refuses what it has no form for."""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from safetensors import safe_open

from sysidc.runtime.runs.checkpoints import decode, encode, read_tree, write_tree
from sysidc.runtime.runs.mistakes import RunError

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.complex64, torch.complex128, torch.int64, torch.bool]
KEYS = some.one_of(some.text(max_size=5), some.integers(), some.just("$tensor"))


@some.composite
def tensors(draw: some.DrawFn) -> torch.Tensor:
    shape = draw(some.lists(some.integers(0, 3), max_size=3))
    whole = torch.randn(2 * math.prod(shape) + 2)[: math.prod(shape)].reshape(shape)
    found = whole.to(draw(some.sampled_from(DTYPES)))
    if found.ndim < 2 or found.numel() == 0:
        return found
    ways = [found, found.transpose(0, -1), found[-1:], found[..., -1], found[:1].expand(3, *found.shape[1:])]
    return draw(some.sampled_from(ways))


LEAVES = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.floats(),
    some.text(max_size=5),
    tensors(),
    some.sampled_from(DTYPES),
    some.builds(torch.Size, some.lists(some.integers(0, 9), max_size=3)),
    some.just(torch.device("cpu")),
    some.builds(Counter, some.lists(some.integers(0, 3), max_size=4)),
)
TREES = some.recursive(
    LEAVES,
    lambda inner: some.one_of(
        some.lists(inner, max_size=3),
        some.lists(inner, max_size=3).map(tuple),
        some.dictionaries(KEYS, inner, max_size=3),
        some.dictionaries(KEYS, inner, max_size=3).map(OrderedDict),
    ),
    max_leaves=12,
)


def bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.clone(memory_format=torch.contiguous_format).view(-1).view(torch.uint8)


def assert_same(found: Any, given: Any) -> None:
    """Equal, of one type (mappings but counters becoming dicts), NaN being equal to itself."""
    if isinstance(given, torch.Tensor):
        assert found.dtype == given.dtype and found.shape == given.shape
        assert found.stride() == given.stride() or given.numel() == 0
        assert torch.equal(bits(found), bits(given))
    elif isinstance(given, dict) and not isinstance(given, Counter):
        assert type(found) is dict and list(found) == list(given)
        for key in given:
            assert_same(found[key], given[key])
    elif isinstance(given, list | tuple):
        assert type(found) is type(given) and len(found) == len(given)
        for one, other in zip(found, given, strict=True):
            assert_same(one, other)
    else:
        assert type(found) is type(given)
        assert found == given or (found != found and given != given)


@given(TREES)
def test_a_tree_comes_back_as_it_was(tree: Any) -> None:
    kept: dict[str, torch.Tensor] = {}
    written = json.loads(json.dumps(encode(tree, kept), allow_nan=False))
    assert_same(decode(written, kept), tree)


def test_a_file_holds_no_pickle_and_comes_back(tmp_path: Path) -> None:
    shared = torch.arange(6.0)
    tree = {"a": shared[:3], "b": shared[3:], 0: (shared.view(2, 3).T, torch.tensor(1 + 2j)), "random": [math.inf]}
    path = tmp_path / "a.safetensors"
    write_tree(path, tree)
    assert_same(read_tree(path), tree)
    with safe_open(path, framework="pt") as file:
        assert list(file.metadata()) == ["tree"]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_states_of_optimisers_and_schedulers_come_back(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([weight], lr=0.1)
    schedulers = [
        torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2]),
        torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 10),
        torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer),
        torch.optim.lr_scheduler.CyclicLR(optimizer, 0.01, 0.1),
    ]
    weight.square().sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    states = [optimizer.state_dict(), *(scheduler.state_dict() for scheduler in schedulers), torch.get_rng_state()]
    write_tree(tmp_path / "a", states)
    assert_same(read_tree(tmp_path / "a"), states)


@pytest.mark.parametrize(
    "unknown",
    [object(), {1, 2}, b"bytes", lambda: 0, torch.eye(2).to_sparse()],
    ids=lambda value: type(value).__name__,
)
def test_an_unknown_type_is_refused_with_its_place(unknown: object) -> None:
    with pytest.raises(TypeError, match=r"checkpoint\.callbacks\[1\]"):
        encode({"callbacks": [0, unknown]}, {})


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_was_cut_is_refused_by_name(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.safetensors"
    write_tree(path, {"a": torch.ones(100)})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(RunError, match=r"a\.safetensors"):
        read_tree(path)


def test_a_weights_file_is_no_checkpoint(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(RunError, match=r"a\.safetensors"):
        read_tree(tmp_path / "a.safetensors")
