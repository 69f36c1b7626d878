"""A journal gives the same trials whatever kills its process: none is lost, none is done twice."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sysidc.compiler.plan import DomainPlan, SweepPlan

pytest.importorskip("optuna")

from sysidc.runtime.sweep.journal import ATTEMPTS, FILE, Journal
from sysidc.runtime.sweep.task import Result

DOMAINS = (DomainPlan("width", 4, (2, 4, 8)), DomainPlan("rate", 1e-2, None, 1e-4, 1.0, True, False))
GRID = (DomainPlan("width", 4, (2, 4, 8)), DomainPlan("depth", 1, None, 1, 4, False, True))


def sweep(sampler: str, trials: int = 15, seed: int = 0, pruner: str | None = None) -> SweepPlan:
    return SweepPlan(GRID if sampler == "grid" else DOMAINS, trials, "rmse", sampler, pruner, seed, None, 1)


def valley(values: dict[str, Any]) -> float:
    """Lowest at width 8 and rate 0.1."""
    return float(abs(values["width"] - 8) + abs(math.log10(values.get("rate", 0.1)) + 1))


def finish(journal: Journal) -> list[dict[str, Any]]:
    while (asked := journal.ask()) is not None:
        journal.tell(asked[0], Result("complete", valley(asked[1]), "run"))
    return list(journal.rows())


@pytest.mark.parametrize("sampler", ["random", "grid", "TPE"])
def test_one_seed_gives_one_sweep(tmp_path: Path, sampler: str) -> None:
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    first, again, other = (
        finish(Journal(folder, sweep(sampler, seed=seed), 9)) for folder, seed in zip(folders, (0, 0, 1), strict=True)
    )
    assert first == again
    assert (first == other) is (sampler == "grid")


@pytest.mark.parametrize("sampler", ["random", "grid", "TPE"])
def test_a_sweep_that_was_killed_again_and_again_is_the_same_sweep(tmp_path: Path, sampler: str) -> None:
    (tmp_path / "whole").mkdir()
    whole = finish(Journal(tmp_path / "whole", sweep(sampler), 9))
    (tmp_path / "killed").mkdir()
    for _ in range(4):
        journal = Journal(tmp_path / "killed", sweep(sampler), 9)
        for _ in range(2):
            asked = journal.ask()
            assert asked is not None
            journal.tell(asked[0], Result("complete", valley(asked[1]), "run"))
        assert journal.ask() is not None  # running, and never told
    rows = finish(Journal(tmp_path / "killed", sweep(sampler), 9))
    assert [{**row, "seconds": 0} for row in rows] == [{**row, "seconds": 0} for row in whole]


KILLED = """
    import sys, time
    from pathlib import Path
    from sysidc.runtime.sweep.journal import Journal
    from sysidc.runtime.sweep.task import Result
    from tests.sweep.test_journal import sweep, valley
    journal = Journal(Path(sys.argv[1]), sweep("random", 60), 9)
    while (asked := journal.ask()) is not None:
        journal.report(asked[0], 1, 1.0)
        print(asked[0], flush=True)
        journal.tell(asked[0], Result("complete", valley(asked[1]), "run"))
"""


def test_four_sigkills_lose_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    told: list[int] = []
    for last in (5, 17, 18, 31):
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        for line in process.stdout:
            told.append(int(line))
            if told[-1] >= last:
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()
    rows = finish(Journal(tmp_path, sweep("random", 60), 9))
    assert [row["trial"] for row in rows] == list(range(60))
    assert {row["state"] for row in rows} == {"complete"}
    (tmp_path / "whole").mkdir()
    values = [(row["width"], row["rate"]) for row in finish(Journal(tmp_path / "whole", sweep("random", 60), 9))]
    assert [(row["width"], row["rate"]) for row in rows] == values
    repeated = [number for number in set(told) if told.count(number) > 1]
    assert len(repeated) <= 4  # those that ran when their process was killed


@pytest.mark.parametrize("sampler", ["random", "TPE"])
def test_a_journal_that_ends_after_any_of_its_lines_goes_on_to_the_same_sweep(tmp_path: Path, sampler: str) -> None:
    """A trial may be killed between any two of the notes that are made of it; TPE begins to learn with the tenth."""
    (tmp_path / "whole").mkdir()
    whole = finish(Journal(tmp_path / "whole", sweep(sampler, 14), 9))
    lines = (tmp_path / "whole" / FILE).read_bytes().splitlines(keepends=True)
    each = len(lines) // 14
    for count in (*range(each, 3 * each, 2), *range(len(lines) - 2 * each, len(lines), 2)):
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / FILE).write_bytes(b"".join(lines[:count]))
        rows = finish(Journal(folder, sweep(sampler, 14), 9))
        assert [(row["width"], row["rate"]) for row in rows] == [(row["width"], row["rate"]) for row in whole], count
        assert {row["state"] for row in rows} == {"complete"}


def test_a_line_that_was_cut_off_does_no_harm(tmp_path: Path) -> None:
    journal = Journal(tmp_path, sweep("random"), 9)
    for _ in range(3):
        asked = journal.ask()
        assert asked is not None
        journal.tell(asked[0], Result("complete", 1.0, "run"))
    with open(tmp_path / FILE, "ab") as file:
        file.write(b'{"op_code": 6, "worker')
    assert Journal(tmp_path, sweep("random"), 9).finished == 3
    assert len(finish(Journal(tmp_path, sweep("random"), 9))) == 15


def test_a_trial_whose_process_dies_waits_again_and_is_given_up_in_the_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path, sweep("random", 2), 9)
    seen = []
    for _ in range(ATTEMPTS):
        asked = journal.ask()
        assert asked is not None
        seen.append(asked)
        journal.lost(asked[0], "exit code -9")
    assert seen == [seen[0]] * ATTEMPTS
    assert next(journal.rows())["state"] == "failed"
    asked = journal.ask()
    assert asked is not None and asked[0] == 1


def test_a_weak_trial_is_pruned_and_a_strong_one_is_not(tmp_path: Path) -> None:
    journal = Journal(tmp_path, sweep("random", 40, pruner="hyperband"), 27)
    states = []
    for number in range(30):
        asked = journal.ask()
        assert asked is not None
        level = 1.0 if number % 2 else 2.0
        goes_on = all(journal.report(asked[0], epoch, level / epoch) for epoch in range(1, 28))
        journal.tell(asked[0], Result("complete", level / 27) if goes_on else Result("pruned"))
        states.append(goes_on)
    assert all(states[1::2])
    assert not all(states[0::2])


def test_a_trial_is_not_pruned_behind_its_last_epoch(tmp_path: Path) -> None:
    journal = Journal(tmp_path, sweep("random", 40, pruner="hyperband"), 9)
    judged = []
    for number in range(30):
        asked = journal.ask()
        assert asked is not None
        answers = [journal.report(asked[0], epoch, float(number)) for epoch in range(1, 10)]
        journal.tell(asked[0], Result("complete", float(number)))
        judged.append(answers)
    assert all(answers[-1] for answers in judged)
    assert not all(all(answers) for answers in judged)


def test_more_trials_go_on_where_fewer_ended(tmp_path: Path) -> None:
    few = finish(Journal(tmp_path, sweep("TPE", 5), 9))
    more = finish(Journal(tmp_path, sweep("TPE", 9), 9))
    assert more[:5] == few and len(more) == 9
