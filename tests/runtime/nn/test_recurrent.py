"""The recurrent layers: torch's recursion, and a state that can be carried."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sysidc.runtime.nn import GRU, LSTM, RNN, Recurrent

LAYERS = pytest.mark.parametrize("kind", [GRU, LSTM, RNN], ids=lambda kind: kind.__name__)


@LAYERS
@pytest.mark.parametrize("num_layers", [1, 2], ids="layers {}".format)
def test_step_by_step_equals_the_whole_record(kind: type[GRU], num_layers: int) -> None:
    layer = kind(2, 3, num_layers=num_layers).to(torch.float64)
    x = torch.randn(4, 7, 2, dtype=torch.float64)
    whole, end = layer(x, return_state=True)
    state, steps = None, []
    for k in range(7):
        y, state = layer(x[:, k : k + 1], state, return_state=True)
        steps.append(y)
    assert_close(torch.cat(steps, dim=1), whole)
    assert_close(state, end)
    assert_close(layer(x), whole)


def test_elman_recursion_is_the_formula() -> None:
    layer = RNN(2, 3, nonlinearity="relu").to(torch.float64)
    A, B, a, b = layer.cell.parameters()
    x = torch.randn(1, 6, 2, dtype=torch.float64)
    h, expected = torch.zeros(3, dtype=torch.float64), []
    for k in range(6):
        h = torch.relu(A @ x[0, k] + a + B @ h + b)
        expected.append(h)
    assert_close(layer(x)[0], torch.stack(expected))


def test_gated_recursion_is_the_formula() -> None:
    layer = GRU(2, 3).to(torch.float64)
    A, B, a, b = layer.cell.parameters()
    x = torch.randn(1, 6, 2, dtype=torch.float64)
    h, expected = torch.zeros(3, dtype=torch.float64), []
    for k in range(6):
        (r_x, z_x, n_x), (r_h, z_h, n_h) = (A @ x[0, k] + a).chunk(3), (B @ h + b).chunk(3)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        h = (1 - z) * torch.tanh(n_x + r * n_h) + z * h
        expected.append(h)
    assert_close(layer(x)[0], torch.stack(expected))


@LAYERS
def test_dropout_acts_in_training_alone(kind: type[GRU]) -> None:
    layer = kind(1, 16, num_layers=2, dropout=0.5)
    x = torch.randn(1, 5, 1)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


@pytest.mark.parametrize(
    "cell", [nn.GRU(1, 1), nn.LSTM(1, 1, batch_first=True, bidirectional=True)], ids=["time first", "both directions"]
)
def test_cell_that_breaks_the_axes_or_causality_is_refused(cell: nn.RNNBase) -> None:
    with pytest.raises(ValueError, match="batch_first"):
        Recurrent(cell)
