"""The subspace estimate finds linear systems: exactly without noise, with the right order in noise, never NaN."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, signal
from torch.testing import assert_close

from sysidc.runtime.solvers import LinearModel, SubspaceEstimate, fit_percent, subspace
from sysidc.runtime.solvers.recurrence import Floats

OMEGA = np.linspace(0.0, np.pi, 60)
SIZES = pytest.mark.parametrize(
    ("order", "inputs", "outputs"), [(1, 1, 1), (3, 1, 1), (6, 1, 1), (4, 2, 2), (5, 2, 1), (4, 1, 3)]
)


def system(order: int, inputs: int, outputs: int, seed: int) -> LinearModel:
    """Stable, with its slowest pole at 0.95."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((order, order))
    A *= 0.95 / np.abs(np.linalg.eigvals(A)).max()
    B, C = rng.standard_normal((order, inputs)), rng.standard_normal((outputs, order))
    return LinearModel(A, B, C, rng.standard_normal((outputs, inputs)))


def visible_system(order: int, inputs: int, outputs: int, seed: int) -> LinearModel:
    """One whose least visible state has a Hankel singular value of 3 % of the largest, above the noise."""
    while True:
        model = system(order, inputs, outputs, seed).balanced()
        gramian = linalg.solve_discrete_lyapunov(model.A, model.B @ model.B.T)
        if gramian[-1, -1] > 0.03 * gramian[0, 0]:
            return model
        seed += 100


def driven(model: LinearModel, steps: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((steps, model.B.shape[1]))
    return u, model.simulate(u, rng.standard_normal(model.order))


def missed_response(estimate: LinearModel, model: LinearModel) -> float:
    """The largest error of the frequency response, relative to its largest value."""
    true = model.frequency_response(OMEGA)
    return float(np.abs(estimate.frequency_response(OMEGA) - true).max() / np.abs(true).max())


@SIZES
def test_without_noise_the_system_is_found_exactly(order: int, inputs: int, outputs: int) -> None:
    model = system(order, inputs, outputs, seed=order)
    estimate = subspace([driven(model, 1000, seed=1)], block=12)
    assert estimate.model.order == order
    assert missed_response(estimate.model, model) < 1e-6


@SIZES
@pytest.mark.parametrize("seed", range(3))
def test_with_one_percent_noise_the_order_is_found(order: int, inputs: int, outputs: int, seed: int) -> None:
    u, y = driven(visible_system(order, inputs, outputs, seed), 3000, seed)
    noise = 0.01 * y.std(axis=0) * np.random.default_rng(99).standard_normal(y.shape)
    assert subspace([(u, y + noise)], block=20).model.order == order


def test_units_of_the_signals_do_not_matter() -> None:
    u, y = driven(system(3, 2, 2, seed=0), 1000, seed=0)
    units_in, units_out = np.array([1e-6, 1e3]), np.array([1e4, 1e-5])
    estimate = subspace([(u, y)], block=12, states=3).model
    other = subspace([(u * units_in, y * units_out)], block=12, states=3).model
    response = units_out[:, None] * estimate.frequency_response(OMEGA) / units_in
    assert_close(other.frequency_response(OMEGA) / response, np.ones_like(response), rtol=1e-6, atol=0)


def test_several_records_are_one_estimate_with_a_start_state_each() -> None:
    model = system(4, 1, 1, seed=2)
    records = [driven(model, steps, seed=steps) for steps in (60, 400, 90)]
    estimate = subspace(records, block=12)
    assert missed_response(estimate.model, model) < 1e-6
    for (u, y), x0 in zip(records, estimate.x0, strict=True):
        assert_close(estimate.model.simulate(u, x0), y, rtol=0, atol=1e-8)


def test_windows_do_not_cross_from_record_to_record() -> None:
    model = system(3, 1, 1, seed=3)
    records = [driven(model, 50, seed=seed) for seed in range(20)]
    joined = (np.concatenate([u for u, _ in records]), np.concatenate([y for _, y in records]))
    assert missed_response(subspace(records, 10, states=3).model, model) < 1e-6
    assert missed_response(subspace([joined], 10, states=3).model, model) > 1e-3


def test_records_shorter_than_the_windows_still_fit_the_inputs() -> None:
    model = system(2, 1, 1, seed=4)
    records = [driven(model, 200, seed=0), driven(model, 5, seed=1), driven(model, 1, seed=2)]
    assert missed_response(subspace(records, 12).model, model) < 1e-6


def test_coloured_noise_biases_less_than_arx() -> None:
    model = system(3, 1, 1, seed=1)
    u, y = driven(model, 8000, seed=5)
    colour = np.asarray(signal.lfilter([1.0], [1.0, -0.9], np.random.default_rng(6).standard_normal(len(y))))
    noisy = y + (0.2 * y.std() / colour.std() * colour)[:, None]
    subspace_error = missed_response(subspace([(u, noisy)], 20, states=3).model, model)
    assert subspace_error < 0.05
    assert subspace_error < 0.2 * missed_response(arx(u[:, 0], noisy[:, 0], 3), model)


def arx(u: Floats, y: Floats, order: int) -> LinearModel:
    """y[k] on the last `order` outputs and the last `order` + 1 inputs, by least squares."""
    k = np.arange(order, len(y))[:, None]
    regressors = np.hstack([-y[k - np.arange(1, order + 1)], u[k - np.arange(order + 1)]])
    theta = np.linalg.lstsq(regressors, y[order:], rcond=None)[0]
    return LinearModel(*signal.tf2ss(theta[order:], np.concatenate([[1.0], theta[:order]])))


def test_agrees_with_a_published_implementation() -> None:
    nfoursid = pytest.importorskip("nfoursid.nfoursid")
    frame = pytest.importorskip("pandas").DataFrame
    model = system(3, 1, 1, seed=7)
    u, y = driven(model, 2000, seed=8)
    y = y + 0.02 * y.std() * np.random.default_rng(9).standard_normal(y.shape)
    published = nfoursid.NFourSID(frame({"u": u[:, 0], "y": y[:, 0]}), ["y"], ["u"], num_block_rows=15)
    published.subspace_identification()
    theirs, _ = published.system_identification(rank=3)
    theirs = LinearModel(theirs.a, theirs.b, theirs.c, theirs.d)
    ours = subspace([(u, y)], block=15, states=3).model
    assert missed_response(ours, theirs) < 0.003
    assert missed_response(ours, model) < 0.002


def test_an_unstable_system_gives_a_stable_estimate() -> None:
    model = LinearModel(np.array([[1.01]]), np.ones((1, 1)), np.ones((1, 1)), np.zeros((1, 1)))
    estimate = subspace([driven(model, 300, seed=0)], block=10, states=1)
    assert 0.98 < np.abs(estimate.model.poles()).item() < 1
    assert_close(np.isfinite(estimate.error).all().item(), True)


def test_many_columns_are_thinned_without_harm() -> None:
    model = system(3, 1, 1, seed=8)
    assert missed_response(subspace([driven(model, 60_000, seed=0)], 10).model, model) < 1e-6


def test_blocks_are_reduced_where_records_are_short() -> None:
    model = system(2, 1, 1, seed=9)
    estimate = subspace([driven(model, 60, seed=0)], block=50)
    assert estimate.block < 50
    assert missed_response(estimate.model, model) < 1e-6


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda u, y: (u[:, :1] * np.ones(2), y), r"input 1 is a combination of the inputs before it \(0\): collinear"),
        (lambda u, y: (u * [1.0, 0.0] + 3.0, y), "input 1 is constant in all records"),
        (lambda u, y: (u[:6], y[:6]), "needs longer records; the longest has 6 steps"),
        (lambda u, y: (u, np.where(y > 3, np.nan, y)), "record 0 holds values that are not finite"),
        (lambda u, y: (u[1:], y), "both are"),
    ],
    ids=["collinear", "constant", "short", "not finite", "unequal lengths"],
)
def test_records_that_tell_nothing_are_named(change, sentence: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=sentence):
        subspace([change(*driven(system(2, 2, 1, seed=0), 200, seed=0))], block=10, states=2)


