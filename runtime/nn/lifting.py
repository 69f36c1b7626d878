"""Which floating dtype a cast input is lifted to before a module computes with it."""

from __future__ import annotations

from itertools import chain

import torch
from torch import nn

PASSES_ANY_DTYPE = (nn.Identity, nn.Flatten)
TAKES_INTEGERS = (nn.Embedding, nn.EmbeddingBag)


def lifted_dtype(module: nn.Module, in_dtype: torch.dtype, out_dtype: torch.dtype) -> torch.dtype:
    """The dtype in which `module` is given an input that was cast to `in_dtype`.

    The first module that consumes the values decides: one that looks integers up keeps them, one with floating
    parameters or buffers gets their dtype. Without any parameters integers become `out_dtype` where that is floating,
    torch's default dtype elsewhere.
    """
    consumer = first_consumer(module)
    if in_dtype.is_complex or consumer is None or takes_integers(consumer):
        return in_dtype
    own = floating_dtype(consumer) or floating_dtype(module)
    if own is not None:
        return own
    if in_dtype.is_floating_point:
        return in_dtype
    return out_dtype if out_dtype.is_floating_point else torch.get_default_dtype()


def first_consumer(module: nn.Module) -> nn.Module | None:
    """The first module that computes with the values of the input, None where all of `module` only moves them.

    nn.Sequential is looked into. A layer with `passes_any_dtype = True` is looked past: it does to integers what it
    does to floats. A residual counts as a consumer: its sum needs the branch and the input in one dtype.
    """
    if isinstance(module, nn.Sequential):
        consumers = (first_consumer(child) for child in module)
        return next((consumer for consumer in consumers if consumer is not None), None)
    if isinstance(module, PASSES_ANY_DTYPE) or getattr(module, "passes_any_dtype", False):
        return None
    return module


def takes_integers(module: nn.Module) -> bool:
    """Whether the module reads integers as they are: torch's embeddings, and any class with `takes_integers = True`."""
    return isinstance(module, TAKES_INTEGERS) or bool(getattr(module, "takes_integers", False))


def floating_dtype(module: nn.Module) -> torch.dtype | None:
    """The dtype of the first floating parameter or buffer, None where there is none."""
    tensors = chain(module.parameters(), module.buffers())
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), None)
