"""What the defaults of a training find out about its records, and what they make of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sysidc.compiler.lower import build_stack, several_steps_at_once
from sysidc.compiler.plan import Plan
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.excitation import multisine
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.record import Array
from sysidc.runtime.nn import Chain, StateSpace
from sysidc.runtime.runs.open_race import FEW_STARTS, GROWING, HEATS, opened
from sysidc.runtime.runs.periodic_records import averaged
from sysidc.runtime.runs.record_warnings import record_warnings
from sysidc.runtime.runs.structures import (
    HIGHEST,
    ORDERS,
    innovates,
    outlook,
    structures,
    with_innovations,
    with_one_more_state,
)
from sysidc.runtime.runs.wrong_loss import is_wrong, one_step_error
from sysidc.runtime.training.preparation import records_of_part
from sysidc.runtime.training.second_order import washed_out
from sysidc.runtime.training.starts import Starts
from tests.compiler.programs import compiled
from tests.runtime.runs.bare_simulation import plan_of, write

PERIOD, KNOWN = 200, 10


def data_of(plan: Plan) -> SpecDataModule:
    return SpecDataModule(plan, several=several_steps_at_once(plan))


def lagged(u: Array, pole: float, disturbance: Array | float = 0.0) -> Array:
    """y[k+1] = pole y[k] + 0.3 u[k] + disturbance[k], y[0] = 0."""
    y = np.zeros(len(u))
    driven = 0.3 * u + disturbance
    for k in range(len(u) - 1):
        y[k + 1] = pole * y[k] + driven[k]
    return y


def noise(samples: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(samples)


# --- warnings ----------------------------------------------------------------------------------------------------


def warned(folder: Path, u: Array, y: Array, tested: Array | None = None) -> list[str]:
    write(folder / "train.csv", u, y)
    other = noise(400, 9) * 0.5 if tested is None else tested
    write(folder / "test.csv", other, lagged(other, 0.7))
    return record_warnings(plan_of(folder, 'train = "train.csv"  test = "test.csv"'), len(u))


def test_sound_records_are_not_warned_about(tmp_path: Path) -> None:
    u = noise(1000)
    assert warned(tmp_path, u, lagged(u, 0.7) + 0.01 * noise(1000, 1)) == []


def test_a_quantised_output_is_named_with_its_step(tmp_path: Path) -> None:
    u = noise(1000)
    (line,) = warned(tmp_path, u, np.round(lagged(u, 0.7) / 0.05) * 0.05)
    assert line.startswith("warning: output 'y' moves in steps of 0.05")


def test_test_inputs_outside_the_training_range_are_named(tmp_path: Path) -> None:
    u = noise(1000)
    (line,) = warned(tmp_path, u, lagged(u, 0.7) + 0.01 * noise(1000, 1), tested=3 * noise(400, 2))
    assert "leaves the training range" in line and "test record" in line


def test_few_changes_of_the_input_and_a_calm_validation_part_are_named(tmp_path: Path) -> None:
    u = np.repeat([0.0, 1.0, 0.2, 0.2], 250)
    lines = warned(tmp_path, u, lagged(u, 0.7) + 0.01 * noise(1000, 1), tested=0.5 + 0.1 * noise(400, 2).clip(-2, 2))
    assert any("too little to tell dynamics from" in line for line in lines)
    assert any("will flatter the model" in line for line in lines)


def test_a_stuck_sensor_is_named_with_its_row(tmp_path: Path) -> None:
    u = noise(1000)
    y = lagged(u, 0.7) + 0.01 * noise(1000, 1)
    y[300:380] = y[300]
    (line,) = warned(tmp_path, u, y)
    assert "from row 300 while the input moves" in line


def test_a_constant_input_is_named_and_the_orders_are_still_tried(tmp_path: Path) -> None:
    u = np.ones(600)
    (line,) = warned(tmp_path, u, noise(600, 1), tested=np.ones(300))
    assert line.startswith("warning: input 'u' is 1 throughout")
    assert outlook(data_of(plan_of(tmp_path, 'train = "train.csv"')), 20).orders == ORDERS


# --- periods -----------------------------------------------------------------------------------------------------


def periodic(folder: Path, times: float = 5.0) -> SpecDataModule:
    rng = np.random.default_rng(0)
    u = np.tile(multisine(rng, PERIOD, 1.0, 0.3), 6)[: round(times * PERIOD)]
    write(folder / "p.csv", u, lagged(u, 0.7) + 0.1 * rng.standard_normal(len(u)))
    return data_of(plan_of(folder, 'train = "p.csv"'))


def test_a_part_cut_off_a_periodic_record_repeats_the_training_input_and_that_of_an_averaged_one_does_not(
    tmp_path: Path,
) -> None:
    data = periodic(tmp_path)
    found = averaged(data)
    assert found is not None
    assert occurs(data.validation_records[0].values["u"][:30], data.train_records[0].values["u"])
    assert not occurs(found.data.validation_records[0].values["u"][:30], found.data.train_records[0].values["u"])
    assert f"repeats every {PERIOD} steps" in found.told


def occurs(part: torch.Tensor, whole: torch.Tensor) -> bool:
    windows = whole[:, 0].unfold(0, len(part), 1)
    return bool(((windows - part[:, 0]).abs().amax(dim=1) < 1e-6).any())


@pytest.mark.parametrize("times", [2.0, 2.4, 5.0])
def test_an_averaged_period_is_the_mean_of_the_last_full_periods_but_the_first_of_many(
    times: float, tmp_path: Path
) -> None:
    data = periodic(tmp_path, times)
    found = averaged(data)
    assert found is not None
    y = data.unsplit().train_records[0].values["y"][:, 0]
    last = [y[len(y) - (k + 1) * PERIOD : len(y) - k * PERIOD] for k in range({2.0: 2, 2.4: 2, 5.0: 4}[times])]
    mean = torch.stack(last).mean(dim=0)
    torch.testing.assert_close(found.whole.train_records[0].values["y"][:, 0], torch.cat([mean[-KNOWN:], mean]))
    validated = found.data.validation_records[0].values["y"][:, 0]
    torch.testing.assert_close(validated, mean[PERIOD * 4 // 5 - KNOWN :])


@pytest.mark.parametrize("header", ["u[all], y[20] -> y[all]", "u[all] -> y[all]"], ids=["known", "washed out"])
def test_every_step_of_a_short_period_counts_once(header: str, tmp_path: Path) -> None:
    """In an average period there is something before every step."""
    u = np.tile(noise(50), 6)
    write(tmp_path / "p.csv", u, lagged(u, 0.7))
    signals, data = "signals { input u : float64  output y : float64 }", f'data {{ train = "{tmp_path}/p.csv" }}'
    plan = compiled("StateSpace(states = 1, hidden = [], output_hidden = [])", header, signals=signals, data=data).plan
    assert plan is not None and plan.model.chain is not None
    found = averaged(data_of(plan))
    assert found is not None
    stack = build_stack(plan)
    parts = [found.data.train_records, found.data.validation_records, found.whole.train_records]
    steps = [len(record) - plan.model.chain.known for (record,) in parts]
    assert [count - washed_out(stack, count) for count in steps] == [40, 10, 50]


def test_so_much_of_a_period_validates_as_the_file_says(tmp_path: Path) -> None:
    periodic(tmp_path)
    found = averaged(data_of(plan_of(tmp_path, 'train = "p.csv"  validation = 40 %')))
    assert found is not None and "trained on 60 % of the average period" in found.told
    assert found.data.tapes["validation"].lengths == (KNOWN + PERIOD * 2 // 5,)


def test_a_record_that_does_not_repeat_itself_is_left_as_it_is(tmp_path: Path) -> None:
    u = noise(600)
    write(tmp_path / "a.csv", u, lagged(u, 0.7))
    assert averaged(data_of(plan_of(tmp_path, 'train = "a.csv"'))) is None


# --- integrators -------------------------------------------------------------------------------------------------


def test_an_integrator_is_told_and_trained_on_growing_segments_without_an_early_stop(tmp_path: Path) -> None:
    u = noise(2500)
    write(tmp_path / "i.csv", u, lagged(u, 1.0) + 0.02 * noise(2500, 1))
    plan = plan_of(tmp_path, 'train = "i.csv"')
    seen = outlook(data_of(plan), 20)
    assert seen.integrator is not None and "the output adds up its input" in seen.integrator
    assert plan.train.simulation is not None
    stages = opened(plan.train.simulation, 2000, integrating=True).stages
    assert [stage.segments for stage in stages] == [*GROWING, *(heat.samples for heat in HEATS), None]
    assert all(stage.train.stop is None for stage in stages)


def test_of_an_integrator_the_position_is_a_state_that_no_network_sees(tmp_path: Path) -> None:
    """p[k+1] = p[k] + v[k], v[k+1] = 0.8 v[k] + 0.3 u[k], y = p: moved by a constant, all goes on as it would."""
    u = noise(2500)
    write(tmp_path / "i.csv", u, lagged(lagged(u, 0.8), 1.0) + 0.01 * noise(2500, 1))
    plan = plan_of(tmp_path, 'train = "i.csv"')
    found = {item.name: item.plan for item in structures(plan, [2], integrating=True)}
    assert not any("polynomial" in name for name in found)
    stack = build_stack(found["2 states, networks in f and h"])
    assert isinstance(stack, Chain)
    (layer,) = stack
    assert isinstance(layer, StateSpace) and layer.f is not None and layer.h is not None
    Starts(True, 20, 0).begin(stack, records_of_part(data_of(plan)), 0)
    torch.testing.assert_close(layer.A[:, 0], torch.tensor([1.0, 0.0], dtype=torch.float64), rtol=0, atol=5e-3)
    with torch.no_grad():
        for network in (layer.f, layer.h):
            list(network.parameters())[-1].normal_()
    x, now, moved = torch.randn(5, 2), torch.randn(5, 1), torch.tensor([3.0, 0.0])
    (after, y), (after_moved, y_moved) = (layer.step(state.double(), now.double()) for state in (x, x + moved))
    torch.testing.assert_close(after_moved - after, (layer.A @ moved.double()).expand(5, 2))
    torch.testing.assert_close(y_moved - y, (layer.C @ moved.double()).expand(5, 1))


def test_a_stable_system_is_no_integrator(tmp_path: Path) -> None:
    u = noise(1500)
    write(tmp_path / "s.csv", u, lagged(u, 0.95) + 0.02 * noise(1500, 1))
    assert outlook(data_of(plan_of(tmp_path, 'train = "s.csv"')), 20).integrator is None


def test_a_pole_at_one_is_told_from_one_near_it_where_the_linear_start_confuses_them(tmp_path: Path) -> None:
    """A cart of 480 samples, p[k+1] = p[k] + v[k]; the subspace model of the third has its pole 0.003 away from one."""
    for name, pole in (("cart", 1.0), ("slow", 0.99)):
        for seed in range(5):
            u = noise(600, seed)
            write(tmp_path / "a.csv", u, lagged(lagged(u, 0.7), pole) + 0.05 * noise(600, seed + 100))
            found = outlook(data_of(plan_of(tmp_path, 'train = "a.csv"')), 20).integrator
            assert (found is not None) == (name == "cart"), (name, seed)


# --- the loss ----------------------------------------------------------------------------------------------------


def test_the_one_step_error_of_output_noise_is_that_noise_and_of_process_noise_far_below_the_simulation_error(
    tmp_path: Path,
) -> None:
    u = noise(3000)
    disturbance = 0.1 * noise(3000, 1)
    clean = lagged(u, 0.98)
    errors = []
    for name, y in (("output", clean + disturbance), ("process", lagged(u, 0.98, disturbance))):
        write(tmp_path / f"{name}.csv", u, y)
        step = one_step_error(data_of(plan_of(tmp_path, f'train = "{name}.csv"')))
        errors.append((float(np.std(y - clean)), step))
    assert errors[1][1] == pytest.approx(0.1, rel=0.1)
    assert [is_wrong([simulation], step) for simulation, step in errors] == [False, True]


def test_a_structure_with_innovations_has_all_that_the_one_without_has(tmp_path: Path) -> None:
    u = noise(600)
    write(tmp_path / "a.csv", u, lagged(u, 0.7))
    found = {item.name: item.plan for item in structures(plan_of(tmp_path, 'train = "a.csv"'), [2])}
    for plan in found.values():
        made = with_innovations(plan)
        assert made is not None
        (node,) = made.model.nodes
        assert node.arguments == {**plan.model.nodes[0].arguments, "innovations": True}
        assert made.model.parameters == plan.model.parameters + 2 == _numbers(made)
        assert with_innovations(made) is None and innovates(made) and not innovates(plan)
    assert with_innovations(plan_of(tmp_path, 'train = "a.csv"', model="LinearDynamics(2)")) is None


def _numbers(plan: Plan) -> int:
    return sum(value.numel() for value in build_stack(plan).parameters())


# --- orders ------------------------------------------------------------------------------------------------------


def test_structures_of_the_highest_order_have_neighbours_of_one_more_where_the_states_are_open(tmp_path: Path) -> None:
    u = noise(600)
    write(tmp_path / "a.csv", u, lagged(u, 0.7))
    plan = plan_of(tmp_path, 'train = "a.csv"')
    names = ["4 states, networks in f and h", "3 states, linear", "4 states, linear"]
    found = with_one_more_state(plan, 4, names)
    assert [item.name for item in found] == ["5 states, linear", "5 states, networks in f and h"]
    assert [item.plan.model.nodes[0].arguments["states"] for item in found] == [5, 5]
    assert with_one_more_state(plan, HIGHEST, [f"{HIGHEST} states, linear"]) == []
    fixed = plan_of(tmp_path, 'train = "a.csv"', model="StateSpace(states = 4)")
    assert with_one_more_state(fixed, 4, names) == []


# --- several records and few samples -----------------------------------------------------------------------------


def test_a_record_shorter_than_the_known_steps_is_refused_by_name(tmp_path: Path) -> None:
    u = noise(600)
    write(tmp_path / "long.csv", u, lagged(u, 0.7))
    write(tmp_path / "short.csv", u[:8], lagged(u[:8], 0.7))
    plan = plan_of(tmp_path, 'train = ["long.csv", "short.csv"]')
    with pytest.raises(DataError, match="short"):
        data_of(plan)


def test_a_short_record_beside_a_long_one_does_not_hide_the_order(tmp_path: Path) -> None:
    u = noise(1500)
    y = lagged(lagged(lagged(lagged(lagged(u, 0.9), 0.8), -0.8), -0.5), 0.3)
    write(tmp_path / "long.csv", u, y)
    write(tmp_path / "short.csv", u[:16], y[:16])
    write(tmp_path / "other.csv", u[:300], y[:300])
    alone, beside = (
        outlook(data_of(plan_of(tmp_path, f'train = {files}  validation = "other.csv"')), 20).orders
        for files in ('"long.csv"', '["long.csv", "short.csv"]')
    )
    assert alone == beside and max(alone) > max(ORDERS)


def test_few_samples_are_refitted_and_averaged_and_many_are_not(tmp_path: Path) -> None:
    u = noise(600)
    write(tmp_path / "a.csv", u, lagged(u, 0.7))
    simulation = plan_of(tmp_path, 'train = "a.csv"').train.simulation
    assert simulation is not None
    few, many = opened(simulation, 500), opened(simulation, 5000)
    assert few.refit and few.ensemble == few.stages[-1].keep == FEW_STARTS
    assert many.refit and many.ensemble == 1
