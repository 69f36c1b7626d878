"""Averages of the best candidates: of whatever structure, kept in a run folder, never spoiled by one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.dsl.source import Source
from sysidc.runtime.nn import PolynomialStateSpace, StateSpace
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs.candidates import Candidate
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.open_race import with_a_tame_one, with_the_smallest
from sysidc.runtime.runs.structures import structures

TEXT = """sysid 1
signals { input u : float64  output y : float64 }
data { train = duffing(samples = 200, seed = 1) }
model m: u[all], y[5] -> y[all] { StateSpace }
train simulation { }
"""


def members() -> tuple[Plan, ...]:
    plan = compile_source(Source("test.sysid", TEXT, Path("test.sysid"))).plan
    assert plan is not None
    found = {item.name: item.plan for item in structures(plan, [2, 3])}
    return found["2 states, polynomial of degree 3"], found["3 states, network in f"]


def test_an_average_of_two_structures_is_the_same_behind_its_run_folder(tmp_path: Path) -> None:
    plans = members()
    trained = Trained.untrained(plans[0], plans)
    assert isinstance(trained.stack, Ensemble)
    trained.stack.high.fill_(100.0)
    trained.save(tmp_path)
    loaded = Trained.load(tmp_path, plans[0])
    assert [type(member[0]) for member in loaded.stack.members] == [PolynomialStateSpace, StateSpace]  # type: ignore[union-attr]
    x = 0.1 * torch.randn(2, 40, 2, dtype=torch.float64)
    with torch.no_grad():
        alone = [member(x) for member in trained.stack.members]
        torch.testing.assert_close(loaded.stack(x), (alone[0] + alone[1]) / 2)


class _Returns(nn.Module):
    def __init__(self, y: Tensor) -> None:
        super().__init__()
        self.y = y

    def forward(self, x: Tensor) -> Tensor:
        return self.y


@pytest.mark.parametrize("wild", [float("nan"), float("inf"), 3.1, -2.1])
def test_a_member_that_leaves_the_range_of_the_outputs_by_more_than_its_width_does_not_count(wild: float) -> None:
    calm = torch.tensor([[[0.2], [0.4]], [[0.1], [0.3]]])
    lost = calm + 0.1
    lost[0, 1] = wild
    both = Ensemble([_Returns(calm), _Returns(lost)], torch.tensor([0.0]), torch.tensor([1.0]))
    torch.testing.assert_close(both(calm), torch.stack([calm[0], calm[1] + 0.05]))


def test_where_all_members_run_away_the_last_to_leave_is_held_at_a_width_from_the_range() -> None:
    early = torch.tensor([[[0.5], [7.0], [1e132], [float("inf")], [float("nan")]]], dtype=torch.float64)
    late = torch.tensor([[[0.4], [0.6], [1.9], [1e9], [float("nan")]]], dtype=torch.float64)
    low, high = torch.zeros(1).double(), torch.ones(1).double()
    both = Ensemble([_Returns(early), _Returns(late)], low, high)
    torch.testing.assert_close(both(early)[0, :, 0].tolist(), [0.4, 0.6, 1.9, 2.0, 0.5])


def test_members_that_run_away_at_once_are_averaged_where_they_are_numbers() -> None:
    nothing, far = torch.full((1, 3, 1), float("nan")), torch.tensor([[[9.0], [-9.0], [float("-inf")]]])
    both = Ensemble([_Returns(nothing), _Returns(far)], torch.tensor([0.0]), torch.tensor([1.0]))
    torch.testing.assert_close(both(far), torch.tensor([[[2.0], [-1.0], [-1.0]]]))
    torch.testing.assert_close(
        Ensemble([_Returns(nothing)], torch.tensor([0.0]), torch.tensor([1.0]))(far), torch.full((1, 3, 1), 0.5)
    )


def test_a_spare_member_stands_in_where_all_others_run_away() -> None:
    """In the first window the others stay, in the second they leave; where the spare one leaves too the last counts."""
    good, spare = torch.tensor([[[0.2]], [[7.0]], [[7.0]]]), torch.tensor([[[0.8]], [[0.8]], [[-9.0]]])
    both = Ensemble([_Returns(good), _Returns(spare)], torch.tensor([0.0]), torch.tensor([1.0]), spare=1)
    torch.testing.assert_close(both(good), torch.tensor([[[0.2]], [[0.8]], [[0.5]]]))


def test_of_models_that_are_as_good_the_smallest_goes_on_and_a_worse_one_does_not() -> None:
    sizes = {"large": 9, "larger": 10, "small": 2, "tiny": 1}
    errors = {"large": 1.0, "larger": 1.001, "small": 1.009, "tiny": 1.02}
    ranked = [
        Candidate(name, 0, {"w": torch.zeros(sizes[name])}, {}, error, error, 1, 0.0, [])
        for name, error in errors.items()
    ]
    assert [item.structure for item in with_the_smallest(ranked, 2, lambda item: item.score)[:2]] == ["large", "small"]
    assert with_the_smallest(ranked, 1, lambda item: item.score)[0].structure == "small"


def test_of_several_models_one_at_least_is_tame() -> None:
    ranked = [Candidate(name, 0, {}, {}, 1.0, 1.0, 1, 0.0, []) for name in ("cubic", "square", "network", "linear")]
    kept = {
        count: [item.structure for item in with_a_tame_one(ranked, count, lambda item: item.structure == "network")]
        for count in (1, 2, 3)
    }
    assert kept[1] == kept[3] == ["cubic", "square", "network", "linear"]
    assert kept[2] == ["cubic", "network", "square", "linear"]
    assert with_a_tame_one(ranked, 2, lambda item: False) == ranked
