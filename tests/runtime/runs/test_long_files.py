"""A file that is predicted in pieces gives what it gives as a whole, in memory that does not grow with it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import sysidc
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.predict import as_frame, predict_data, predict_file
from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule

DATA = 'data { train = "data/a.csv"  test = 30 %  validation = 20 %  normalize = standard }\n'
MODELS = {
    "windows": "u[8] -> y[3] { TimeSeriesLinear(3, 2)  Linear(1) }  train simulation { epochs = 1 }",
    "filter": "u[8] -> y[4] { Conv1d(3, 4)  Linear(1) }  train simulation { epochs = 1 }",
    "recurrent": "u[12], y[5] -> y[7] { GRU(3)  Linear(1) }  train simulation { epochs = 1  optimizer = Adam }",
    "ahead": "u[3], y[2] -> y[1] { Flatten  Linear(1) }  train prediction { epochs = 1  horizon = 4 }",
    "bounded": "u[3] -> y[1] { Flatten  Linear(1) }"
    "  train bounded { kernel = Box(bandwidth = 0.5)  neighbours = 8  epochs = 1 }",
    "states": "u[all], y[5] -> y[all] { LinearDynamics(2) }"
    "  train simulation { epochs = 1  optimizer = Adam  precision = float64 }",
}


def untrained(name: str) -> Trained:
    """A model with its first weights and the scale of the data; in bounded mode with a band."""
    text = f"sysid 1 signals {{ sampling_time = 20 ms  input u  output y }} {DATA} model m: {MODELS[name]}"
    Path("m.sysid").write_text(text, encoding="utf-8")
    plan = sysidc.load("m.sysid").plan
    made = Trained.untrained(plan)
    made.normalizer.scale("u").fill_(2.0)
    made.normalizer.shift("y").fill_(0.1)
    if isinstance(made.module, BoundedSimulationTrainingModule):
        points = torch.randn(60, 3, 1, generator=torch.Generator().manual_seed(2))
        made.module.prepare(points, points.sum(dim=1).tanh())
    return made


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_pieces_give_what_the_whole_gives(specs: Path, name: str, ending: str) -> None:
    model = untrained(name)
    whole = as_frame(predict_data(model, "data/a.csv"))
    steps = predict_file(model, Path("data/a.csv"), Path(f"out{ending}"), rows=37)
    found = pd.read_csv("out.csv") if ending == ".csv" else pd.read_parquet("out.parquet")
    assert steps == len(whole) == 300 and list(found) == list(whole)
    for column in whole:
        np.testing.assert_allclose(found[column].to_numpy(), whole[column].to_numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    ["u,z\n1,2\n", "u,y\n" + "1,2\n" * 50 + "x,3\n", "u,y\n" + "1,2\n" * 50 + ",3\n", "u,y\n" + "1,2\n" * 2],
    ids=["missing column", "text", "missing value", "too short"],
)
def test_mistakes_in_a_long_file_are_those_of_a_short_one(specs: Path, text: str) -> None:
    model = untrained("recurrent")
    Path("bad.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as long:
        predict_file(model, Path("bad.csv"), Path("out.csv"), rows=20)
    with pytest.raises(DataError) as short:
        predict_file(model, Path("bad.csv"), Path("out.csv"))
    assert long.value.id == short.value.id and Path("bad.csv").stem in long.value.message
    assert not Path("out.csv").exists()


def test_memory_does_not_grow_with_the_record(specs: Path) -> None:
    model = untrained("ahead")
    rows = np.random.default_rng(0).normal(size=(24_000, 2))
    peaks = []
    for samples in (12_000, 24_000):
        pd.DataFrame(rows[:samples], columns=["u", "y"]).to_csv("long.csv", index=False)
        tracemalloc.start()
        predict_file(model, Path("long.csv"), Path("out.csv"), rows=1_000)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
