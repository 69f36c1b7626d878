"""BatchNorm1d that knows that time comes first."""

from __future__ import annotations

from torch import Tensor, nn


class BatchNorm1d(nn.Module):
    """y = (x - mean) / sqrt(var + eps) * gamma + beta, mean and variance per channel over batch and time.

    x (batch, time, num_features) -> the same shape, in the dtype of the parameters, which are torch.nn.BatchNorm1d's.
    In training the statistics are those of the batch (each step sees the whole batch; torch raises ValueError for a
    single sample), in evaluation the running ones, and then it looks neither back nor ahead.
    Source: Ioffe and Szegedy, Batch Normalization (2015).
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(num_features, eps, momentum, affine, track_running_stats)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x.transpose(1, 2))
        return y.transpose(1, 2)
