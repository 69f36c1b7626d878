"""Recurrent layers: one class that is handed torch's cell, and its three names."""

from __future__ import annotations

from typing import Literal, overload

from torch import Tensor, nn

State = Tensor | tuple[Tensor, Tensor]


class Recurrent(nn.Module):
    """(y[t], s[t]) = cell(x[t], s[t-1]), every step returned.

    x (batch, time, input_size) -> (batch, time, hidden_size), in the dtype of the parameters, which are the cell's
    (any torch.nn.RNNBase with batch_first). Works at any length; looks back to the start of the window, never ahead.

    The state starts at zero, or at the one given. With `return_state` the state after the last step comes too, to be
    given to the next call: a record in pieces then gives what it gives as a whole. A state is h of shape
    (num_layers, batch, hidden_size), for an LSTM the pair (h, c).
    """

    def __init__(self, cell: nn.RNNBase) -> None:
        super().__init__()
        if not cell.batch_first or cell.bidirectional:
            raise ValueError("the cell must be batch_first and run forwards only")
        self.cell = cell

    @overload
    def forward(self, x: Tensor, state: State | None = None, return_state: Literal[False] = False) -> Tensor: ...

    @overload
    def forward(self, x: Tensor, state: State | None, return_state: Literal[True]) -> tuple[Tensor, State]: ...

    @overload
    def forward(
        self, x: Tensor, state: State | None = None, *, return_state: Literal[True]
    ) -> tuple[Tensor, State]: ...

    def forward(
        self, x: Tensor, state: State | None = None, return_state: bool = False
    ) -> Tensor | tuple[Tensor, State]:
        y, after = self.cell(x, state)
        return (y, after) if return_state else y


class GRU(Recurrent):
    """Gated recurrent unit, torch.nn.GRU; shapes and state as in `Recurrent`.

    3 hidden_size (input_size + hidden_size + 2) parameters in the first layer. Source: Cho et al. (2014).
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__(nn.GRU(input_size, hidden_size, num_layers, bias, batch_first=True, dropout=dropout))


class LSTM(Recurrent):
    """Long short-term memory, torch.nn.LSTM; shapes and state as in `Recurrent`.

    4 hidden_size (input_size + hidden_size + 2) parameters in the first layer. Source: Hochreiter, Schmidhuber (1997).
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__(nn.LSTM(input_size, hidden_size, num_layers, bias, batch_first=True, dropout=dropout))


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
    ) -> None:
        super().__init__(
            nn.RNN(input_size, hidden_size, num_layers, nonlinearity, bias, batch_first=True, dropout=dropout)
        )