def test_more_states_than_the_records_allow_are_named() -> None:
    with pytest.raises(ValueError, match="30 states cannot be estimated"):
        subspace([driven(system(2, 1, 1, seed=0), 60, seed=0)], block=50, states=30)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_records_the_model_is_stable_and_finite_or_refused_in_words(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, outputs = rng.integers(1, 4, size=2)
    records = []
    for _ in range(rng.integers(1, 4)):
        u = rng.standard_normal((rng.integers(1, 200), inputs))
        u = [u, np.cumsum(u, axis=0) * 1e8, np.sign(u), np.round(u)][seed % 4]
        y = np.exp(rng.uniform(-0.1, 0.1) * np.arange(len(u)))[:, None] * rng.standard_normal((len(u), outputs))
        records.append((u, y))
    try:
        estimate = subspace(records, int(rng.integers(2, 30)), int(rng.integers(1, 5)))
    except ValueError as error:
        assert len(str(error)) > 30
        return
    model = estimate.model
    assert np.abs(model.poles()).max() < 1
    assert all(np.isfinite(matrix).all() for matrix in (model.A, model.B, model.C, model.D, *estimate.x0))


def poorly_excited(kind: str) -> tuple[Floats, Floats]:
    t = np.arange(500.0)
    u = {
        "one sine": np.sin(0.2 * t),
        "one step": (t > 250).astype(float),
        "period shorter than the block": np.tile([1.0, 0.0, 0.0, -1.0, 0.5], 100),
        "silent output": np.random.default_rng(0).standard_normal(500),
    }[kind][:, None]
    return u, system(3, 1, 1, seed=0).simulate(u) * (kind != "silent output")


@pytest.mark.parametrize("kind", ["one sine", "one step", "period shorter than the block", "silent output"])
@pytest.mark.parametrize("states", [None, 4])
def test_poor_excitation_gives_a_finite_model_that_simulates_its_record(kind: str, states: int | None) -> None:
    u, y = poorly_excited(kind)
    estimate: SubspaceEstimate = subspace([(u, y)], block=15, states=states)
    simulated = estimate.model.simulate(u, estimate.x0[0])
    assert np.isfinite(simulated).all()
    assert kind == "silent output" or fit_percent(y, simulated).item() > 99.9
