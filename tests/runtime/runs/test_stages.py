"""Stages of every mode: each trains by its own settings from the best of the one before, and is gone on with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp

import pytest
import torch

from sysidc.compiler.lower import build_stack, several_steps_at_once
from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.dsl.source import Source
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs.checkpoints import read_tree
from sysidc.runtime.runs.evaluate import score, scored_records
from sysidc.runtime.runs.resume import Interrupted, Progressed
from sysidc.runtime.runs.stage_data import allowance
from sysidc.runtime.runs.train import Outcome, fit
from sysidc.runtime.training import BoundedSimulationTrainingModule

NETWORK = "Flatten  Linear(4) as first  Tanh  Linear(1)"
PREDICTION = "model m: u[4], y[4] -> y[1] { %s }\ntrain prediction { seed = 1  %s }"
BOUNDED = (
    "model m: u[3] -> y[1] { %s }\n"
    "train bounded { seed = 1  kernel = Epanechnikov(bandwidth = 0.5)  neighbours = 16  %s }"
)
SIMULATION = "model m: u[4] -> y[1] { %s }\ntrain simulation { seed = 1  %s }"

TWO_HORIZONS = """
stage { horizon = 1  epochs = 3  optimizer = AdamW(lr = 1e-2) }
stage { horizon = 6  epochs = 2  optimizer = SGD(lr = 1e-3)  freeze = [first] }"""


def plan_of(text: str, settings: str) -> Plan:
    head = "sysid 1\nsignals { input u  output y }\ndata { train = duffing(samples = 500, seed = 1)  test = 20 % }\n"
    compiled = compile_source(Source("test.sysid", f"{head}{text % (NETWORK, settings)}\n", Path("test.sysid")))
    assert compiled.plan is not None, [finding.message for finding in compiled.diagnostics]
    return compiled.plan


def trained(plan: Plan, folder: Path) -> Outcome:
    return fit(plan, SpecDataModule(plan, several=several_steps_at_once(plan)), folder, folder, quiet=True)


def column(outcome: Outcome, name: str) -> list[object]:
    return [row[name] for row in outcome.rows]


def kept(folder: Path, stage: int, start: int = 1) -> dict[str, torch.Tensor]:
    """The weights behind a stage."""
    weights: dict[str, torch.Tensor] = read_tree(folder / "checkpoints" / f"stage-{stage}-start-{start}.safetensors")[
        "weights"
    ]
    return weights


def test_two_stages_of_a_prediction_train_in_order_at_their_own_horizon_and_rate(tmp_path: Path) -> None:
    outcome = trained(plan_of(PREDICTION, TWO_HORIZONS), tmp_path)
    assert column(outcome, "stage") == [1, 1, 1, 2, 2]
    assert column(outcome, "horizon") == [1, 1, 1, 6, 6]
    assert column(outcome, "lr") == [1e-2] * 3 + [1e-3] * 2


def test_what_a_stage_freezes_stays_and_the_rest_goes_on_from_the_stage_before(tmp_path: Path) -> None:
    outcome = trained(plan_of(PREDICTION, TWO_HORIZONS), tmp_path)
    first, last = kept(tmp_path, 1), outcome.trained.stack.state_dict()
    torch.testing.assert_close(last["first.weight"], first["first.weight"], rtol=0, atol=0)
    assert not torch.equal(last["3.weight"], first["3.weight"])
    torch.testing.assert_close(last["3.weight"], first["3.weight"], rtol=0, atol=0.1)


def test_of_several_starts_the_best_goes_on(tmp_path: Path) -> None:
    settings = "starts = 3  stage { epochs = 2  keep = 1 }  stage { epochs = 1 }"
    plan = plan_of(PREDICTION, settings)
    outcome = trained(plan, tmp_path)
    files = [tmp_path / "checkpoints" / f"stage-1-start-{k}.safetensors" for k in (1, 2, 3)]
    found = [read_tree(path) for path in files]
    best = min(range(3), key=lambda k: max(found[k]["fit_error"], found[k]["val_error"]))
    starts = list(dict.fromkeys(column(outcome, "start")))
    assert len(starts) == 3 and outcome.rows[-1]["start"] == starts[best]


def test_a_segment_is_the_first_samples_of_the_training_part(tmp_path: Path) -> None:
    outcome = trained(plan_of(PREDICTION, "epochs = 1  segments = [60, all]"), tmp_path)
    assert [line.split(": ")[1] for line in outcome.log if line.startswith("stage")] == [
        "60 samples, 1 candidate",
        "320 samples, 1 candidate",
    ]


def test_stages_of_a_bounded_training_end_with_the_band_of_all_data(tmp_path: Path) -> None:
    stages = "stage { segments = 80  epochs = 2 }  stage { epochs = 2  bound_during_training = on }"
    plan, whole = (plan_of(BOUNDED, settings) for settings in (stages, "epochs = 1"))
    outcome, other = (trained(item, Path(mkdtemp(dir=tmp_path))) for item in (plan, whole))
    modules = [item.trained.module for item in (outcome, other)]
    for module in modules:
        assert isinstance(module, BoundedSimulationTrainingModule)
    bands = [dict(module.error_band.state_dict()) for module in modules]  # type: ignore[union-attr]
    torch.testing.assert_close(bands[0], bands[1], rtol=0, atol=0)
    assert score(outcome.trained, scored_records(plan))[0]["rmse"] < float("inf")


def test_a_stage_may_take_another_kind_of_step(tmp_path: Path) -> None:
    """LBFGS needs a closure, which the stage before does not."""
    stages = "stage { optimizer = AdamW  epochs = 2 }  stage { optimizer = LBFGS(max_iter = 4)  epochs = 2 }"
    outcome = trained(plan_of(SIMULATION, stages), tmp_path)
    assert column(outcome, "stage") == [1, 1, 2, 2]
    assert len(set(column(outcome, "train_loss"))) == 4


class _StopsAt(Progressed):
    """Asks the run to stop behind so many fits."""

    def __init__(self, folder: Path, fits: int) -> None:
        super().__init__(folder)
        self.left = fits

    def finish(self, fit: str, outcome: object) -> None:
        self.left -= 1
        self.stopping = self.left == 0
        super().finish(fit, outcome)


@pytest.mark.parametrize("fits", [1, 2, 3])
@pytest.mark.parametrize("text", [PREDICTION, BOUNDED], ids=["prediction", "bounded"])
def test_stages_are_gone_on_with_to_the_same_numbers(text: str, fits: int, tmp_path: Path) -> None:
    plan = plan_of(text, "starts = 2  stage { epochs = 2  segments = 100 }  stage { epochs = 2 }")
    whole = trained(plan, Path(mkdtemp(dir=tmp_path)))
    folder = Path(mkdtemp(dir=tmp_path))
    data = SpecDataModule(plan, several=several_steps_at_once(plan))
    with pytest.raises(Interrupted):
        fit(plan, data, folder, folder, quiet=True, progressed=_StopsAt(folder, fits))
    resumed = trained(plan, folder)
    timeless = [[{**row, "seconds": None} for row in outcome.rows] for outcome in (resumed, whole)]
    assert timeless[0] == timeless[1]
    assert_equal(resumed.trained.state().items(), dict(whole.trained.state()))


def assert_equal(found: Iterable[tuple[str, torch.Tensor]], wanted: dict[str, torch.Tensor]) -> None:
    for name, value in found:
        torch.testing.assert_close(value, wanted[name], rtol=0, atol=0)


def test_a_stage_keeps_to_its_own_time_limit_and_to_what_is_left_of_the_whole() -> None:
    settings = "time_limit = 60 s  stage { time_limit = 20 s }  stage { }"
    limited, free = plan_of(PREDICTION, settings).train.stages
    assert allowance(36.0, limited, 60.0, (0.0, 0.0), 1) == 20
    assert allowance(9.0, limited, 60.0, (51.0, 6.0), 2) == 4.5
    assert allowance(9.0, limited, 60.0, (70.0, 30.0), 2) == 0
    assert allowance(9.0, free, 60.0, (51.0, 6.0), 2) == 9


def test_a_stage_that_is_out_of_time_leaves_its_candidates_as_they_are(tmp_path: Path) -> None:
    plan = plan_of(PREDICTION, "stage { epochs = 1  time_limit = 1 us }  stage { epochs = 1  time_limit = 1 us }")
    outcome = trained(plan, tmp_path)
    assert len(outcome.rows) <= 2
    assert set(outcome.trained.stack.state_dict()) == set(build_stack(plan).state_dict())
