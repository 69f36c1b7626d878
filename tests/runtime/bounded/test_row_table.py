"""A table of rows finds what a plain comparison with every row finds."""

from __future__ import annotations

import pytest
import torch

from sysidc.runtime.bounded.row_table import RowTable


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_row_is_found_where_the_same_numbers_come_again(dtype: torch.dtype) -> None:
    keys = torch.randn(500, 3, generator=torch.Generator().manual_seed(0), dtype=dtype)
    values = torch.arange(500.0)[:, None]
    order = torch.randperm(500, generator=torch.Generator().manual_seed(1))
    found, known = RowTable(keys, values).find(keys[order])
    assert known.all()
    torch.testing.assert_close(found[:, 0], order.float())


def test_twins_share_the_value_of_the_first() -> None:
    keys = torch.randint(-1, 2, (200, 2), generator=torch.Generator().manual_seed(0)).double()
    found, known = RowTable(keys, torch.arange(200.0)[:, None]).find(keys)
    first = [(keys == key).all(1).nonzero()[0, 0] for key in keys]
    assert known.all() and found[:, 0].tolist() == torch.stack(first).tolist()


def test_zero_has_no_sign_and_its_neighbour_is_another_number() -> None:
    table = RowTable(torch.zeros(1, 2), torch.ones(1, 1))
    tiny = torch.full((1, 2), torch.finfo(torch.float64).tiny, dtype=torch.float64)
    assert table.find(-torch.zeros(1, 2))[1].tolist() == [True]
    assert table.find(tiny)[1].tolist() == [False]
    assert table.find(torch.full((1, 2), 3.0))[0].tolist() == [[1.0]]


def test_two_rows_of_one_hash_are_told_apart() -> None:
    table = RowTable(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[10.0], [20.0], [40.0]]))
    table._factors[:], table._hashes[:] = 0, 0
    values, known = table.find(torch.tensor([*table._keys[::-1].tolist(), [8.0]]))
    assert known.tolist() == [True, True, True, False]
    assert values[:3, 0].tolist() == table.values[table._order[[2, 1, 0]], 0].tolist()
