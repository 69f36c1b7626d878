from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.io import savemat

from sysidc.compiler.plan import SignalPlan, SourcePlan
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.record import Record
from sysidc.runtime.data.sources import load
from sysidc.runtime.data.sources import read as read_table
from sysidc.runtime.data.table import Request

Source: TypeAlias = Callable[..., SourcePlan]
Load: TypeAlias = Callable[..., list[Record]]

U = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
Y = np.array([1.0, 2.0, 3.0, 4.0, 5.0])


@pytest.fixture
def read(tmp_path: Path, source: Source, signals: tuple[SignalPlan, ...]) -> Load:
    """Load one file of the test's folder with options of the source."""

    def records(path: str, missing: str = "error", sampling_time: float | None = None, **options: Any) -> list[Record]:
        wanted = options.pop("signals", signals)
        sources = [source(path, **options)]
        return load(sources, signals=wanted, folder=str(tmp_path), sampling_time=sampling_time, missing=missing)

    return records


def lines(path: Path, *rows: str) -> None:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def save_npz(path: Path) -> None:
    np.savez(path, u=U, y=Y[:, None])


def save_mat(path: Path) -> None:
    savemat(path, {"u": U, "y": Y, "note": "not a column"})


def save_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["u"], file["y"] = U, Y[None, :]


def save_mat_73(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        file["u"], file["y"] = U[None, :], Y[None, :]
    banner = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    with open(path, "r+b") as file:
        file.write(banner)


def save_frame(path: Path) -> None:
    frame = pd.DataFrame({"u": U, "y": Y, "other": "text"})
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("a.csv", save_frame),
        ("a.parquet", save_frame),
        ("a.npz", save_npz),
        ("a.mat", save_mat),
        ("b.mat", save_mat_73),
        ("a.h5", save_hdf5),
    ],
    ids=["csv", "parquet", "npz", "mat", "mat 7.3", "hdf5"],
)
def test_every_format_gives_the_same_record(
    read: Load, tmp_path: Path, name: str, save: Callable[[Path], None]
) -> None:
    save(tmp_path / name)
    (record,) = read(name)
    assert record.name == Path(name).stem
    assert_array_equal(record.values["u"], U[:, None])
    assert_array_equal(record.values["y"], Y[:, None])
    (cut,) = read(name, rows=(1, 3))
    assert cut.name == f"{Path(name).stem}[1:3]"
    assert_array_equal(cut.values["y"], Y[1:3, None])
    with pytest.raises(DataError, match=r"rows 2 \.\. 9 are asked of .* which has 5 rows"):
        read(name, rows=(2, 9))


def test_numbers_are_read_as_exactly_as_python_reads_them(read: Load, tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).standard_normal(1000)
    lines(tmp_path / "a.csv", "u,y", *(f"{number!r},1" for number in numbers.tolist()))
    assert_array_equal(read("a.csv")[0].values["u"][:, 0], numbers)


def test_channels_stand_in_the_order_of_the_spec_and_in_its_dtype(read: Load, tmp_path: Path) -> None:
    lines(tmp_path / "a.csv", "b,a,n", "1,2,3", "4,5,6")
    signals = (
        SignalPlan("w", "input", ("a", "b"), "float32", None),
        SignalPlan("n", "input", ("n",), "int64", None),
    )
    (record,) = read("a.csv", signals=signals)
    assert_array_equal(record.values["w"], np.array([[2, 1], [5, 4]], dtype=np.float32), strict=True)
    assert_array_equal(record.values["n"], np.array([[3], [6]], dtype=np.int64), strict=True)


def test_a_glob_gives_its_files_in_order(read: Load, tmp_path: Path) -> None:
    for name in ("run10", "run2", "run1"):
        lines(tmp_path / f"{name}.csv", "u,y", "1,1", "2,2")
    assert [record.name for record in read("run*.csv")] == ["run1", "run10", "run2"]


