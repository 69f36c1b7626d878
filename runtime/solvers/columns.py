"""Where the derivatives in every parameter stand among the columns of dx[k+1]/dtheta and dy[k]/dtheta."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


class Learned:
    """The parameters of a module that have columns, and where those of each part of it begin and end.

    `names` are theirs in the module; columns stand in the order of `module.parameters()`. `apart` tells whether no
    parameter belongs to two parts: then the columns of every part stand side by side.
    """

    def __init__(self, module: nn.Module, names: Iterable[str]) -> None:
        named = dict(module.named_parameters())
        wanted = {id(named[name]) for name in names}
        self.first: dict[int, int] = {}
        self.count = 0
        for value in named.values():
            if id(value) in wanted:
                self.first[id(value)] = self.count
                self.count += value.numel()
        self.apart = len(named) == sum(1 for _ in module.named_parameters(remove_duplicate=False))
        self._ranges = {id(part): self._range(part) for part in module.modules()}

    def _range(self, part: nn.Module) -> tuple[int, int]:
        own = [value for value in part.parameters() if id(value) in self.first]
        if not own:
            return 0, 0
        return self.first[id(own[0])], self.first[id(own[-1])] + own[-1].numel()

    def of(self, part: nn.Module) -> dict[str, nn.Parameter]:
        """What learns in a part, under the part's own names."""
        return {name: value for name, value in part.named_parameters() if id(value) in self.first}

    def range(self, part: nn.Module) -> tuple[int, int]:
        """The first column of a part and the one behind its last; both 0 where nothing in it learns."""
        return self._ranges[id(part)]


@dataclass(frozen=True)
class Columns:
    """Derivatives (N, rows, columns) of some rows at N samples, zeros until they are filled in.

    The columns are a part of all of those of `learned`, from number `first` on.
    """

    learned: Learned
    values: Tensor
    first: int = 0

    def of(self, part: nn.Module, first_row: int = 0, last_row: int | None = None) -> Columns:
        """Those of a part, in all rows or in some."""
        first, last = self.learned.range(part)
        here = self.values[:, first_row:last_row, max(0, first - self.first) : max(0, last - self.first)]
        return Columns(self.learned, here, first)

    def beside(self, rows: int) -> Columns:
        """The same columns of so many other rows, in zeros of their own."""
        N, _, width = self.values.shape
        return Columns(self.learned, self.values.new_zeros(N, rows, width), self.first)

    def fill(self, parameter: Tensor | None, slopes: Tensor) -> None:
        """Write those of one parameter, slopes (N, rows, *parameter) or (rows, *parameter), where it learns."""
        here = self._at(parameter)
        if parameter is not None and here is not None:
            here.copy_(slopes.reshape(*slopes.shape[: slopes.ndim - parameter.ndim], parameter.numel()))

    def products(self, parameter: Tensor | None, R: Tensor, z: Tensor) -> None:
        """Of R W z with the parameter W (values, width), or (values) with z of one: R_i z_j.

        R (N, rows, values) or (rows, values), z (N, width).
        """
        here = self._at(parameter)
        if parameter is not None and here is not None:
            torch.mul(R[..., None], z[:, None, None], out=here.view(*here.shape[:2], len(parameter), z.shape[1]))

    def each_row(self, parameter: Tensor | None, z: Tensor, first_row: int = 0) -> None:
        """Of value = W z with the parameter W (values, width): z stands in the columns of W's row i and nowhere else.

        z (N, width), or (N, rows, width) where every row has its own; the rows here are those of W from `first_row` on.
        """
        here = self._at(parameter)
        if parameter is None or here is None:
            return
        width = parameter.numel() // len(parameter)
        diagonal = here.view(*here.shape[:2], len(parameter), width).diagonal(first_row, dim1=1, dim2=2)
        diagonal.copy_(z[..., None] if z.ndim == 2 else z.mT)

    def _at(self, parameter: Tensor | None) -> Tensor | None:
        """Those of one parameter, None where it does not learn or is not there."""
        place = self.learned.first.get(id(parameter))
        if place is None or parameter is None:
            return None
        return self.values[:, :, place - self.first : place - self.first + parameter.numel()]
