"""SelfAttention: every step of a window looks at the others."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SelfAttention(nn.Module):
    """Per head: softmax(Q K' / sqrt(d)) V with [Q, K, V] = A x + a, d = channels / heads; then y = B [heads] + b.

    x (batch, time, channels) -> the same shape, in the dtype of the parameters, 4 channels (channels + 1) of them.
    Works at any length, looks at all of the window; with `causal` a step sees itself and those before it. Steps have
    no position of their own: without `causal` a permutation of the input steps permutes the output steps.
    Raises ValueError where heads do not divide the channels.
    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.
    """

    def __init__(self, channels: int, heads: int, causal: bool = False) -> None:
        super().__init__()
        if heads < 1 or channels < 1 or channels % heads:
            raise ValueError(f"{channels} channels cannot be shared by {heads} heads")
        self.heads = heads
        self.causal = causal
        self.project_in = nn.Linear(channels, 3 * channels)
        self.project_out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        # (batch, time, 3 channels) -> three of (batch, heads, time, channels / heads)
        projected = self.project_in(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        Q, K, V = projected.unbind(0)
        attended = functional.scaled_dot_product_attention(Q, K, V, is_causal=self.causal)
        y: Tensor = self.project_out(attended.transpose(1, 2).flatten(2))
        return y

    def extra_repr(self) -> str:
        return f"heads={self.heads}, causal={self.causal}"
