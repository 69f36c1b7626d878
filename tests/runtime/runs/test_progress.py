"""What a training tells: plain lines where no terminal is, a bar where one is, nothing where it is to be quiet."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sysidc.runtime.api import load
from sysidc.runtime.runs import progress
from sysidc.runtime.runs.epochs import Row
from sysidc.runtime.runs.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def row(epoch: int) -> Row:
    return {"epoch": epoch, "train_loss": 0.25, "val_loss": 0.5, "val_fit": 90.0, "horizon": 4}


def test_lines_tell_losses_horizon_and_the_time_left() -> None:
    told = io.StringIO()
    shown = Progress(2, quiet=False, stream=told)
    with shown.running():
        shown.epoch(row(1))
        shown.epoch(row(2))
    first, second = told.getvalue().splitlines()
    assert first == "epoch 1/2  train_loss 0.25  val_loss 0.5  val_fit 90  horizon 4  1 s left"
    assert second == "epoch 2/2  train_loss 0.25  val_loss 0.5  val_fit 90  horizon 4"


def test_a_long_training_takes_twenty_lines() -> None:
    told = io.StringIO()
    shown = Progress(1000, quiet=False, stream=told)
    for epoch in range(1, 1001):
        shown.epoch(row(epoch))
    assert len(told.getvalue().splitlines()) == progress.LINES


def test_a_terminal_gets_a_bar_and_lines_above_it() -> None:
    told = Terminal()
    shown = Progress(2, quiet=False, stream=told)
    with shown.running():
        shown.epoch(row(1))
        shown.say("start 1: [a] 12 epochs")
    assert "start 1: [a] 12 epochs\n" in told.getvalue() and "horizon 4" in told.getvalue()


def test_a_quiet_training_says_nothing(specs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load("prediction.sysid").train(quiet=True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (59.4, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
