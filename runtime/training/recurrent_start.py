"""A linear model put into recurrent cells: gates held open, tanh in its straight part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sysidc.runtime.nn.recurrent import Recurrent
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.training.linear_start import LinearStart

SIZE = 0.1
"""Standard deviation of the states, where tanh is straight within a percent."""
OPEN = 2.0
"""Before the logistic function of a gate that lets through."""
KEPT = 0.1
"""Of their random weights what gates keep in further starts: in the first they see nothing."""


def cells_and_head(stack: nn.Module) -> tuple[Recurrent, nn.Linear] | None:
    """One layer of cells with a straight part, and the linear layer behind it that shows their states, where a stack is
    these two and there are more cells than outputs."""
    layers = list(stack.children())
    if len(layers) != 2 or not isinstance(layers[0], Recurrent) or not isinstance(layers[1], nn.Linear):
        return None
    cells, head = layers[0], layers[1]
    fits = cells.cell.num_layers == 1 and cells.cell.bias and cells.cell.mode != "RNN_RELU" and head.bias is not None
    return (cells, head) if fits and head.in_features > head.out_features else None


def write_cells(
    cells: Recurrent, head: nn.Linear, start: LinearStart, records: Sequence[np.ndarray], first: bool
) -> None:
    """The linear model, its last outputs being further states: the output shows the state behind a step, y = H h[k+1].

    `records` are the model's inputs, (time, inputs) each. In all starts but the `first` gates see a little.
    """
    model = shown_behind(start.model).scaled(records).transformed(SIZE * np.eye(head.in_features))
    like = head.weight
    A, B, C = (torch.as_tensor(matrix).to(like) for matrix in (model.A, model.B, model.C))
    with torch.no_grad():
        W, V, a, b = cells.cell.parameters()
        for parameter, kept in ((W, KEPT), (V, KEPT), (a, 0.0), (b, 0.0)):
            parameter.mul_(0.0 if first else kept)
        shown = WRITTEN[cells.cell.mode](A, B, W, V, a)
        moved = torch.as_tensor(start.input_mean).to(like)
        a.sub_(W @ moved)
        head.weight.copy_(C / shown)
        head.bias.copy_(torch.as_tensor(start.output_mean))


def shown_behind(model: LinearModel) -> LinearModel:
    """The same response as y[k] = C z[k+1]: z[k+1] holds x[k+1] and C x[k] + D u[k]."""
    n, (outputs, inputs) = model.order, model.D.shape
    A = np.block([[model.A, np.zeros((n, outputs))], [model.C, np.zeros((outputs, outputs))]])
    C = np.hstack([np.zeros((outputs, n)), np.eye(outputs)])
    return LinearModel(A, np.vstack([model.B, model.D]), C, np.zeros((outputs, inputs)))


def _gru(A: Tensor, B: Tensor, W: Tensor, V: Tensor, a: Tensor) -> float:
    """h' = (1 - z) (W u + r V h) + z h."""
    n = len(A)
    a[:n], a[n : 2 * n] = OPEN, -OPEN
    r, z = _logistic(OPEN), _logistic(-OPEN)
    W[2 * n :] = B / (1 - z)
    V[2 * n :] = (A - z * torch.eye(n).to(A)) / (1 - z) / r
    return 1.0


def _lstm(A: Tensor, B: Tensor, W: Tensor, V: Tensor, a: Tensor) -> float:
    """c' = f c + i (W u + V h), h = o c: the states are those of c."""
    n = len(A)
    a[:n], a[3 * n :] = OPEN, OPEN
    i, f, o = _logistic(OPEN), _logistic(0.0), _logistic(OPEN)
    W[2 * n : 3 * n] = B / i
    V[2 * n : 3 * n] = (A - f * torch.eye(n).to(A)) / i / o
    return o


def _rnn(A: Tensor, B: Tensor, W: Tensor, V: Tensor, a: Tensor) -> float:
    W.copy_(B)
    V.copy_(A)
    return 1.0


def _logistic(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


WRITTEN = {"GRU": _gru, "LSTM": _lstm, "RNN_TANH": _rnn}
