"""A run that was killed, stopped or ran out of room ends with the numbers of one that was not."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("SYSIDC_KILLS", "2"))
"""How often the training of each spec is killed."""

HEAD = 'sysid 1\nsignals { input u  output y }\ndata { train = "data/a.csv"  test = 30 %  validation = 20 % }\n'
SPECS = {
    "schedule": """model m: u[8] -> y[4] { Conv1d(4, 3)  Dropout(0.2)  Linear(1) }
train simulation { epochs = 40  optimizer = AdamW(lr = 1e-2)  scheduler = OneCycleLR(max_lr = 0.05)
                   batch_size = 16  stop = EarlyStopping(patience = 30)  seed = 3 }""",
    "growing": """model m: u[4], y[2] -> y[1] { Flatten  Linear(4)  Tanh  Linear(1) }
train prediction { epochs = 30  horizon = 2  autoregression = Step(step_size = 7, gamma = 2, max_length = 16)
                   teacher_forcing = Cyclic(cycle_in_epochs = 3)  batch_size = 64  seed = 3 }""",
    "plateaus": """model m: u[4], y[2] -> y[1] { Flatten  Linear(4)  Tanh  Linear(1) }
train prediction { epochs = 30  autoregression = Combined(cycles = [learning_rate, teacher_forcing, length],
                   patience = 2, lr_factor = 0.7, length_factor = 2, max_length = 8)  batch_size = 64 }""",
    "bounded": """model m: u[3] -> y[1] { Flatten  Linear(4)  ReLU  Linear(1) }
train bounded { kernel = Epanechnikov(bandwidth = 0.5)  neighbours = 16  epochs = 40  bound_during_training = on
                optimizer = SGD(lr = 0.05, momentum = 0.9)  batch_size = 16 }""",
    "one_by_one": """model m: u[all] -> y[all] { GRU(4)  Dropout(0.1)  Linear(1) }
train simulation { epochs = 40  scheduler = StepLR(step_size = 5) }""",
    "closure": """model m: u[8] -> y[4] { Conv1d(4, 3)  Tanh  Linear(1) }
train simulation { epochs = 15  optimizer = LBFGS()  scheduler = ReduceLROnPlateau(patience = 1) }""",
}


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "src"), "OMP_NUM_THREADS": "1"}


def write_specs(folder: Path) -> list[str]:
    for name, text in SPECS.items():
        (folder / f"{name}.sysid").write_text(HEAD + text + "\n", encoding="utf-8")
    return [f"{name}.sysid" for name in SPECS]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.timeout(60 + 30 * KILLS)
def test_a_run_killed_at_any_moment_ends_bit_equal(specs: Path) -> None:
    names = write_specs(specs)
    seed = str(random.randrange(1 << 30) if KILLS > 2 else 1)
    command = [sys.executable, str(Path(__file__).with_name("killing.py")), str(specs), str(KILLS), seed, *names]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [name for name in names if told[name]["differ"]] == [], f"seed {seed}: {told}"
    assert sum(found["kills"] for found in told.values()) >= KILLS * len(names)
    assert sum(found["went_on"] for found in told.values()) > 0
