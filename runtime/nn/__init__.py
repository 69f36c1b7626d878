"""The modules a stack is built from: wrappers and layers, all of them (batch, time, channels) in and out."""

from sysidc.runtime.nn.batch_norm import BatchNorm1d
from sysidc.runtime.nn.convolution import Conv1d
from sysidc.runtime.nn.embedding import Embedding
from sysidc.runtime.nn.frequency_linear import FrequencyLinear
from sysidc.runtime.nn.pointwise import BoundedLinearUnit, Clip, Scale
from sysidc.runtime.nn.recurrent import GRU, LSTM, RNN, Recurrent
from sysidc.runtime.nn.reshaping import DelayLine, Flatten, Last
from sysidc.runtime.nn.self_attention import SelfAttention
from sysidc.runtime.nn.time_series_linear import TimeSeriesLinear
from sysidc.runtime.nn.wrappers import AutoregressiveResidualWrapper, CastWrapper, ResidualConnectionWrapper

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AutoregressiveResidualWrapper",
    "BatchNorm1d",
    "BoundedLinearUnit",
    "CastWrapper",
    "Clip",
    "Conv1d",
    "DelayLine",
    "Embedding",
    "Flatten",
    "FrequencyLinear",
    "Last",
    "Recurrent",
    "ResidualConnectionWrapper",
    "Scale",
    "SelfAttention",
    "TimeSeriesLinear",
]
