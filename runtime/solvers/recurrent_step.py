"""The linear model of one step of recurrent layers, and what their parameters do to the state behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from sysidc.runtime.nn.recurrent import Recurrent
from sysidc.runtime.solvers.columns import Columns
from sysidc.runtime.solvers.linear_step import Linear


class Gates(NamedTuple):
    """What the state behind a step owes to the gates' inputs a = W u + .. and c = V h + .. (N, gates * hidden), number
    by number: in_a and in_c (N, parts, gates, hidden), the parts of a state being h, or h and c; and what it owes to
    the state before directly, (N, n, n)."""

    after: Tensor
    in_a: Tensor
    in_c: Tensor
    direct: Tensor


def gru_gates(h: Tensor, a: Tensor, c: Tensor) -> Gates:
    """h' = (1 - z) t + z h,  t = tanh(a_n + r c_n),  r and z logistic in a + c."""
    width = h.shape[-1]
    r, z = (a + c)[..., : 2 * width].sigmoid().chunk(2, dim=-1)
    m = c[..., 2 * width :]
    t = (a[..., 2 * width :] + r * m).tanh()
    to_t = (1 - z) * (1 - t.square())
    to_r, to_z = to_t * m * r * (1 - r), (h - t) * z * (1 - z)
    in_a, in_c = (torch.stack([to_r, to_z, last], dim=1)[:, None] for last in (to_t, to_t * r))
    return Gates(t + z * (h - t), in_a, in_c, torch.diag_embed(z))


def lstm_gates(state: Tensor, a: Tensor, b: Tensor) -> Gates:
    """c' = f c + i g,  h' = o tanh(c'),  i, f and o logistic in a + b, g its tanh."""
    c = state.chunk(2, dim=-1)[1]
    i, f, g, o = (a + b).chunk(4, dim=-1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    cell = f * c + i * g
    seen = cell.tanh()
    through = o * (1 - seen.square())
    moved = torch.stack([g * i * (1 - i), c * f * (1 - f), i * (1 - g.square()), torch.zeros_like(o)], dim=1)
    shown = through[:, None] * moved
    shown[:, 3] = seen * o * (1 - o)
    slopes = torch.stack([shown, moved], dim=1)
    kept = torch.cat([torch.diag_embed(through * f), torch.diag_embed(f)], dim=1)
    direct = torch.cat([torch.zeros_like(kept), kept], dim=2)
    return Gates(torch.cat([o * seen, cell], dim=-1), slopes, slopes, direct)


def tanh_gates(h: Tensor, a: Tensor, c: Tensor) -> Gates:
    after = (a + c).tanh()
    return _single(after, 1 - after.square())


def relu_gates(h: Tensor, a: Tensor, c: Tensor) -> Gates:
    after = (a + c).relu()
    return _single(after, torch.gt(after, 0).to(after))


def _single(after: Tensor, slope: Tensor) -> Gates:
    """Of a cell that forgets the state before but for what the gate sees of it."""
    return Gates(after, slope[:, None, None], slope[:, None, None], torch.zeros_like(torch.diag_embed(slope)))


GATES: dict[str, Callable[[Tensor, Tensor, Tensor], Gates]] = {
    "GRU": gru_gates,
    "LSTM": lstm_gates,
    "RNN_TANH": tanh_gates,
    "RNN_RELU": relu_gates,
}


def recurrent_step(module: Recurrent, x: Tensor, u: Tensor, G: Columns | None) -> tuple[Linear, Columns | None]:
    """Of one layer of cells at x (N, n) and u (N, m); with G, which takes dx[k+1]/dtheta, also dy/dtheta."""
    cell, (W, V, *biases) = module.cell, module.cell.all_weights[0]
    bias_in, bias_back = biases if biases else (None, None)
    h = x[:, : cell.hidden_size]
    gates = GATES[cell.mode](x, linear(u, W, bias_in), linear(h, V, bias_back))
    B = _spread(gates.in_a, W)
    A = gates.direct + pad(_spread(gates.in_c, V), (0, x.shape[1] - h.shape[1]))
    shown = slice(cell.hidden_size)
    step = Linear(gates.after, gates.after[:, shown], A, B, A[:, shown], B[:, shown])
    if G is None:
        return step, None
    for weight, bias, seen, slopes in ((W, bias_in, u, gates.in_a), (V, bias_back, h, gates.in_c)):
        _gate_columns(G, module, weight, seen, slopes)
        _gate_columns(G, module, bias, torch.ones_like(u[:, :1]), slopes)
    H = G.beside(cell.hidden_size)
    H.values.copy_(G.values[:, shown])
    return step, H


def _spread(slopes: Tensor, W: Tensor) -> Tensor:
    """Slopes (N, parts, gates, hidden) in what W (gates * hidden, width) makes, taken on to what it sees."""
    N, parts, gates, hidden = slopes.shape
    spread: Tensor = torch.einsum("npgh,ghw->nphw", slopes, W.view(gates, hidden, -1))
    return spread.reshape(N, parts * hidden, -1)


def _gate_columns(G: Columns, module: nn.Module, parameter: Tensor | None, seen: Tensor, slopes: Tensor) -> None:
    """Number i of every part depends on row i of every gate alone."""
    _, parts, gates, hidden = slopes.shape
    for part in range(parts):
        rows = G.of(module, part * hidden, (part + 1) * hidden)
        for gate in range(gates):
            rows.each_row(parameter, slopes[:, part, gate, :, None] * seen[:, None], gate * hidden)
