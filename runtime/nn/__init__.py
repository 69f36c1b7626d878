"""The modules a stack is built from: wrappers and layers, all of them (batch, time, channels) in and out."""

from sysidc.runtime.nn.batch_norm import BatchNorm1d
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.convolution import Conv1d
from sysidc.runtime.nn.correction import Correction
from sysidc.runtime.nn.curve import Curve
from sysidc.runtime.nn.embedding import Embedding
from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.nn.frequency_linear import FrequencyLinear
from sysidc.runtime.nn.linear_dynamics import LinearDynamics
from sysidc.runtime.nn.lru import LRU
from sysidc.runtime.nn.pointwise import BoundedLinearUnit, Clip, Scale
from sysidc.runtime.nn.polynomial_state_space import PolynomialStateSpace
from sysidc.runtime.nn.recurrent import GRU, LSTM, RNN, Recurrent
from sysidc.runtime.nn.reshaping import DelayLine, Flatten, Last
from sysidc.runtime.nn.self_attention import SelfAttention
from sysidc.runtime.nn.state import StateLayer
from sysidc.runtime.nn.state_space import StateSpace
from sysidc.runtime.nn.time_series_linear import TimeSeriesLinear
from sysidc.runtime.nn.wrappers import AutoregressiveResidualWrapper, CastWrapper, ResidualConnectionWrapper

__all__ = [
    "GRU",
    "LRU",
    "LSTM",
    "RNN",
    "AutoregressiveResidualWrapper",
    "BatchNorm1d",
    "BoundedLinearUnit",
    "CastWrapper",
    "Chain",
    "Clip",
    "Conv1d",
    "Correction",
    "Curve",
    "DelayLine",
    "Embedding",
    "Equations",
    "Flatten",
    "FrequencyLinear",
    "Last",
    "LinearDynamics",
    "PolynomialStateSpace",
    "Recurrent",
    "ResidualConnectionWrapper",
    "Scale",
    "SelfAttention",
    "StateLayer",
    "StateSpace",
    "TimeSeriesLinear",
]
