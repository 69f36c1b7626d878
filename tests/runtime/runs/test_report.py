"""The report is one well-formed file that fetches nothing, has a section for all that a run left, and stays small."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

import sysidc
from sysidc.runtime.cli import main
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.report import learning, report, write_report

SPEC = """sysid 1
signals {{ sampling_time = 20 ms  input u "V"  output y "mm" }}
model osc: {header} {{ Flatten  Linear(4)  Tanh  Linear(1) }}
data {{ train = duffing(samples = 700, noise = 0.01)  test = 40 %  validation = 20 % }}
train {train}
"""
MODES = {
    "simulation": SPEC.format(header="u[8] -> y[1]", train="simulation { epochs = 2 }"),
    "prediction": SPEC.format(header="u[4], y[4] -> y[1]", train="prediction { epochs = 2  horizon = 3 }")
    + "test { horizons = [1, 3, 9] }",
    "bounded": SPEC.format(
        header="u[3] -> y[1]", train="bounded { kernel = Box(bandwidth = 0.5)  neighbours = 16  epochs = 2 }"
    ),
}
VOID = {"meta", "path", "rect", "br"}
EVERY_MODE = {"score", "records", "residuals", "learning", "network", "spec", "environment"}
OF_MODE = {"simulation": set(), "prediction": {"horizons"}, "bounded": {"bounds"}}
ADDRESSES = {"http://www.w3.org/2000/svg"}


class Page(HTMLParser):
    """The tags of a page; whatever is not closed as it was opened is a fault."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} stays open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.faults += [f"{tag} has {name} twice" for name in set(names) if names.count(name) > 1]
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID or not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self.open.append(tag)
        if tag == "meta":
            self.open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def values(self, name: str) -> list[str]:
        return [value for _, found, value in self.attributes if found == name]

    def sections(self) -> set[str]:
        return {value for tag, name, value in self.attributes if (tag, name) == ("section", "id")}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One small finished run of each mode."""
    folder = tmp_path_factory.mktemp("report")
    for mode, text in MODES.items():
        (folder / f"{mode}.sysid").write_text(text, encoding="utf-8")
    return {mode: sysidc.load(folder / f"{mode}.sysid").train(folder / "runs").path for mode in MODES}


@pytest.fixture
def run(runs: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the simulation run, to be changed."""
    return Path(shutil.copytree(runs["simulation"], tmp_path / "runs" / runs["simulation"].name))


def record(folder: Path, steps: int, **more: np.ndarray) -> None:
    """Replace the predictions of a run by those of one record."""
    shutil.rmtree(folder / "predictions")
    (folder / "predictions").mkdir()
    random = np.random.default_rng(0)
    u, y = random.normal(size=steps), random.normal(size=steps)
    columns = {"step": np.arange(steps), "u": u, "y": y, "y_predicted": y - 0.1 * random.normal(size=steps), **more}
    pd.DataFrame(columns).to_csv(folder / "predictions/00-long.csv", index=False)


# --- the page ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_its_sections_and_a_link_to_each(runs: dict[str, Path], mode: str) -> None:
    page = Page((runs[mode] / "report.html").read_text(encoding="utf-8"))
    assert page.sections() == EVERY_MODE | OF_MODE[mode]
    assert {value.removeprefix("#") for value in page.values("href")} == page.sections()


@pytest.mark.parametrize("mode", MODES)
def test_the_page_is_well_formed_and_no_id_stands_twice(runs: dict[str, Path], mode: str) -> None:
    page = Page(report(runs[mode]))
    assert page.faults == []
    ids = page.values("id")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_fetched_from_anywhere(runs: dict[str, Path], mode: str) -> None:
    text = report(runs[mode])
    assert set(re.findall(r"[a-z]+://[^\"'\s<)]+", text)) <= ADDRESSES
    assert not re.search(r"@import|\burl\((?!#clip)|\bfetch\(|XMLHttpRequest|import\(", text)
    assert {name for _, name, _ in Page(text).attributes} & {"src", "srcset", "data", "action", "poster"} == set()


