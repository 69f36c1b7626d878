"""Starts for a cascade linear - static curve - linear: a linear model split in two, or blocks with random poles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice

import numpy as np
from scipy import linalg

from sysidc.runtime.solvers.linear_model import Complexes, LinearModel
from sysidc.runtime.solvers.orthonormal_basis import orthonormal_basis, with_numerator
from sysidc.runtime.solvers.recurrence import Floats
from sysidc.runtime.solvers.zero_pole_gain import Unit, from_zeros_and_poles, units

ENUMERATED = 20_000
"""Of more ways to share out poles and zeros than this only the first are shuffled."""


def splits(
    model: LinearModel,
    n1: int,
    n2: int,
    rng: np.random.Generator,
    inputs: Sequence[Floats] | None = None,
    most: int = 64,
) -> list[tuple[LinearModel, LinearModel]]:
    """Two blocks of n1 and n2 states whose product is the model, for up to `most` ways to share poles and zeros.

    `model` has one input and one output and n1 + n2 states. Conjugate pairs stay together, no block has more zeros than
    poles, and the signal between the blocks has unit standard deviation under `inputs`, each (time, 1), or under white
    noise of unit variance. The order is random by `rng`. The list is empty where no sharing is possible, as for three
    pairs of poles on blocks of three states. n1 = 0 or n2 = 0 leaves one block a gain.
    Raises ValueError for more channels, another number of states and, without `inputs`, an unstable model.
    """
    if model.D.shape != (1, 1) or model.order != n1 + n2:
        raise ValueError(f"a model of one input, one output and {n1} + {n2} states can be split, not {_size(model)}")
    zeros = model.zeros()
    gain = _gain(model, zeros)
    shared = list(islice(_sharings(units(model.poles()), units(zeros), n1, n2), ENUMERATED))
    chosen = [shared[index] for index in rng.permutation(len(shared))[:most]]
    return [_blocks(first, second, gain, inputs) for first, second in chosen]


def several_between(first: LinearModel, second: LinearModel, channels: int) -> tuple[LinearModel, LinearModel]:
    """The same cascade with several signals between its blocks, whose mean is the one there was.

    They stand for the signal at as many times around each sample, 1 / channels of a step apart, by the straight line to
    the next sample as far as that is known. Behind a curve their mean tells what a circuit in continuous time does
    between two samples, which the sample alone does not.
    """
    later = ((np.arange(channels) + 0.5) / channels - 0.5)[:, None]
    C = first.C + later * (first.C @ first.A - first.C)
    D = first.D + later * (first.C @ first.B - first.D)
    B2, D2 = (np.repeat(matrix / channels, channels, axis=1) for matrix in (second.B, second.D))
    return LinearModel(first.A, first.B, C, D), LinearModel(second.A, B2, second.C, D2)


def random_poles(count: int, rng: np.random.Generator, slowest: float = 100.0) -> Complexes:
    """`count` stable poles, time constants spread evenly in their logarithm from 1 to `slowest` steps.

    About half of them are pairs, with frequencies as evenly spread, so that light damping occurs.
    """
    poles: list[complex] = []
    while len(poles) < count:
        decay = np.exp(-1 / np.exp(rng.uniform(0.0, np.log(slowest))))
        angle = np.exp(rng.uniform(np.log(2 * np.pi / slowest), np.log(0.9 * np.pi)))
        pair = len(poles) + 2 <= count and rng.uniform() < 0.5
        poles += [decay * np.exp(1j * angle), decay * np.exp(-1j * angle)] if pair else [complex(decay)]
    return np.array(poles, dtype=np.complex128)


def block_from_poles(poles: Complexes, inputs: Sequence[Floats], rng: np.random.Generator) -> LinearModel:
    """One input, one output, the given poles and a random numerator, in which no function of the basis is preferred.

    Driven by `inputs`, each (time, 1), its output has unit standard deviation.
    """
    basis = orthonormal_basis(poles)
    return scaled_output(with_numerator(basis, rng.standard_normal(basis.order + 1)), inputs)


def scaled_output(model: LinearModel, inputs: Sequence[Floats] | None) -> LinearModel:
    """The model with C and D divided by the standard deviation of its one output, as long as that is not zero."""
    spread = _spread(model, inputs)
    return LinearModel(model.A, model.B, model.C / spread, model.D / spread) if spread > 0 else model


def _sharings(
    poles: Sequence[Unit], zeros: Sequence[Unit], n1: int, n2: int
) -> Iterator[tuple[tuple[list[Unit], list[Unit]], tuple[list[Unit], list[Unit]]]]:
    """(zeros, poles) of the first block and (zeros, poles) of the second, in every way."""
    for poles1, poles2 in _halves(poles):
        if sum(map(len, poles1)) == n1:
            for zeros1, zeros2 in _halves(zeros):
                if sum(map(len, zeros1)) <= n1 and sum(map(len, zeros2)) <= n2:
                    yield (zeros1, poles1), (zeros2, poles2)


def _halves(roots: Sequence[Unit]) -> Iterator[tuple[list[Unit], list[Unit]]]:
    for count in range(len(roots) + 1):
        for taken in combinations(range(len(roots)), count):
            yield [roots[i] for i in taken], [roots[i] for i in range(len(roots)) if i not in taken]


def _blocks(
    first: tuple[list[Unit], list[Unit]],
    second: tuple[list[Unit], list[Unit]],
    gain: float,
    inputs: Sequence[Floats] | None,
) -> tuple[LinearModel, LinearModel]:
    plain = from_zeros_and_poles(*first, gain=1.0)
    spread = _spread(plain, inputs) or 1.0
    return LinearModel(plain.A, plain.B, plain.C / spread, plain.D / spread), from_zeros_and_poles(
        *second, gain * spread
    )


def _gain(model: LinearModel, zeros: Complexes) -> float:
    """The factor before prod (z - zeros) / prod (z - poles), read at a point of the unit circle away from all zeros."""
    points = np.exp(1j * np.linspace(0.1, 3.0, 30))
    best = points[np.argmax(np.abs(points[:, None] - zeros).min(axis=1))] if len(zeros) else points[0]
    response = model.frequency_response(np.angle([best]))[0, 0, 0]
    return float((response * np.prod(best - model.poles()) / np.prod(best - zeros)).real)


def _spread(model: LinearModel, inputs: Sequence[Floats] | None) -> float:
    """The standard deviation of the output under the inputs, or under white noise of unit variance."""
    if inputs is not None:
        return float(np.concatenate([model.simulate(u) for u in inputs]).std())
    if np.abs(model.poles()).max(initial=0.0) >= 1:
        raise ValueError("without inputs an unstable model cannot be scaled")
    if not model.order:
        return float(np.abs(model.D).item())
    variance = model.C @ linalg.solve_discrete_lyapunov(model.A, model.B @ model.B.T) @ model.C.T + model.D @ model.D.T
    return float(np.sqrt(variance.item()))


def _size(model: LinearModel) -> str:
    outputs, inputs = model.D.shape
    return f"{inputs} inputs, {outputs} outputs and {model.order} states"
