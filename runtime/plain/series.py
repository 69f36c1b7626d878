"""Records as dicts from signal to tensor (steps, channels): read from frames, cut into parts, scaled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
import torch
from torch import Tensor

Record: TypeAlias = dict[str, Tensor]
Scales: TypeAlias = dict[str, tuple[Tensor, Tensor]]


def as_record(frame: pd.DataFrame, columns: Mapping[str, Sequence[str]], dtypes: Mapping[str, torch.dtype]) -> Record:
    """Every signal as (steps, channels). Raises ValueError where a value is missing."""
    gaps = frame.isna().any()
    if gaps.any():
        raise ValueError(f"the column {gaps.idxmax()} has missing values")
    return {
        name: torch.from_numpy(np.array(frame[list(own)].to_numpy())).to(dtypes[name]) for name, own in columns.items()
    }


def interpolated(frame: pd.DataFrame) -> pd.DataFrame:
    """Gaps filled with the line between their neighbours."""
    return frame.interpolate("linear", limit_area="inside").reset_index(drop=True)


def stretches(frame: pd.DataFrame, border: str) -> list[pd.DataFrame]:
    """The frame cut wherever the column `border` changes its value."""
    number = (frame[border] != frame[border].shift()).cumsum()
    return [piece.drop(columns=border) for _, piece in frame.groupby(number)]


def cut(records: Iterable[Record], share: float = 0.0, samples: int | None = None) -> tuple[list[Record], list[Record]]:
    """The last `share` of every record, or its last `samples`, apart from the rest: (rest, ends)."""
    rests, ends = [], []
    for record in records:
        length = len(next(iter(record.values())))
        kept = length - (round(share * length) if samples is None else samples)
        rests.append({name: values[:kept] for name, values in record.items()})
        ends.append({name: values[kept:] for name, values in record.items()})
    return rests, ends


def standard_scale(records: Sequence[Record]) -> Scales:
    """(mean, standard deviation) of every signal's channels over all records; integer signals stay as they are."""
    scale = {}
    for name in records[0]:
        values = torch.cat([record[name] for record in records])
        data = values.double()
        mean, deviation = data.mean(dim=0), data.std(dim=0, correction=0)
        constant = (data.amax(dim=0) == data.amin(dim=0)) | (deviation <= 1e-12 * mean.abs())
        scale[name] = mean, torch.where(constant, 1.0, deviation)
        if not values.is_floating_point():
            scale[name] = torch.zeros_like(mean), torch.ones_like(mean)
    return scale


def minmax_scale(records: Sequence[Record]) -> Scales:
    """(centre, half the range) of every signal's channels over all records; integer signals stay as they are."""
    scale = {}
    for name in records[0]:
        values = torch.cat([record[name] for record in records])
        low, high = values.double().amin(dim=0), values.double().amax(dim=0)
        scale[name] = (low + high) / 2, torch.where(high > low, (high - low) / 2, 1.0)
        if not values.is_floating_point():
            scale[name] = torch.zeros_like(low), torch.ones_like(low)
    return scale


def unit_scale(records: Sequence[Record]) -> Scales:
    """No change: (0, 1) for every channel."""
    zeros = {name: torch.zeros(values.shape[1], dtype=torch.float64) for name, values in records[0].items()}
    return {name: (zero, torch.ones_like(zero)) for name, zero in zeros.items()}


def normalised(records: Iterable[Record], scale: Scales) -> list[Record]:
    """z = (x - shift) / scale, each signal in its own dtype."""
    return [
        {
            name: ((values - scale[name][0]) / scale[name][1]).to(values.dtype)
            if values.is_floating_point()
            else values
            for name, values in record.items()
        }
        for record in records
    ]


def in_data_units(y: Tensor, scale: Scales, signals: Sequence[str]) -> Tensor:
    """Network outputs (..., channels) of these signals, side by side, back in the units of the data, float64."""
    shift = torch.cat([scale[name][0] for name in signals])
    factor = torch.cat([scale[name][1] for name in signals])
    return y.double() * factor + shift