@pytest.mark.parametrize("mode", MODES)
def test_every_figure_tells_in_words_what_it_shows(runs: dict[str, Path], mode: str) -> None:
    text = report(runs[mode])
    figures = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    assert figures and all(re.search(r'role="img"><title>[^<]+</title>', figure) for figure in figures)


def test_a_report_made_again_is_the_same_to_the_last_byte(runs: dict[str, Path]) -> None:
    for folder in runs.values():
        assert report(folder) == (folder / "report.html").read_text(encoding="utf-8")


def test_words_from_the_spec_and_the_data_are_escaped(run: Path) -> None:
    nasty = '</script><script>alert("1")</script>&'
    (run / "spec.sysid").write_text(f"sysid 1 # {nasty}", encoding="utf-8")
    (run / "log").write_text(nasty, encoding="utf-8")
    rows = [{**row, "record": nasty} for row in json.loads((run / "metrics.json").read_text())]
    (run / "metrics.json").write_text(json.dumps(rows), encoding="utf-8")
    text = report(run)
    assert nasty not in text and Page(text).faults == []


# --- what the folder may hold ---------------------------------------------------------------------------------------


def test_a_record_of_100_000_samples_stays_below_a_megabyte_and_its_peak_is_drawn(run: Path) -> None:
    steps = 100_000
    peak = np.zeros(steps)
    peak[54_321] = 50.0
    record(run, steps, y=peak)
    text = report(run)
    assert len(text.encode()) < 1_000_000
    drawn = next(path for path in re.findall(r'class="measured line" d="([^"]+)"', text) if len(path) > 99)
    heights = [float(point.split()[1]) for point in re.split("[ML]", drawn)[1:]]
    assert heights.count(min(heights)) == 1 and min(heights) < 40 < sorted(heights)[1]


def test_matrices_of_a_layer_give_poles_and_a_frequency_response(run: Path) -> None:
    matrices = {
        "A": np.array([[0.9, 0.2], [-0.2, 0.9]]),
        "B": np.ones((2, 1)),
        "C": np.ones((1, 2)),
        "D": np.zeros((1, 1)),
    }
    save_file({f"stack.0.{name}": value for name, value in matrices.items()}, run / "weights.safetensors")
    text = report(run)
    assert "linear" in Page(text).sections() and "0.9000\u00a0±\u00a00.2000\u00a0i" in text and "stable" in text


def test_learned_numbers_stand_with_their_standard_errors(run: Path) -> None:
    rows: list[dict[str, object]] = [
        {"name": "k1", "value": 0.5, "standard_error": 0.01},
        {"name": "k2", "value": 0.0, "standard_error": None},
    ]
    (run / "parameters.json").write_text(json.dumps(rows), encoding="utf-8")
    text = report(run)
    assert "numbers" in Page(text).sections() and "<td>k1</td>" in text


def test_stages_and_starts_stand_one_behind_the_other(run: Path) -> None:
    rows: list[dict[str, float | None]] = [
        {"stage": 1, "start": start, "epoch": epoch, "val_loss": 1 / epoch} for start in (1, 2) for epoch in (1, 2, 3)
    ]
    rows += [{"stage": 2, "start": None, "epoch": epoch, "val_loss": 0.1 / epoch} for epoch in (1, 2)]
    pd.DataFrame(rows).to_csv(run / "metrics.csv", index=False)
    text = report(run)
    shown = json.loads(re.findall(r'data-group="learning".*?<script type="application/json">(.*?)</script>', text)[0])
    assert [line["x"] for line in shown["lines"]] == [[1, 2, 3], [1, 2, 3], [4, 5]]
    assert shown["marks"] == [[1, "stage 1"], [4, "stage 2"], [5, "kept: 0.05"]]


@pytest.mark.parametrize("missing", ["metrics.csv", "environment.json", "log", "predictions", "weights.safetensors"])
def test_what_is_not_there_is_left_out(run: Path, missing: str) -> None:
    path = run / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert Page(report(run)).faults == []


