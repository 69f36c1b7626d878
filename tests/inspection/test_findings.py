"""What a recording is made of is found out: roles, delay, order, linearity, noise, and what is wrong with a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import signal

from sysidc.runtime.cli import main
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.record import Array
from sysidc.runtime.inspection import Findings, Given, inspect, read_recording
from tests.inspection.recordings import duffing, mimo, second_order, siso, to_csv, white, wiener, with_time


def found(folder: Path, columns: dict[str, Array], given: Given | None = None) -> Findings:
    return inspect(read_recording(to_csv(folder / "a.csv", columns), given))


@pytest.mark.parametrize("noise", [0.001, 0.05])
def test_a_delay_of_seven_steps_is_found_exactly(tmp_path: Path, noise: float) -> None:
    told = found(tmp_path, siso(delay=7, noise=noise))
    assert told.delays == (7,)
    assert [symptom.numbers["steps"] for symptom in told.has("delay")] == [7]


@pytest.mark.parametrize("delay", [80, 101, 250, 600])
@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_a_long_delay_is_found_exactly(tmp_path: Path, delay: int, noise: float) -> None:
    told = found(tmp_path, siso(steps=4000, delay=delay, noise=noise))
    assert told.delays == (delay,)


def test_a_long_delay_of_a_slow_input_is_found_exactly(tmp_path: Path) -> None:
    u = np.asarray(signal.lfilter([1.0], [1.0, -0.8], white(4000, 8)))
    columns = {"u": u, "y": second_order(u, 300) + 0.02 * white(4000, 9)}
    assert found(tmp_path, columns).delays == (300,)


def test_a_slow_answer_is_no_long_delay(tmp_path: Path) -> None:
    u = white(6000, 8)
    slow = np.asarray(signal.lfilter([1e-4], np.poly([0.99, 0.99]), u))
    assert found(tmp_path, {"u": u, "y": slow + 1e-4 * white(6000, 9)}).delays == (0,)


def test_delays_are_told_apart_by_pairs_of_input_and_output(tmp_path: Path) -> None:
    told = found(tmp_path, mimo())
    assert told.delays == (0, 4)
    assert [(symptom.signal, symptom.numbers["steps"]) for symptom in told.has("delay")] == [("y2", 4)]
    assert [symptom.message for symptom in told.has("no-answer")] == [
        "output 'y1' shows no linear answer to input 'u2'"
    ]


@pytest.mark.parametrize(("delay", "states"), [(0, 2), (7, 2)])
def test_the_order_is_that_of_the_system_without_its_delay(tmp_path: Path, delay: int, states: int) -> None:
    told = found(tmp_path, siso(steps=3000, delay=delay, noise=0.05))
    assert told.order is not None and told.order.states == states
    assert told.order.ratio is not None and told.order.ratio > 3
    np.testing.assert_allclose(sorted(told.order.model.poles().real), [0.7, 0.7], atol=0.02)


def test_a_gain_without_memory_has_no_states(tmp_path: Path) -> None:
    u = white(1000, 0)
    told = found(tmp_path, {"u": u, "y": 1.7 * u + 0.02 * white(1000, 1)})
    assert told.order is not None and told.order.states == 0 and told.linear is True


@pytest.mark.parametrize("noise", [0.0005, 0.02, 0.5])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_linear_system_is_called_linear(tmp_path: Path, noise: float, seed: int) -> None:
    told = found(tmp_path, siso(noise=noise, seed=seed))
    assert told.linear is True
    assert told.has("linearity")[0].message.startswith("linear")


@pytest.mark.parametrize("columns", [duffing, wiener], ids=["duffing", "tanh"])
def test_a_nonlinear_system_is_called_nonlinear(tmp_path: Path, columns: Callable[[], dict[str, Array]]) -> None:
    told = found(tmp_path, columns())
    assert told.linear is False
    assert told.has("linearity")[0].message.startswith("nonlinear")


def test_a_repeated_input_tells_the_noise(tmp_path: Path) -> None:
    u = np.tile(white(300, 0), 5)
    y = second_order(u)
    noise = 0.05 * float(y.std())
    told = found(tmp_path, {"u": u, "y": y + noise * white(len(u), 1)})
    assert told.noise == pytest.approx(0.05, rel=0.1)
    assert told.has("periodic-input") and told.has("noise")


def test_a_time_column_tells_the_sampling_time(tmp_path: Path) -> None:
    told = found(tmp_path, with_time(siso()))
    assert told.recording.sampling_time == pytest.approx(0.02)
    assert "1500 samples, every 20 ms" in told.told[0].message


def test_jumps_of_the_time_separate_records(tmp_path: Path) -> None:
    columns = with_time(siso())
    columns["time"][700:] += 3.0
    told = found(tmp_path, columns)
    assert [len(record) for record in told.recording.records] == [700, 800]
    assert "the time jumps once" in told.told[0].message


def test_uneven_sampling_is_told(tmp_path: Path) -> None:
    columns = with_time(siso())
    columns["time"] += 0.004 * np.random.default_rng(0).uniform(size=1500)
    told = found(tmp_path, columns)
    assert told.recording.clock is not None and not told.recording.clock.uniform


def test_a_column_that_names_records_separates_them(tmp_path: Path) -> None:
    columns = {"run": np.repeat([1, 2, 3], 500), **siso()}
    told = found(tmp_path, columns)
    assert told.recording.roles.record == "run" and len(told.recording.records) == 3


def plant_missing(columns: dict[str, Array]) -> None:
    columns["y"][50:53] = np.nan


def plant_stuck(columns: dict[str, Array]) -> None:
    columns["y"][200:260] = 0.25


def plant_saturation(columns: dict[str, Array]) -> None:
    columns["y"] = np.minimum(columns["y"], 0.5 * columns["y"].max())


def plant_twin(columns: dict[str, Array]) -> None:
    columns["copy"] = columns["y"]


def plant_repeats(columns: dict[str, Array]) -> None:
    for name in columns:
        columns[name][[401, 801]] = columns[name][[400, 800]]


@pytest.mark.parametrize(
    ("plant", "id"),
    [
        (plant_missing, "missing-values"),
        (plant_stuck, "stuck-output"),
        (plant_saturation, "saturated-output"),
        (plant_twin, "same-column"),
        (plant_repeats, "repeated-rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_found(tmp_path: Path, plant: Callable[[dict[str, Array]], None], id: str) -> None:
    columns = siso()
    assert found(tmp_path, columns).has(id) == []
    plant(columns)
    assert found(tmp_path, columns).has(id)


@pytest.mark.parametrize(
    ("names", "inputs", "outputs"),
    [
        (["u", "y"], ("u",), ("y",)),
        (["y1", "in_2"], ("in_2",), ("y1",)),
        (["voltage", "speed"], ("voltage",), ("speed",)),
        (["speed", "u"], ("u",), ("speed",)),
        (["x", "y"], (), ("x", "y")),
    ],
    ids=" ".join,
)
def test_roles_are_guessed_and_the_guess_is_told(
    tmp_path: Path, names: list[str], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    told = found(tmp_path, dict(zip(names, siso(steps=300).values(), strict=True)))
    assert (told.recording.roles.inputs, told.recording.roles.outputs) == (inputs, outputs)
    assert told.has("role")


def test_roles_that_are_given_are_taken(tmp_path: Path) -> None:
    told = found(tmp_path, mimo(), Given(inputs=("y1",), outputs=("u1",)))
    assert (told.recording.roles.inputs, told.recording.roles.outputs) == (("y1",), ("u1",))
    assert told.has("role") == []


def write_parquet(path: Path, columns: dict[str, Array]) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table(columns), path)


def write_mat(path: Path, columns: dict[str, Array]) -> None:
    from scipy.io import savemat

    savemat(path, columns)


def write_hdf5(path: Path, columns: dict[str, Array]) -> None:
    with pytest.importorskip("h5py").File(path, "w") as file:
        for name, values in columns.items():
            file[name] = values


@pytest.mark.parametrize(
    ("ending", "write"),
    [
        (".csv", to_csv),
        (".parquet", write_parquet),
        (".npz", lambda path, columns: np.savez(path, **columns)),
        (".mat", write_mat),
        (".h5", write_hdf5),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_file_tells_the_same(tmp_path: Path, ending: str, write: Callable[..., object]) -> None:
    columns = siso(steps=800, delay=3)
    path = tmp_path / f"a{ending}"
    write(path, columns)
    told = inspect(read_recording(str(path)))
    assert told.delays == (3,)
    assert [symptom.message for symptom in told.told] == [symptom.message for symptom in found(tmp_path, columns).told]


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        ("a,b\nx,y\nz,w\n", Given(), "no column of numbers"),
        ("1,2\n3,4\n", Given(), "instead of column names"),
        ("u,y\n" + "1,2\n1,3\n" * 50, Given("time", ("u",), ("y",)), "no column 'time'"),
        ("u,y\n" + "1,2\n1,3\n" * 50, Given(None, ("u",), ("y",)), "input column 'u' of"),
        ("u,y\n" + "1,2\n1,3\n" * 50, Given(), "input column 'u' of"),
        ("u,y\n" + "1,2\n2,inf\n" * 50, Given(), "column 'y' of"),
        ("u,y\n" + "1,2\n2,3\n" * 50, Given(None, ("u",), ("u",)), "two roles"),
        ("u,y\n" + "1,2\n2,3\n" * 3, Given(), "has 6 samples"),
        ("u,y\n" + "1,2\n2,high\n" * 50, Given(None, ("u",), ("y",)), "the text 'high' in row 1"),
    ],
    ids=[
        "text",
        "no-header",
        "no-column",
        "constant",
        "constant-by-name",
        "infinite",
        "two-roles",
        "short",
        "not-a-number",
    ],
)
def test_a_file_that_tells_nothing_is_refused_by_name(tmp_path: Path, text: str, given: Given, words: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.csv") as caught:
        read_recording(str(path), given)
    assert words in caught.value.message


def test_inspect_prints_columns_and_sentences_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = to_csv(tmp_path / "a.csv", with_time(mimo()), separator=";")
    for picture in ("a.svg", "a.html"):
        assert main(["inspect", path, "-o", str(tmp_path / picture)]) == 0
        assert "output 'y2' answers input 'u2' only after 4 steps" in capsys.readouterr().out
    drawn = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert len(drawn.findall(".//{*}g[@class='chart']")) == 8
    assert "Impulse responses" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_inspect_gives_json_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", to_csv(tmp_path / "a.csv", siso()), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [column["role"] for column in told["columns"]] == ["input", "output"]
    assert {finding["id"] for finding in told["findings"]} >= {"sampling", "order", "linearity"}


def test_inspect_refuses_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path / "none.csv")]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["inspect", to_csv(tmp_path / "a.csv", siso()), "-o", "a.png"]) == 2
    assert ".svg or .html" in capsys.readouterr().err
