"""Responses, poles and zeros of a linear model agree with scipy and with its own impulse response."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal
from torch.testing import assert_close

from sysidc.runtime.solvers import LinearModel, fit_percent, series

OMEGA = np.linspace(0.0, np.pi, 50)


def stable(order: int, inputs: int, outputs: int, seed: int, radius: float = 0.95) -> LinearModel:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((order, order))
    A *= radius / np.abs(np.linalg.eigvals(A)).max()
    B, C = rng.standard_normal((order, inputs)), rng.standard_normal((outputs, order))
    return LinearModel(A, B, C, rng.standard_normal((outputs, inputs)))


@pytest.mark.parametrize("steps", [0, 1, 63, 64, 65, 1000])
def test_simulation_agrees_with_scipy(steps: int) -> None:
    model = stable(4, 2, 3, seed=steps)
    rng = np.random.default_rng(1)
    u, x0 = rng.standard_normal((steps, 2)), rng.standard_normal(4)
    if steps < 2:
        expected_y, expected_x = u @ model.D.T + (model.C @ x0)[None][:steps], x0[None][:steps]
    else:
        simulated = signal.dlsim((model.A, model.B, model.C, model.D, 1), u, x0=x0)
        expected_y, expected_x = simulated[1], simulated[-1]
    assert_close(model.states(u, x0), expected_x)
    assert_close(model.simulate(u, x0), expected_y)


def test_a_model_without_states_is_its_feedthrough() -> None:
    A, B, C = np.zeros((0, 0)), np.zeros((0, 2)), np.zeros((1, 0))
    model = LinearModel(A, B, C, np.ones((1, 2)))
    u = np.random.default_rng(0).standard_normal((100, 2))
    assert_close(model.simulate(u), u @ model.D.T)


def test_an_impulse_gives_the_markov_parameters() -> None:
    model = stable(5, 2, 2, seed=3)
    impulse = np.zeros((40, 2))
    impulse[0, 1] = 1.0
    assert_close(model.impulse_response(40)[:, :, 1], model.simulate(impulse))


def test_the_frequency_response_is_the_transform_of_the_impulse_response() -> None:
    model = stable(3, 2, 2, seed=4, radius=0.6)
    delays = np.exp(-1j * np.outer(OMEGA, np.arange(120)))
    assert_close(model.frequency_response(OMEGA), np.einsum("wk,kpm->wpm", delays, model.impulse_response(120)))


def test_zeros_of_one_channel_are_the_roots_of_the_numerator() -> None:
    numerator, denominator = [2.0, -1.0, 0.3], np.poly([0.9, 0.5 + 0.2j, 0.5 - 0.2j, -0.4])
    model = LinearModel(*signal.tf2ss(numerator, denominator))
    assert_close(np.sort_complex(model.zeros()), np.sort_complex(np.roots(numerator)))


@pytest.mark.parametrize("feedthrough", [0.0, 1.0])
def test_at_a_transmission_zero_the_response_loses_rank(feedthrough: float) -> None:
    model = stable(6, 2, 2, seed=5)
    model = LinearModel(model.A, model.B, model.C, feedthrough * model.D)
    zeros = model.zeros()
    assert len(zeros) == (6 if feedthrough else 4)
    for zero in zeros:
        response = model.C @ np.linalg.solve(zero * np.eye(6) - model.A, model.B) + model.D
        largest, smallest = np.linalg.svd(response)[1]
        assert smallest < 1e-10 * largest


def test_zeros_need_a_square_invertible_model() -> None:
    with pytest.raises(ValueError, match="as many inputs as outputs"):
        stable(3, 1, 2, seed=0).zeros()
    model = stable(3, 2, 2, seed=0)
    with pytest.raises(ValueError, match="singular at every frequency"):
        LinearModel(model.A, model.B, model.C[[0, 0]], model.D[[0, 0]]).zeros()


def test_poles_outside_the_unit_circle_are_mirrored_into_it() -> None:
    model = stable(5, 1, 1, seed=6, radius=1.3)
    poles = model.poles()
    expected = np.where(np.abs(poles) > 1, 1 / poles.conj(), poles)
    mirrored = model.stabilised()
    assert_close(np.sort_complex(mirrored.poles()), np.sort_complex(expected))
    assert mirrored.stabilised() is mirrored


def test_an_integrator_is_put_just_inside_the_unit_circle() -> None:
    one = np.ones((1, 1))
    assert 0.999 < LinearModel(one, one, one, one).stabilised().A.item() < 1


def test_scaled_states_have_unit_standard_deviation() -> None:
    model = stable(4, 2, 1, seed=7)
    rng = np.random.default_rng(8)
    records = [rng.standard_normal((steps, 2)) for steps in (300, 500)]
    scaled = model.scaled(records)
    states = np.concatenate([scaled.states(u) for u in records])
    assert_close(states.std(axis=0), np.ones(4))
    assert_close(scaled.frequency_response(OMEGA), model.frequency_response(OMEGA))


def test_levelled_states_are_uncorrelated_and_weak_ones_are_amplified_no_more_than_the_bound_allows() -> None:
    model = stable(4, 2, 1, seed=7)
    records = [np.random.default_rng(8).standard_normal((500, 2))]
    before = np.linalg.eigvalsh(np.cov(model.states(records[0]).T))
    levelled = model.levelled(records, least=0.3)
    after = np.cov(levelled.states(records[0]).T)
    assert_close(np.sort(np.linalg.eigvalsh(after)), np.sort(np.minimum(1, before / (0.3 * before[-1]))))
    assert_close(levelled.frequency_response(OMEGA), model.frequency_response(OMEGA))


def test_states_at_rest_are_not_levelled() -> None:
    model = stable(4, 2, 1, seed=7)
    assert_close(model.levelled([np.zeros((50, 2))]).A, model.A)


def test_balanced_gramians_are_one_diagonal() -> None:
    model = stable(4, 1, 2, seed=9).balanced()
    reached = sum(M @ M.T for M in (np.linalg.matrix_power(model.A, k) @ model.B for k in range(800)))
    seen = sum(M.T @ M for M in (model.C @ np.linalg.matrix_power(model.A, k) for k in range(800)))
    assert_close(reached, np.diag(np.diag(reached)))
    assert_close(reached, seen)


def test_in_series_the_responses_multiply() -> None:
    first, second = stable(2, 1, 2, seed=10), stable(3, 2, 1, seed=11)
    product = second.frequency_response(OMEGA) @ first.frequency_response(OMEGA)
    assert_close(series(first, second).frequency_response(OMEGA), product)


def test_shapes_that_do_not_fit_are_told() -> None:
    with pytest.raises(ValueError, match="A, B, C have the shapes"):
        LinearModel(np.eye(2), np.ones((3, 1)), np.ones((1, 2)), np.ones((1, 1)))


def test_fit_is_hundred_where_exact_and_zero_at_the_mean() -> None:
    y = np.random.default_rng(0).standard_normal((50, 2))
    assert_close(fit_percent(y, y), np.full(2, 100.0))
    assert_close(fit_percent(y, np.broadcast_to(y.mean(axis=0), y.shape)), np.zeros(2))