def test_short_empty_and_silent_records_are_drawn_as_far_as_they_go(run: Path) -> None:
    for steps, predicted in ((0, 0.0), (1, 0.0), (5, np.nan), (300, np.nan), (300, 0.0), (300, np.inf)):
        record(run, steps, y=np.zeros(steps), y_predicted=np.full(steps, predicted), u=np.ones(steps))
        assert Page(report(run)).faults == []


def test_a_run_without_a_test_part_says_so(run: Path) -> None:
    shutil.rmtree(run / "predictions")
    (run / "metrics.json").write_text("[]", encoding="utf-8")
    assert "names no test part" in report(run)


@pytest.mark.parametrize("file", ["plan.json", "metrics.json", "environment.json", "weights.safetensors"])
def test_a_damaged_file_is_named(run: Path, file: str) -> None:
    (run / file).write_bytes(b'{"a": ')
    with pytest.raises(RunError, match=re.escape(file)):
        report(run)


# --- the verbs -----------------------------------------------------------------------------------------------------


def test_report_writes_the_page_again_without_torch(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "report.html").read_text(encoding="utf-8")
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out.strip() == str(run / "report.html")
    assert write_report(run).read_text(encoding="utf-8") == before


def test_report_of_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "no finished run" in capsys.readouterr().err


def test_compare_marks_the_best_and_tells_what_differs(run: Path, tmp_path: Path) -> None:
    worse = tmp_path / "worse"
    shutil.copytree(run, worse)
    rows = [
        {**row, "rmse": 2 * row["rmse"], "fit": row["fit"] - 50}
        for row in json.loads((run / "metrics.json").read_text())
    ]
    (worse / "metrics.json").write_text(json.dumps(rows), encoding="utf-8")
    plan = json.loads((run / "plan.json").read_text())
    plan["train"]["seed"] = 77
    (worse / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    output = tmp_path / "all.html"
    assert main(["compare", str(worse), str(run), "-o", str(output)]) == 0
    text = output.read_text(encoding="utf-8")
    page = Page(text)
    assert page.faults == [] and page.sections() == {"score", "runs", "differences", "learning", "records"}
    cells = re.findall(r"<tr><td>test</td>.*?<td>(?:rmse|fit)</td>(.*?)</tr>", text)
    assert len(cells) == 2 and all(re.fullmatch(r'<td>[^<]+</td><td class="best">[^<]+</td>', row) for row in cells)
    assert "<td>train.seed</td><td>77</td><td>0</td>" in text


def test_runs_of_different_modes_stand_on_one_page(runs: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "all.html"
    assert main(["compare", *map(str, runs.values()), "-o", str(output)]) == 0
    page = Page(output.read_text(encoding="utf-8"))
    assert page.faults == [] and "horizons" in page.sections()


def test_a_score_that_is_not_finite_is_left_out_of_the_chart(runs: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(runs["prediction"], tmp_path / "copy"))
    rows = [{**row, "nrmse": None, "fit": None} for row in json.loads((folder / "metrics.json").read_text())]
    (folder / "metrics.json").write_text(json.dumps(rows), encoding="utf-8")
    assert "rmse [mm]" in report(folder)


def test_runs_of_one_name_are_told_apart_by_their_path(run: Path, tmp_path: Path) -> None:
    from sysidc.runtime.runs.report.comparison import labels

    other = tmp_path / "other" / run.name
    assert labels([run, other]) == [f"runs/{run.name}", f"other/{run.name}"]
    assert labels([run, run]) == [f"{run.name} (1)", f"{run.name} (2)"]


def test_a_refit_is_named_and_judged_by_nothing() -> None:
    rows = [
        {"stage": stage, "epoch": epoch, "train_loss": 1.0, "val_loss": 1.0} for stage in (1, 2) for epoch in (1, 2)
    ]
    again = [{"stage": 3, "epoch": 1, "train_loss": 0.5}]
    assert not learning.refitted(rows) and learning.refitted([*rows, *again])
    chart = learning.losses([*rows, *again], horizons=False)
    assert [word for _, word in chart.marks] == ["stage 1", "stage 2", "refit"]
    assert "its last weights are kept" in chart.caption
