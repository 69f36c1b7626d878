"""Embedding of integer channels."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn


class Embedding(nn.Module):
    """y[t] = [E[x[t, 0]], E[x[t, 1]], ...]: the rows of one learned table E, shared by all channels, side by side.

    x (batch, time, channels) of integers 0 .. num_embeddings - 1 -> (batch, time, channels * embedding_dim), in the
    dtype of the table, num_embeddings * embedding_dim parameters. Looks neither back nor ahead. Raises ValueError for
    an x that is no integer, has another number of channels, or (on the CPU) holds a number that the table lacks.
    """

    takes_integers: ClassVar[bool] = True

    def __init__(self, num_embeddings: int, embedding_dim: int, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels
        self.table = nn.Embedding(num_embeddings, embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        if x.is_floating_point() or x.is_complex():
            raise ValueError(f"an embedding looks integers up, not {x.dtype}")
        if x.shape[2] != self.channels:
            raise ValueError(f"{x.shape[2]} channels arrive, {self.channels} were promised")
        try:
            rows: Tensor = self.table(x.long())
        except IndexError as error:
            last = self.table.num_embeddings - 1
            found = f"{int(x.min())} .. {int(x.max())}"
            raise ValueError(f"the table has rows 0 .. {last}, the input holds {found}") from error
        return rows.flatten(2)

    def extra_repr(self) -> str:
        return f"channels={self.channels}"
