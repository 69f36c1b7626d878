"""A linear model is split into blocks whose product it is; poles alone give both blocks back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from torch.testing import assert_close

from sysidc.runtime.solvers import (
    LinearModel,
    block_from_poles,
    cascade_starts,
    orthonormal_basis,
    pole_products,
    random_poles,
    series,
    several_between,
    splits,
    static_curve,
)
from sysidc.runtime.solvers.recurrence import Floats
from sysidc.runtime.solvers.zero_pole_gain import from_zeros_and_poles, units

OMEGA = np.linspace(0.01, np.pi, 60)
POLES1 = np.array([0.9, 0.7 + 0.3j, 0.7 - 0.3j])
POLES2 = np.array([0.6, 0.5 + 0.6j, 0.5 - 0.6j])


def block(poles: list[complex], zeros: list[complex], gain: float = 1.0) -> LinearModel:
    return from_zeros_and_poles(units(np.array(zeros, dtype=complex)), units(np.array(poles, dtype=complex)), gain)


FIRST = block([0.9, 0.7 + 0.3j, 0.7 - 0.3j], [-0.5, 0.2], 0.03)
SECOND = block([0.6, 0.5 + 0.6j, 0.5 - 0.6j], [-0.3, 0.3 + 0.8j, 0.3 - 0.8j], 0.4)


def white(steps: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal((steps, 1))


def missed_shape(estimate: LinearModel, model: LinearModel) -> float:
    """The largest error of the frequency response after the best gain, relative to its largest value."""
    true, found = model.frequency_response(OMEGA), estimate.frequency_response(OMEGA)
    gain = np.vdot(found, true) / np.vdot(found, found)
    return float(np.abs(gain * found - true).max() / np.abs(true).max())


@pytest.mark.parametrize(
    ("model", "n1", "n2"),
    [
        (series(FIRST, SECOND), 3, 3),
        (series(FIRST, SECOND), 2, 4),
        (series(FIRST, SECOND), 6, 0),
        (series(FIRST, SECOND), 0, 6),
        (block([0.99, 0.98, 0.97, 0.96], []), 2, 2),
        (block([0.5, 0.5, -0.5], [1.5, 0.0, -20.0]), 1, 2),
        (block([0.8 + 0.5j, 0.8 - 0.5j, 0.3], [2 + 1j, 2 - 1j]), 2, 1),
        (block([0.5], [0.1]), 1, 0),
    ],
    ids=["3+3", "2+4", "one block first", "one block last", "no zeros", "feedthrough", "pairs", "first order"],
)
def test_the_product_of_every_split_is_the_model(model: LinearModel, n1: int, n2: int) -> None:
    found = splits(model, n1, n2, np.random.default_rng(0))
    assert found
    expected = model.frequency_response(OMEGA)
    for first, second in found:
        assert (first.order, second.order) == (n1, n2)
        product = series(first, second).frequency_response(OMEGA)
        assert np.abs(product - expected).max() < 1e-8 * np.abs(expected).max()


def test_the_signal_between_the_blocks_has_unit_standard_deviation() -> None:
    inputs = [np.cumsum(white(300, seed), axis=0) for seed in (0, 1)]
    for first, _ in splits(series(FIRST, SECOND), 3, 3, np.random.default_rng(0), inputs):
        between = np.concatenate([first.simulate(u) for u in inputs])
        assert_close(between.std().item(), 1.0)
    for first, _ in splits(series(FIRST, SECOND), 3, 3, np.random.default_rng(0)):
        assert_close(np.sqrt((first.impulse_response(400) ** 2).sum()).item(), 1.0)


def test_one_split_is_the_true_cascade() -> None:
    found = splits(series(FIRST, SECOND), 3, 3, np.random.default_rng(0))
    missed = [missed_shape(first, FIRST) + missed_shape(second, SECOND) for first, second in found]
    assert min(missed) < 1e-8
    assert sorted(missed)[1] > 1e-3


def test_a_seed_orders_the_splits_and_most_limits_them() -> None:
    model = series(FIRST, SECOND)
    order = [first.poles() for first, _ in splits(model, 3, 3, np.random.default_rng(1))]
    again = [first.poles() for first, _ in splits(model, 3, 3, np.random.default_rng(1), most=5)]
    assert len(again) == 5
    for poles, expected in zip(again, order[:5], strict=True):
        assert_close(poles, expected)


def test_pairs_that_cannot_be_shared_out_give_no_split() -> None:
    model = block([0.5j, -0.5j, 0.8j, -0.8j], [])
    assert splits(model, 1, 3, np.random.default_rng(0)) == []
    assert len(splits(model, 2, 2, np.random.default_rng(0))) == 2


def test_only_models_of_the_right_size_are_split() -> None:
    with pytest.raises(ValueError, match=r"one output and 1 \+ 1 states can be split, not 1 inputs, 1 outputs and 3"):
        splits(FIRST, 1, 1, np.random.default_rng(0))


@pytest.mark.parametrize("poles", [POLES1, np.array([0.9, 0.9, 0.9]), np.array([0.99j, -0.99j, 0.5]), np.array([])])
def test_basis_functions_are_orthonormal(poles: Floats) -> None:
    response = orthonormal_basis(poles.astype(complex)).impulse_response(3000)[:, :, 0]
    assert_close(response.T @ response, np.eye(len(poles) + 1), rtol=0, atol=1e-10)


@pytest.mark.parametrize("degree", [1, 2])
def test_a_linear_curve_gives_both_blocks_up_to_where_the_zeros_are(degree: int) -> None:
    u = white(1500, 0)
    cascade = series(FIRST, SECOND)
    first, second = pole_products([(u, cascade.simulate(u))], POLES1, POLES2, degree)
    product, expected = series(first, second).frequency_response(OMEGA), cascade.frequency_response(OMEGA)
    assert np.abs(product - expected).max() < 1e-6 * np.abs(expected).max()
    assert_close(first.simulate(u).std().item(), 1.0)


@pytest.mark.parametrize(
    ("curve", "degree"),
    [(lambda x: x + 0.5 * x**2, 2), (lambda x: x - 0.2 * x**3, 3), (lambda x: x**2, 2), (lambda x: x**3 + 2.0, 3)],
    ids=["odd and even", "odd", "even", "no linear part, an offset"],
)
def test_a_bent_curve_gives_both_blocks(curve: Callable[[Floats], Floats], degree: int) -> None:
    records = []
    for steps, seed in ((900, 0), (600, 1)):
        u = white(steps, seed)
        records.append((u, SECOND.simulate(curve(FIRST.simulate(u) / 0.1))))
    first, second = pole_products(records, POLES1, POLES2, degree)
    assert missed_shape(first, FIRST) < 1e-5
    assert missed_shape(second, SECOND) < 1e-5


def test_a_wiener_and_a_hammerstein_model_have_one_block() -> None:
    u = white(1500, 0)
    x = FIRST.simulate(u) / 0.1
    wiener, gain = pole_products([(u, x + 0.3 * x**2)], POLES1, np.array([], dtype=complex), 2)
    assert (missed_shape(wiener, FIRST) < 1e-5, gain.order) == (True, 0)
    gain, hammerstein = pole_products([(u, SECOND.simulate(u + 0.3 * u**2))], np.array([], dtype=complex), POLES2, 2)
    assert (missed_shape(hammerstein, SECOND) < 1e-5, gain.order) == (True, 0)


def test_products_need_poles_inside_the_unit_circle_and_a_degree() -> None:
    u = white(100, 0)
    with pytest.raises(ValueError, match="inside the unit circle"):
        pole_products([(u, u)], np.array([1.0 + 0j]), POLES2, 2)
    with pytest.raises(ValueError, match="a degree of at least 1"):
        pole_products([(u, u)], POLES1, POLES2, 0)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 20])
def test_random_poles_are_stable_and_closed_under_conjugation(count: int) -> None:
    poles = random_poles(count, np.random.default_rng(count))
    assert len(poles) == count
    assert np.abs(poles).max(initial=0.0) < 1
    assert_close(np.sort_complex(poles), np.sort_complex(poles.conj()))
    assert_close(poles, random_poles(count, np.random.default_rng(count)))


def test_a_random_block_has_its_poles_and_unit_output() -> None:
    inputs = [white(500, seed) for seed in (0, 1)]
    drawn = block_from_poles(POLES1, inputs, np.random.default_rng(2))
    assert_close(np.sort_complex(drawn.poles()), np.sort_complex(POLES1))
    assert_close(np.concatenate([drawn.simulate(u) for u in inputs]).std().item(), 1.0)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_mean_of_several_signals_between_the_blocks_is_the_one_there_was(channels: int) -> None:
    before, behind = several_between(FIRST, SECOND, channels)
    expected = series(FIRST, SECOND).frequency_response(OMEGA)
    assert_close(series(before, behind).frequency_response(OMEGA), expected)
    u = white(50, 2)
    assert_close(before.simulate(u).mean(axis=1, keepdims=True), FIRST.simulate(u))


def test_two_signals_between_the_blocks_lie_half_a_step_apart() -> None:
    slow = block([0.999, 0.99 + 0.02j, 0.99 - 0.02j], [], 1e-4)
    earlier, later = several_between(slow, SECOND, 2)[0].simulate(np.ones((400, 1))).T
    assert_close((later - earlier)[:-1], np.diff(earlier + later) / 4, rtol=1e-2, atol=1e-6)


def test_the_curve_between_known_blocks_is_found() -> None:
    records = [(white(steps, seed), SECOND) for steps, seed in ((400, 0), (300, 1))]
    driven = [(u, SECOND.simulate(np.abs(FIRST.simulate(u) / 0.1) + 1.0)) for u, _ in records]
    curve = static_curve(driven, FIRST, SECOND, knots=41)
    x = np.linspace(-0.2, 0.2, 21)
    assert_close(curve(x), np.abs(x / 0.1) + 1.0, rtol=0, atol=0.1)
    assert curve.error < 0.02


def test_a_line_between_the_blocks_is_found_exactly_and_goes_on() -> None:
    u = white(400, 0)
    curve = static_curve([(u, SECOND.simulate(3 * FIRST.simulate(u) - 1))], FIRST, SECOND)
    x = np.linspace(-9, 9, 7)
    assert_close(curve(x), 3 * x - 1, rtol=1e-6, atol=1e-6)


def test_from_a_linear_model_the_true_cascade_comes_first() -> None:
    u = white(1200, 3)
    x = FIRST.simulate(u) / 0.1
    y = SECOND.simulate(x - 0.1 * x**3)
    model = series(FIRST, SECOND)
    starts = cascade_starts([(u, y)], model, 3, 3, np.random.default_rng(0), most=4)
    assert [start.curve.error for start in starts] == sorted(start.curve.error for start in starts)
    assert missed_shape(starts[0].first, FIRST) < 1e-4
    assert missed_shape(starts[0].second, SECOND) < 1e-4
    assert_close(starts[0].first.simulate(u).std().item(), 1.0)


def test_pairs_that_cannot_be_shared_out_give_no_start() -> None:
    u = white(200, 0)
    assert cascade_starts([(u, u)], block([0.5j, -0.5j], []), 1, 1, np.random.default_rng(0)) == []
