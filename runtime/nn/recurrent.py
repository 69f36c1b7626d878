"""Recurrent layers: one class that is handed torch's cell, and its three names."""

from __future__ import annotations

from typing import Literal, overload

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from sysidc.runtime.nn.state import StateLayer

State = Tensor | tuple[Tensor, Tensor]


class Recurrent(StateLayer):
    """(y[t], s[t]) = cell(x[t], s[t-1]), every step returned.

    x (batch, time, input_size) -> (batch, time, hidden_size), in the dtype of the parameters, which are the cell's
    (any torch.nn.RNNBase with batch_first). Works at any length; looks back to the start of the window, never ahead.

    The state starts at zero, or at the one given. With `return_state` the state after the last step comes too, to be
    given to the next call: a record in pieces then gives what it gives as a whole. A state is h of shape
    (num_layers, batch, hidden_size), for an LSTM the pair (h, c).
    """

    def __init__(self, cell: nn.RNNBase, initial: str = "zero") -> None:
        super().__init__()
        if not cell.batch_first or cell.bidirectional:
            raise ValueError("the cell must be batch_first and run forwards only")
        self.cell = cell
        self.initial = initial
        self.states = cell.num_layers * cell.hidden_size * (2 if isinstance(cell, nn.LSTM) else 1)

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """The states of the stacked cells side by side, for an LSTM h and c of each; dropout does not act here."""
        per_cell = self.states // self.cell.num_layers
        after = []
        for index in range(self.cell.num_layers):
            weights = [getattr(self.cell, f"{name}_l{index}") for name in ("weight_ih", "weight_hh")]
            biases = [getattr(self.cell, f"{name}_l{index}", None) for name in ("bias_ih", "bias_hh")]
            state = x[..., index * per_cell : (index + 1) * per_cell]
            moved = CELLS[self.cell.mode](state, u, *weights, *biases)
            u = moved[..., : self.cell.hidden_size]
            after.append(moved)
        return torch.cat(after, dim=-1), u

    @overload
    def forward(self, x: Tensor, state: State | None = None, return_state: Literal[False] = False) -> Tensor: ...

    @overload
    def forward(self, x: Tensor, state: State | None, return_state: Literal[True]) -> tuple[Tensor, State]: ...

    @overload
    def forward(
        self, x: Tensor, state: State | None = None, *, return_state: Literal[True]
    ) -> tuple[Tensor, State]: ...

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: Tensor, state: State | None = None, return_state: bool = False
    ) -> Tensor | tuple[Tensor, State]:
        y, after = self.cell(x, state)
        return (y, after) if return_state else y


class GRU(Recurrent):
    """Gated recurrent unit, torch.nn.GRU; shapes and state as in `Recurrent`.

    3 hidden_size (input_size + hidden_size + 2) parameters in the first layer. Source: Cho et al. (2014).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        dropout: float = 0.0,
        initial: str = "zero",
    ) -> None:
        cell = nn.GRU(input_size, hidden_size, num_layers, bias, batch_first=True, dropout=dropout)
        super().__init__(cell, initial)


class LSTM(Recurrent):
    """Long short-term memory, torch.nn.LSTM; shapes and state as in `Recurrent`.

    4 hidden_size (input_size + hidden_size + 2) parameters in the first layer. Source: Hochreiter, Schmidhuber (1997).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        dropout: float = 0.0,
        initial: str = "zero",
    ) -> None:
        cell = nn.LSTM(input_size, hidden_size, num_layers, bias, batch_first=True, dropout=dropout)
        super().__init__(cell, initial)


class RNN(Recurrent):
    """h[t] = tanh(A x[t] + a + B h[t-1] + b) (or relu), torch.nn.RNN; shapes and state as in `Recurrent`.

    hidden_size (input_size + hidden_size + 2) parameters in the first layer. Source: Elman (1990).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        bias: bool = True,
        dropout: float = 0.0,
        initial: str = "zero",
    ) -> None:
        cell = nn.RNN(input_size, hidden_size, num_layers, nonlinearity, bias, batch_first=True, dropout=dropout)
        super().__init__(cell, initial)


def gru_cell(h: Tensor, u: Tensor, w: Tensor, v: Tensor, a: Tensor | None, b: Tensor | None) -> Tensor:
    """h (..., hidden) after one step on u (..., inputs); w, v, a, b: torch's weight_ih, weight_hh, bias_ih, bias_hh."""
    r, z, n = linear(u, w, a).chunk(3, dim=-1)
    s, y, m = linear(h, v, b).chunk(3, dim=-1)
    forget = (z + y).sigmoid()
    return (1 - forget) * (n + (r + s).sigmoid() * m).tanh() + forget * h


def lstm_cell(state: Tensor, u: Tensor, w: Tensor, v: Tensor, a: Tensor | None, b: Tensor | None) -> Tensor:
    """h and c side by side, (..., 2 hidden)."""
    h, c = state.chunk(2, dim=-1)
    i, f, g, o = (linear(u, w, a) + linear(h, v, b)).chunk(4, dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return torch.cat([o.sigmoid() * c.tanh(), c], dim=-1)


def tanh_cell(h: Tensor, u: Tensor, w: Tensor, v: Tensor, a: Tensor | None, b: Tensor | None) -> Tensor:
    return (linear(u, w, a) + linear(h, v, b)).tanh()


def relu_cell(h: Tensor, u: Tensor, w: Tensor, v: Tensor, a: Tensor | None, b: Tensor | None) -> Tensor:
    return (linear(u, w, a) + linear(h, v, b)).relu()


CELLS = {"GRU": gru_cell, "LSTM": lstm_cell, "RNN_TANH": tanh_cell, "RNN_RELU": relu_cell}
