"""Data that cannot be used stop every verb before it does anything: exit code 2, file and place named, nothing left."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from sysidc.runtime.cli import main

SPEC = """sysid 1
signals {{ input u  output y }}
model filter: u[8] -> y[4] {{ Conv1d(4, 3)  Linear(1) }}
data {{ train = "{0}"  test = "{0}"  validation = 20 % }}
train simulation {{ epochs = 1  optimizer = Adam  seed = 3 }}
"""
FORMATS = ("csv", "parquet", "npz", "mat")
Columns = dict[str, Any]


def good() -> Columns:
    random = np.random.default_rng(0)
    return {"u": random.normal(size=120), "y": random.normal(size=120)}


def write(path: Path, columns: Columns) -> None:
    if path.suffix == ".csv":
        pd.DataFrame(columns).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        pd.DataFrame(columns).to_parquet(path)
    elif path.suffix == ".npz":
        np.savez(path, **columns)
    else:
        savemat(path, columns)


def with_value(value: object) -> Callable[[Columns], Columns]:
    def changed(columns: Columns) -> Columns:
        text = isinstance(value, str)
        u = columns["u"].astype(object) if text else columns["u"].copy()
        u[5] = value
        return {**columns, "u": np.array([str(item) for item in u]) if text else u}

    return changed


VALUES: dict[str, tuple[Callable[[Columns], Columns], str]] = {
    "NaN": (with_value(np.nan), "has no value in row 5"),
    "infinite": (with_value(np.inf), "row 5"),
    "too large": (with_value(1e300), "row 5"),
    "text": (with_value("abc"), "row 5"),
    "missing column": (lambda columns: {"v": columns["u"], "y": columns["y"]}, "no column 'u'"),
    "one row": (lambda columns: {name: values[:1] for name, values in columns.items()}, "one row"),
    "no row": (lambda columns: {name: values[:0] for name, values in columns.items()}, ""),
}


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A folder with a spec, good data and the run that they gave; the ending of the data."""
    ending: str = request.param
    monkeypatch.chdir(tmp_path)
    Path("m.sysid").write_text(SPEC.format(f"a.{ending}"), encoding="utf-8")
    write(Path(f"a.{ending}"), good())
    assert main(["train", "m.sysid", "--quiet"]) == 0
    return ending


def refusals(data: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What train, test and predict say to the data, after which nothing is there that was not there before."""
    before = sorted(Path().rglob("*"))
    (run,) = Path("runs").iterdir()
    verbs = {
        "train": ["train", "m.sysid"],
        "test": ["test", str(run)],
        "predict": ["predict", str(run), str(data), "-o", "out.csv"],
    }
    told = {}
    for verb, words in verbs.items():
        capsys.readouterr()
        assert main(words) == 2, verb
        out, told[verb] = capsys.readouterr()
        assert not out and told[verb].startswith("error[") and "Traceback" not in told[verb]
        assert sorted(Path().rglob("*")) == before
    return told


@pytest.mark.parametrize("trained", FORMATS, indirect=True)
def test_bad_values_and_columns_are_refused_by_every_verb(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = Path(f"a.{trained}")
    for name, (change, said) in VALUES.items():
        if name == "text" and trained == "mat":
            continue  # what the text of a MAT file becomes is no column any more
        write(data, change(good()))
        for verb, told in refusals(data, capsys).items():
            assert data.name in told and said in told, (name, verb, told)


CONTENTS: dict[str, tuple[bytes, str]] = {
    "empty file": (b"", "empty"),
    "duplicate column": (b"u,u,y\n1,2,3\n4,5,6\n", "'u'"),
    "wrong delimiter": (b"u;y\n1;2\n3;4\n", "separator"),
    "not UTF-8": (b"u,y\n1,2\n\xff\xfe,4\n", "UTF-8"),
    "ragged": (b"u,y\n1,2\n3,4,5\n", "line 3"),
    "no header": (b"1,2\n3,4\n5,6\n", "first line"),
}


@pytest.mark.parametrize("trained", ["csv"], indirect=True)
def test_text_that_is_no_table_is_refused_by_every_verb(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = Path("a.csv")
    for name, (content, said) in CONTENTS.items():
        data.write_bytes(content)
        for verb, told in refusals(data, capsys).items():
            assert data.name in told and said in told, (name, verb, told)


@pytest.mark.parametrize("trained", FORMATS, indirect=True)
def test_what_is_no_file_of_its_kind_is_refused_by_every_verb(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = Path(f"a.{trained}")
    whole = data.read_bytes()
    for broken in (b"", b"something else", whole[: len(whole) // 2]) if trained != "csv" else (b"",):
        data.write_bytes(broken)
        assert all(data.name in told for told in refusals(data, capsys).values())
    data.unlink()
    assert all(data.name in told for told in refusals(data, capsys).values())
    data.mkdir()
    assert all(data.name in told and "folder" in told for told in refusals(data, capsys).values())


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the owner may read everything")
@pytest.mark.parametrize("trained", FORMATS, indirect=True)
def test_a_file_that_may_not_be_read_is_refused_by_every_verb(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = Path(f"a.{trained}")
    data.chmod(0)
    assert all(data.name in told and "permission" in told for told in refusals(data, capsys).values())
