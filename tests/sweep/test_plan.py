"""What a file says about a sweep: domains, settings, and that a sweep changes no run."""

from __future__ import annotations

import pytest

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import DomainPlan, Plan, SweepPlan, from_json, to_json
from sysidc.dsl.source import Source

REST = """
signals { input u  output y }
model m: u[4] -> y[4] { Linear(width)  Linear(1) }
data { train = "a.csv" }
train simulation { optimizer = AdamW(lr = 1e-3)  epochs = epochs }
"""


def plan(params: str, sweep: str = "", **overrides: object) -> Plan:
    found = compile_source(Source("a.sysid", f"sysid 1\n{params}\n{REST}{sweep}"), overrides)
    assert found.plan is not None, found.diagnostics
    return found.plan


def sweep_of(params: str, sweep: str = "", **overrides: object) -> SweepPlan:
    found = plan(params, sweep, **overrides).sweep
    assert found is not None
    return found


WIDTH = "param width = 16 in [16, 2 * 16, 64]\n"
EPOCHS = "param epochs = 4 in 2 .. 8\n"


def test_a_list_a_whole_range_and_a_range_become_domains() -> None:
    domains = sweep_of(WIDTH + EPOCHS + "param rate = 1e-3 in 1e-4 .. 1e-2 log").domains
    assert domains == (
        DomainPlan("width", 16, (16, 32, 64)),
        DomainPlan("epochs", 4, None, 2, 8, False, True),
        DomainPlan("rate", 1e-3, None, 1e-4, 1e-2, True, False),
    )


def test_a_value_that_is_no_number_stays_as_it_was_written() -> None:
    domains = sweep_of('param width = 8\nparam epochs = 4\nparam file = "a.csv" in ["a.csv", "b.csv"]').domains
    assert domains == (DomainPlan("file", '"a.csv"', ('"a.csv"', '"b.csv"')),)


def test_an_overridden_param_is_not_searched() -> None:
    assert [domain.param for domain in sweep_of(WIDTH + EPOCHS, width=32).domains] == ["epochs"]
    assert plan(WIDTH + EPOCHS, width=32, epochs=3).sweep is None


def test_a_sweep_changes_no_run() -> None:
    plain = plan("param width = 32\nparam epochs = 3")
    trial = plan(WIDTH + EPOCHS, "sweep { trials = 7  seed = 3 }", width=32, epochs=3)
    assert trial.hash == plain.hash


def test_a_grid_has_as_many_trials_as_points_unless_fewer_are_asked_for() -> None:
    assert sweep_of(WIDTH + EPOCHS, "sweep { sampler = grid }").trials == 3 * 7
    assert sweep_of(WIDTH + EPOCHS, "sweep { sampler = grid  trials = 5 }").trials == 5
    assert sweep_of(WIDTH + EPOCHS, "sweep { sampler = grid  trials = 50 }").trials == 21


def test_a_plan_with_a_sweep_survives_json() -> None:
    first = plan(WIDTH + EPOCHS, "sweep { time_limit = 2 h  pruner = none }")
    assert from_json(to_json(first)).sweep == first.sweep


@pytest.mark.parametrize(
    ("params", "sweep", "id"),
    [
        ("param width = 8\nparam epochs = 4", "sweep { trials = 3 }", "nothing-to-search"),
        (WIDTH + "param epochs = 4\nparam rate = 1 in 0.5 .. 2", "sweep { sampler = grid }", "grid-over-range"),
        (WIDTH + "param epochs = 4", "sweep { metric = accuracy }", "unknown-choice"),
    ],
    ids=["no domain", "grid over a range", "metric"],
)
def test_a_sweep_that_cannot_be_made_is_a_finding(params: str, sweep: str, id: str) -> None:
    found = compile_source(Source("a.sysid", f"sysid 1\n{params}\n{REST}{sweep}"), {})
    assert id in [diagnostic.id for diagnostic in found.diagnostics]
