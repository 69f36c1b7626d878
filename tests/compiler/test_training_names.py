"""Losses, optimisers, schedulers and initialisations carry torch's own names, arguments and defaults."""

from __future__ import annotations

import inspect

import pytest
import torch

from sysidc.compiler.catalogue.functions import KERNELS, LOSSES
from sysidc.compiler.catalogue.initialisations import INITS
from sysidc.compiler.catalogue.member import Member
from sysidc.compiler.catalogue.optimizers import OPTIMIZERS
from sysidc.compiler.catalogue.schedules import SCHEDULERS
from sysidc.compiler.catalogue.settings import FAMILIES
from sysidc.compiler.lower import located

OURS = {"monitor"}
TORCH = [*LOSSES.values(), *OPTIMIZERS.values(), *SCHEDULERS.values(), *INITS.values()]
UNLIKE_TORCH = {("SGD", "lr"), ("LBFGS", "line_search_fn"), ("CyclicLR", "cycle_momentum")}


@pytest.mark.parametrize("row", TORCH, ids=lambda row: row.name)
def test_arguments_are_torchs(row: Member) -> None:
    signature = inspect.signature(located(row.target)).parameters
    for argument in row.arguments:
        if argument.name in OURS:
            continue
        assert argument.name in signature, f"{row.name} has no {argument.name}"
        default = signature[argument.name].default
        if (row.name, argument.name) not in UNLIKE_TORCH and not argument.required:
            assert default is inspect.Parameter.empty or argument.default == pytest.approx(default)


FIRST_ORDER = [row for row in OPTIMIZERS.values() if row.name != "LevenbergMarquardt"]


@pytest.mark.parametrize("row", FIRST_ORDER, ids=lambda row: row.name)
def test_optimiser_takes_a_step_with_its_defaults(row: Member) -> None:
    weight = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = located(row.target)([weight], **{argument.name: argument.default for argument in row.arguments})

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    before = closure().item()
    optimizer.step(closure)
    assert closure().item() < before


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "linear start"])
def test_every_target_exists(family: str) -> None:
    for row in FAMILIES[family].values():
        assert callable(located(row.target))


def test_kernels_are_the_seven_of_the_language() -> None:
    assert set(KERNELS) == {"Box", "Epanechnikov", "Triangular", "Quartic", "Triweight", "Tricube", "Cosine"}
