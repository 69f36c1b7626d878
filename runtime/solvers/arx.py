"""Linear prediction one step ahead from outputs and inputs before it: its poles and what it misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sysidc.runtime.solvers.hankel import Pair
from sysidc.runtime.solvers.linear_model import Complexes
from sysidc.runtime.solvers.recurrence import Floats


@dataclass(frozen=True)
class Arx:
    """y[k] = sum of A[i] y[k-i], i = 1 .. lags, + sum of B[i] u[k-i], i = 0 .. lags, + c + e[k].

    `A` (lags, outputs, outputs); `error` (outputs,) is the root mean square of e, its variance corrected for the
    numbers fitted.
    """

    A: Floats
    error: Floats

    def poles(self) -> Complexes:
        """The lags * outputs poles of y without inputs."""
        lags, outputs, _ = self.A.shape
        companion = np.eye(lags * outputs, k=-outputs)
        companion[:outputs] = np.hstack(list(self.A))
        return np.linalg.eigvals(companion).astype(np.complex128)


def arx(records: Sequence[Pair], lags: int) -> Arx | None:
    """By least squares over all records, each u (time, inputs) and y (time, outputs); None where they are too short for
    twice as many samples as numbers.

    Source: Ljung, System Identification, 2nd ed. (1999), ch. 4.
    """
    long = [(u, y) for u, y in records if len(y) > lags]
    if not long:
        return None
    X, Y = np.concatenate([_lagged(u, y, lags) for u, y in long]), np.concatenate([y[lags:] for _, y in long])
    free = len(X) - X.shape[1]
    if free < X.shape[1]:
        return None
    found = np.linalg.lstsq(X, Y, rcond=None)[0]
    outputs = Y.shape[1]
    A = found[: lags * outputs].reshape(lags, outputs, outputs).transpose(0, 2, 1)
    return Arx(A, np.sqrt(((Y - X @ found) ** 2).sum(axis=0) / free))


def _lagged(u: Floats, y: Floats, lags: int) -> Floats:
    """(time - lags, ...) of y[k-1] .. y[k-lags], u[k] .. u[k-lags] and 1 for k = lags .."""
    steps = len(y)
    columns = [y[lags - lag : steps - lag] for lag in range(1, lags + 1)]
    columns += [u[lags - lag : steps - lag] for lag in range(lags + 1)]
    return np.concatenate([*columns, np.ones((steps - lags, 1))], axis=1)
