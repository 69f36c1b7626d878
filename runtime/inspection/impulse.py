"""Impulse responses of all inputs together, and the dead time that they begin with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, signal

from sysidc.runtime.inspection.channels import Channels
from sysidc.runtime.inspection.onset import onset
from sysidc.runtime.solvers.recurrence import Floats

LONGEST = 100
"""So many lags are solved for; before them come those of a long delay, in which nothing is answered."""

LATE, AHEAD = 60, 30
"""Answers that begin later than LATE steps are solved for from AHEAD steps before they begin."""

RIDGE = 1e-6
"""Relative size of what keeps an input without high frequencies from being divided by zero."""

CLEAR, SHARP, SILENT, CHANCE = 40.0, 0.2, 0.05, 4.5
"""A response is clear when its largest value is CLEAR times chance; it begins where it passes SILENT times the largest
value and CHANCE times chance, and only if it then is SHARP times the largest: a slow beginning is no delay."""

SETTLED = 0.02
"""The response is over when what follows holds this share of its energy."""


@dataclass(frozen=True)
class ImpulseResponse:
    """`values` (lags, outputs, inputs) for the lags 0 .. in units of standard deviations; `chance` (outputs, inputs) is
    the root mean square of the values before time zero, where a system without feedback answers nothing. `skipped` lags
    of each input come before a late answer and are zero."""

    values: Floats
    chance: Floats
    skipped: tuple[int, ...] = ()

    def delay(self, output: int, given: int) -> int | None:
        """The first lag at which the output answers, None where that is not clear."""
        response = np.abs(self.values[:, output, given])
        chance, largest = self.chance[output, given], float(response.max())
        if largest < CLEAR * chance:
            return None
        begins = int(np.argmax(response > max(SILENT * largest, CHANCE * chance)))
        skipped = self.skipped[given] if self.skipped else 0
        silent = begins > skipped or not skipped  # an answer that has begun in what was skipped has no clear beginning
        return begins if silent and response[begins] >= SHARP * largest else None

    def answers(self, output: int, given: int) -> bool:
        """Whether the output answers the input at all, by six times chance."""
        return bool(np.abs(self.values[:, output, given]).max() > 6 * self.chance[output, given])

    @property
    def length(self) -> int:
        """So many lags hold all but SETTLED of the energy above chance."""
        energy = np.maximum(self.values**2 - (2 * self.chance) ** 2, 0).sum(axis=(1, 2))
        rest = energy[::-1].cumsum()[::-1]
        return int((rest > SETTLED**2 * rest[0]).sum()) if rest[0] > 0 else 0


def impulse_response(measured: Channels) -> ImpulseResponse | None:
    """By least squares on lags of both signs, from correlations over all records; None where records are too short."""
    late = tuple(_late(measured, given) for given in range(len(measured.inputs)))
    found = _solved(measured.delayed(late) if any(late) else measured)
    if found is None or not any(late):
        return found
    lags, outputs, inputs = found.values.shape
    values = np.zeros((lags + max(late), outputs, inputs))
    for given, skipped in enumerate(late):
        values[skipped : skipped + lags, :, given] = found.values[:, :, given]
    return ImpulseResponse(values, found.chance, late)


def _late(measured: Channels, given: int) -> int:
    """Steps that can be skipped before any output answers an input, 0 where the answer is not late."""
    begins = [onset(measured, output, given) for output in range(len(measured.outputs))]
    first = min((lag for lag in begins if lag is not None), default=0)
    return first - AHEAD if first > LATE else 0


def _solved(measured: Channels) -> ImpulseResponse | None:
    inputs, outputs = len(measured.inputs), len(measured.outputs)
    shortest = max((len(u) for u, _ in measured.records), default=0)
    lags = min(LONGEST, shortest // 10, measured.samples // (8 * max(1, inputs)))
    if inputs == 0 or lags < 4:
        return None
    among, between = _correlations(measured, lags)
    width = 2 * lags + 1
    matrix = np.block(
        [
            [linalg.toeplitz(among[j, i, 2 * lags :], among[i, j, 2 * lags :]) for j in range(inputs)]
            for i in range(inputs)
        ]
    )
    matrix += RIDGE * matrix[0, 0] * np.eye(len(matrix))
    right = np.stack([between[q].reshape(-1) for q in range(outputs)], axis=1)
    solved = linalg.solve(matrix, right, assume_a="sym").T.reshape(outputs, inputs, width)
    chance = np.sqrt(np.mean(solved[:, :, :lags] ** 2, axis=2))
    return ImpulseResponse(np.moveaxis(solved[:, :, lags:], 2, 0), chance)


def _correlations(measured: Channels, lags: int) -> tuple[Floats, Floats]:
    """u_i with u_j for the lags -2 lags .. 2 lags, (inputs, inputs, ..); y_q with u_i for -lags .. lags."""
    inputs, outputs = len(measured.inputs), len(measured.outputs)
    among, between = np.zeros((inputs, inputs, 4 * lags + 1)), np.zeros((outputs, inputs, 2 * lags + 1))
    for u, y in measured.records:
        for i in range(inputs):
            for j in range(inputs):
                among[i, j] += _correlation(u[:, i], u[:, j], 2 * lags)
            for q in range(outputs):
                between[q, i] += _correlation(y[:, q], u[:, i], lags)
    return among, between


def _correlation(later: Floats, earlier: Floats, most: int) -> Floats:
    """sum of later[k + lag] earlier[k] for the lags -most .. most; records shorter than that add zeros."""
    steps = len(later)
    full = signal.correlate(later, earlier, mode="full", method="fft")
    padded = np.pad(full, most)
    middle = steps - 1 + most
    return np.asarray(padded[middle - most : middle + most + 1])