def test_records_of_one_name_are_told_apart(read: Load, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        lines(tmp_path / folder / "run.csv", "u,y", "1,1", "2,2")
    assert [record.name for record in read("*/run.csv")] == ["run", "run (2)"]


def test_a_separator_and_a_byte_order_mark_are_understood(read: Load, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("u; y\n0.5; 1\n1.5; 2\n", encoding="utf-8-sig")
    (record,) = read("a.csv", separator=";")
    assert record.values["u"][:, 0].tolist() == [0.5, 1.5]


def test_an_empty_field_at_the_end_of_each_line_is_forgiven(read: Load, tmp_path: Path) -> None:
    lines(tmp_path / "a.csv", "u,y", "1,2,", "3,4,")
    assert read("a.csv")[0].values["y"][:, 0].tolist() == [2, 4]


def test_a_record_column_separates_records(read: Load, tmp_path: Path) -> None:
    lines(tmp_path / "a.csv", "u,y,run", *(f"{step},{step},{run}" for step, run in enumerate([1, 1, 1, 2, 2])))
    first, second = read("a.csv", record="run")
    assert (first.name, len(first), second.name, len(second)) == ("a:1", 3, "a:2", 2)
    assert second.first == 3


def test_gaps_are_bridged_by_the_line_between_their_neighbours(read: Load, tmp_path: Path) -> None:
    lines(tmp_path / "a.csv", "u,y", "1,1", "2,", "3,", "4,7")
    (record,) = read("a.csv", missing="interpolate")
    np.testing.assert_allclose(record.values["y"][:, 0], [1, 3, 5, 7])


def test_gaps_split_a_record(read: Load, tmp_path: Path) -> None:
    lines(tmp_path / "a.csv", "u,y", "1,1", "2,2", ",3", "4,4", "5,", "6,6", "7,7", "8,8")
    records = read("a.csv", missing="split")
    assert [(record.name, len(record)) for record in records] == [("a[0:2]", 2), ("a[5:8]", 3)]
    assert records[1].values["y"][:, 0].tolist() == [6, 7, 8]


@pytest.mark.parametrize(
    "times", [[0, 0.02, 0.04], ["2024-01-01T00:00:00.00", "2024-01-01T00:00:00.02", "2024-01-01T00:00:00.04"]], ids=str
)
def test_a_time_column_is_read_in_seconds(read: Load, tmp_path: Path, times: list[Any]) -> None:
    lines(tmp_path / "a.csv", "t,u,y", *(f"{time},1,1" for time in times))
    (record,) = read("a.csv", sampling_time=0.02, time="t")
    assert record.time is not None
    np.testing.assert_allclose(record.time, [0, 0.02, 0.04])


def test_generated_data_make_a_record(source: Source, signals: tuple[SignalPlan, ...]) -> None:
    generator = SourcePlan("generator", None, "duffing", {"samples": 50}, source("").place)
    (record,) = load([generator], signals=signals, folder=".")
    assert record.name == "duffing" and len(record) == 50
    missing = (SignalPlan("y", "output", ("Y",), "float64", None),)
    with pytest.raises(DataError, match=r"'duffing\(...\)' has no column 'Y'") as caught:
        load([generator], signals=missing, folder=".")
    assert caught.value.help == "did you mean 'y'?"


INTEGER = (SignalPlan("u", "input", ("u",), "int64", None),)
SMALL = (SignalPlan("u", "input", ("u",), "int8", None),)
SINGLE = (SignalPlan("u", "input", ("u",), "float32", None),)


@pytest.mark.parametrize(
    ("text", "options", "id", "message"),
    [
        ("", {}, "empty-file", "a.csv' holds no samples"),
        ("u,y\n", {}, "empty-file", "a.csv' holds no samples"),
        ("u,Y\n1,2\n3,4\n", {}, "missing-column", "has no column 'y'"),
        ("1,2\n3,4\n", {}, "missing-column", "its first line holds numbers"),
        ("u,y,y\n1,2,3\n4,5,6\n", {}, "duplicate-column", "has the column 'y' twice"),
        ("u;y\n1;2\n3;4\n", {}, "wrong-separator", "only one column when read with the separator ','"),
        ("u,y\n1,2\n\n3,oops\n", {}, "not-a-number", r"column 'y' .* holds the text 'oops' in row 1 \(line 4\)"),
        ("u,y\n1,2\n3,\n", {}, "missing-value", r"column 'y' .* has no value in row 1 \(line 3\)"),
        ("u,y\n1,2\n3,nan\n", {"rows": (0, 2)}, "missing-value", r"in row 1 \(line 3\)"),
        ("u,y\n1,2\n-inf,1\n", {}, "infinite-value", r"column 'u' .* holds an infinite value in row 1 \(line 3\)"),
        ("u,y\n1,2\n3,-2e200\n", {}, "infinite-value", r"column 'y' .* holds -2e\+200 in row 1 \(line 3\)"),
        ("u,y\n1,2\n0.5,3\n", {"signals": INTEGER}, "wrong-dtype", r"holds 0.5 in row 1 \(line 3\), .* int64"),
        ("u,y\n1,2\n300,3\n", {"signals": SMALL}, "wrong-dtype", "holds 300 in row 1 .* int8"),
        ("u,y\n1,2\n1e300,3\n", {"signals": SINGLE}, "wrong-dtype", "which does not fit float32"),
        ("u,y\n1,2\n", {}, "short-record", "has one row"),
        ("u,y\n1,2\n3,4,5\n", {}, "ragged-row", "line 3 of .* has 3 fields, its header has 2"),
        ("u,y\n1,2,9\n3,4,9\n", {}, "ragged-row", "line 2 of .* has 3 fields"),
        ("u,y\n,2\n3,4\n", {"missing": "interpolate"}, "missing-value", r"row 0 \(line 2\), at an end"),
        ("u,y\n1,2\n,4\n", {"missing": "interpolate"}, "missing-value", r"row 1 \(line 3\), at an end"),
        ("t,u,y\n0,1,2\n4,3,4\n9,5,6\n", {"time": "t", "sampling_time": 4.0}, "wrong-time", r"5 s to row 2 \(line 4\)"),
        ("t,u,y\n0,1,2\n4,3,4\n9,5,6\n", {"time": "t"}, "wrong-time", "the sampling time is 4.5 s"),
        ("u,y\n1,2\n3,4\n", {"separator": "::"}, "bad-separator", "a separator is one character"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.replace("-", "").isalpha() else "",
)
def test_mistakes_in_a_file_are_told_with_column_and_row(
    read: Load, tmp_path: Path, text: str, options: dict[str, Any], id: str, message: str
) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read("a.csv", **options)
    assert caught.value.id == id
    assert caught.value.place is not None


@pytest.mark.parametrize(
    ("path", "id"),
    [
        ("none.csv", "missing-file"),
        ("none*.csv", "missing-file"),
        ("folder", "not-a-file"),
        ("a.xlsx", "unknown-format"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(read: Load, tmp_path: Path, path: str, id: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.id == id


@pytest.mark.parametrize("ending", ["parquet", "npz", "mat", "h5"])
def test_a_file_that_is_not_what_its_ending_says_is_told(read: Load, tmp_path: Path, ending: str) -> None:
    (tmp_path / f"a.{ending}").write_text("u,y\n1,2\n" * 50)
    with pytest.raises(DataError) as caught:
        read(f"a.{ending}")
    assert caught.value.id == "broken-file"


@pytest.mark.parametrize("text", ["u,y\n1,\xe9\n2,3\n", "\xfcbel,y\n1,2\n"], ids=["in a row", "in the header"])
def test_other_encodings_than_utf8_are_told(read: Load, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        read("a.csv")
    assert caught.value.id == "not-utf8"


@pytest.mark.parametrize("ending", [".parquet", ".npz", ".h5", ".npy"])
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path: Path, ending: str) -> None:
    """Cut anywhere and with any bytes exchanged; readers have many ways to say that they do not understand."""
    path, values = tmp_path / f"a{ending}", np.arange(200.0)
    if ending == ".parquet":
        pd.DataFrame({"c0": values, "c1": values}).to_parquet(path)
    elif ending == ".npz":
        np.savez(path, c0=values, c1=values)
    elif ending == ".npy":
        np.save(path, np.stack([values, values], axis=1))
    else:
        with h5py.File(path, "w") as file:
            file["c0"], file["c1"] = values, values
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for attempt in range(60):
        damaged = bytearray(whole[: random.integers(1, len(whole))] if attempt % 2 else whole)
        for place in random.integers(0, len(damaged), size=attempt % 5):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_table(str(path), Request(("c0", "c1"), None, ","))
        except DataError as error:
            assert path.name in str(error)


def test_columns_of_several_lengths_are_told(read: Load, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", u=U, y=Y[1:])
    np.savez(tmp_path / "b.npz", u=np.stack([U, U]), y=Y)
    with pytest.raises(DataError, match="differ in length: 'u' 5, 'y' 4"):
        read("a.npz")
    with pytest.raises(DataError, match=r"'u' in .* has the shape \(2, 5\)"):
        read("b.npz")


@contextmanager
def without_privileges() -> Iterator[None]:
    """The superuser may read everything: for a moment be somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read_is_told(read: Load, tmp_path: Path) -> None:
    lines(tmp_path / "a.csv", "u,y", "1,2", "3,4")
    (tmp_path / "a.csv").chmod(0)
    with without_privileges(), pytest.raises(DataError) as caught:
        read(str(tmp_path / "a.csv"))
    # Where a folder on the way is closed too, the file is not even seen.
    assert caught.value.id == "unreadable-file"


def test_a_benchmark_without_its_package_is_told(
    signals: tuple[SignalPlan, ...], source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nonlinear_benchmarks", None)
    for name, id in (("WienerHammerBenchMark", "missing-package"), ("WienerHammer", "unknown-benchmark")):
        benchmark = SourcePlan("benchmark", None, name, {}, source("").place)
        with pytest.raises(DataError) as caught:
            load([benchmark], signals=signals, folder=".")
        assert caught.value.id == id


def test_the_name_of_a_reader_counts_more_than_the_ending(read: Load, tmp_path: Path) -> None:
    lines(tmp_path / "a.txt", "u,y", "1,1", "2,2")
    assert len(read("a.txt", format="csv")[0]) == 2


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    program = "import sys, sysidc.runtime.data.prepare; print('torch' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=paths(), check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_missing_package_is_told_with_the_command_that_installs_it(tmp_path: Path) -> None:
    lines(tmp_path / "a.csv", "u,y", "1,2", "3,4")
    program = (
        "import sys; sys.modules['pandas'] = None\n"
        "from sysidc.runtime.data.errors import DataError\n"
        "from sysidc.runtime.data.frames import read_columns\n"
        "try:\n    read_columns('a.csv', ['u'])\nexcept DataError as error:\n    print(error.id, error.help)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=paths(), cwd=tmp_path, check=True)
    assert done.stdout.strip() == 'missing-package pip install "sysidc[data]"'


def paths() -> dict[str, str]:
    """The environment in which a fresh Python finds what this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
