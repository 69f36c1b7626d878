"""What is written out for one step of recurrent layers and units, against central differences of the step itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sysidc.runtime.nn import GRU, LRU, LSTM, RNN, ResidualConnectionWrapper
from sysidc.runtime.nn.state import states_of, step
from sysidc.runtime.solvers.columns import Columns, Learned
from sysidc.runtime.solvers.linearise import differentiate
from sysidc.runtime.solvers.modes import Modes
from sysidc.runtime.training.lru_start import write_lru

SAMPLES, INPUTS = 3, 2
STEP = 1e-5


def with_real_poles() -> LRU:
    """A unit as a linear start leaves it: a positive pole at a full turn, a negative one at half a turn."""
    layer = LRU(INPUTS, 2, 3)
    poles, B, C = (np.array(value, dtype=np.complex128) for value in ([0.9, -0.5], [[1, 2], [3, 4]], [[1, 2], [3, 4]]))
    write_lru(layer, Modes(poles, B, C, np.zeros((2, INPUTS))))
    return layer


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "GRU": lambda: GRU(INPUTS, 3),
    "GRU without biases": lambda: GRU(INPUTS, 3, bias=False),
    "GRU of two layers": lambda: GRU(INPUTS, 3, num_layers=2),
    "LSTM": lambda: LSTM(INPUTS, 3),
    "LSTM without biases": lambda: LSTM(INPUTS, 3, bias=False),
    "LSTM of two layers": lambda: LSTM(INPUTS, 2, num_layers=2),
    "RNN": lambda: RNN(INPUTS, 3),
    "RNN of relu": lambda: RNN(INPUTS, 3, nonlinearity="relu"),
    "RNN of two layers": lambda: RNN(INPUTS, 3, num_layers=2),
    "LRU": lambda: LRU(INPUTS, 2, 3),
    "LRU with real poles": with_real_poles,
    "one behind the other": lambda: nn.Sequential(GRU(INPUTS, 3), LSTM(3, 2), nn.Tanh(), LRU(2, 3, 2), RNN(3, 1)),
    "with a head": lambda: nn.Sequential(LSTM(INPUTS, 3), nn.Linear(3, 2)),
    "beside its input": lambda: ResidualConnectionWrapper(nn.Sequential(LRU(INPUTS, 3, 2), GRU(3, INPUTS))),
}


def differences(module: nn.Module, x: Tensor, u: Tensor, places: Iterable[Tensor]) -> Tensor:
    """Of x[k+1] and y[k] side by side, by each place, which is moved in x, u or the parameters themselves:
    (samples, states + outputs, places). A place (samples,) is moved in all samples, which do not know of each other."""
    columns = []
    for place in places:
        before, ends = place.clone(), []
        for moved in (STEP, -STEP):
            place.copy_(before + moved)
            ends.append(torch.cat(step(module, x, u), dim=1))
        place.copy_(before)
        columns.append((ends[0] - ends[1]) / (2 * STEP))
    return torch.stack(columns, dim=2)


@pytest.mark.parametrize("name", LAYERS)
@torch.no_grad()
def test_slopes_in_state_input_and_parameters_are_those_of_central_differences(name: str) -> None:
    torch.manual_seed(1)
    module = LAYERS[name]().double()
    n = states_of(module)
    x, u = 0.5 * torch.randn(SAMPLES, n).double(), torch.randn(SAMPLES, INPUTS).double()
    learned = Learned(module, dict(module.named_parameters()))
    G = Columns(learned, torch.zeros(SAMPLES, n, learned.count).double())
    found, H = differentiate(module, x, u, G)
    assert H is not None
    numbers = [number for value in module.parameters() for number in value.view(-1).unbind(0)]
    for upper, lower, places in ((found.A, found.C, x.unbind(1)), (found.B, found.D, u.unbind(1))):
        stacked = torch.cat([part.expand(SAMPLES, -1, -1) for part in (upper, lower)], dim=1)
        torch.testing.assert_close(stacked, differences(module, x, u, places), rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(
        torch.cat([G.values, H.values], dim=1), differences(module, x, u, numbers), rtol=1e-7, atol=1e-8
    )
    torch.testing.assert_close([found.after, found.output], list(step(module, x, u)))
