"""Predictions as columns: the measured signals beside what the model says, for a file, a frame or a test record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from sysidc.compiler.plan import Plan, SignalPlan, SourcePlan
from sysidc.runtime.data import columns
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.layouts import known_outputs, spans_record, window_layout
from sysidc.runtime.data.mistakes import too_few
from sysidc.runtime.data.prepare import header_signals
from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.sources import load
from sysidc.runtime.data.table import Table, find_columns
from sysidc.runtime.data.tape import TensorRecord, lay
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.columns_writer import ColumnsWriter
from sysidc.runtime.runs.continued import Way, continued
from sysidc.runtime.runs.folder import written
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.ran_away import of_outputs, told_of
from sysidc.runtime.runs.records import Predicted, predict_record

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from sysidc.runtime.runs.chunks import ChunkedFile

Data: TypeAlias = "str | Path | pd.DataFrame | Mapping[str, Any]"
Columns: TypeAlias = dict[str, Array]
Say: TypeAlias = Callable[[str], object]

ENDINGS = (".csv", ".parquet", ".npz")
LONG = 64 << 20
"""Bytes of a file from which on it is predicted in pieces."""


def unheard(line: str) -> None:
    """Nobody listens."""


def predict_data(
    trained: Trained, data: Data, horizon: int | None = None, say: Say = unheard
) -> list[tuple[str, Columns]]:
    """(record, columns) for each record of a file or for one table of columns; `say` hears where it runs away.
    Raises DataError, RunError."""
    if horizon is not None and trained.plan.train.prediction is None:
        raise mistakes.no_horizon(trained.plan.train.mode)
    records = read_file(trained.plan, Path(data)) if isinstance(data, str | Path) else [_table(trained.plan, data)]
    found = []
    for record in _tensors(trained.plan, records, data):
        predicted = predict_record(trained, record.values, horizon)
        found.append((record.name, _of_record(trained.plan, record, predicted)))
        for line in told_of(trained, record, predicted, "record"):
            say(line)
    return found


def predict_file(
    trained: Trained,
    data: Path,
    output: Path,
    horizon: int | None = None,
    rows: int | None = None,
    say: Say = unheard,
) -> int:
    """Predictions for a file as a file; returns how many steps it holds. Raises DataError, RunError.

    A long file is read, predicted and written `rows` steps at a time, where file formats and model allow that: then
    the memory that it takes does not grow with the record. Without `rows` files from `LONG` bytes on count as long.
    `say` hears where a simulation runs away.
    """
    require_ending(output)
    if horizon is not None and trained.plan.train.prediction is None:
        raise mistakes.no_horizon(trained.plan.train.mode)
    way = continued(trained, horizon) if _is_long(trained.plan, data, output, rows) else None
    if way is None:
        parts = predict_data(trained, data, horizon, say)
        write_columns(output, parts)
        return sum(len(columns["step"]) for _, columns in parts)
    from sysidc.runtime.runs.chunks import ROWS_AT_ONCE, readable

    plan = trained.plan
    at_once = way.multiple * -(-(rows or ROWS_AT_ONCE) // way.multiple)
    file = readable(data, _required(plan), header_signals(plan), _separator(plan), at_once)
    return _write_pieces(trained, file, way, output, say)


def _is_long(plan: Plan, data: Path, output: Path, rows: int | None) -> bool:
    """Whether a file is worth reading in pieces, and all that the spec says of its data can be had from pieces."""
    if rows is None and (not data.is_file() or data.stat().st_size < LONG):
        return False
    like = _like(plan)
    plain = not (like.options.get("time") or like.options.get("record")) and plan.data.missing == "error"
    return plain and {data.suffix.lower(), output.suffix.lower()} <= {".csv", ".parquet"}


def _write_pieces(trained: Trained, file: ChunkedFile, way: Way, output: Path, say: Say) -> int:
    plan, done, told = trained.plan, 0, False
    with written(output) as temporary, ColumnsWriter(temporary) as writer:
        for values, predicted in way.run(file):
            steps = np.arange(done, done + len(next(iter(values.values()))))
            writer.write(_columns(plan, steps, None, values, predicted))
            for line in () if told else of_outputs(trained, predicted, f"in '{file.path}'", done):
                say(line)
                told = True
            done += len(steps)
        if done < shortest(plan):
            raise too_few(f"'{file.path}'", shortest(plan), done)
    return done


def prediction_columns(trained: Trained, record: TensorRecord, horizon: int | None = None) -> Columns:
    """step, time, the inputs, then for each output column `y`: y if measured, y_predicted, and in bounded mode y_lower,
    y_upper and y_kernel."""
    return _of_record(trained.plan, record, predict_record(trained, record.values, horizon))


def _of_record(plan: Plan, record: TensorRecord, predicted: Predicted) -> Columns:
    return _columns(plan, np.arange(len(record)), record.time, record.values, predicted)


def _columns(
    plan: Plan, steps: Array, time: Array | None, values: Mapping[str, Tensor], predicted: Predicted
) -> Columns:
    found: Columns = {"step": steps}
    if time is not None:
        found["time"] = time
    elif plan.sampling_time is not None:
        found["time"] = steps * plan.sampling_time
    for signal in header_signals(plan):
        if signal.name in values:
            found |= zip(signal.columns, values[signal.name].numpy().T, strict=True)
    for signal in header_signals(plan):
        if signal.name in predicted.outputs:
            found |= _predictions(signal, predicted)
    return found


def require_ending(path: Path) -> None:
    """Raises RunError unless the ending names a format that can be written here."""
    if path.suffix.lower() not in ENDINGS:
        raise mistakes.unknown_ending(path, ENDINGS)
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise mistakes.missing_package("pyarrow", "Parquet", 'pip install "sysidc[data]"')


def write_columns(path: Path, parts: Sequence[tuple[str, Columns]]) -> None:
    """CSV, Parquet or NPZ by the ending; several records are told apart by a column `record`. Raises RunError."""
    require_ending(path)
    frame = as_frame(parts)
    with written(path) as temporary:
        match path.suffix.lower():
            case ".csv":
                frame.to_csv(temporary, index=False, lineterminator="\n")
            case ".parquet":
                frame.to_parquet(temporary, index=False)
            case ".npz":
                with open(temporary, "wb") as file:
                    np.savez(file, allow_pickle=False, **{str(name): _plain(frame[name].to_numpy()) for name in frame})


def as_frame(parts: Sequence[tuple[str, Columns]]) -> pd.DataFrame:
    """The records one below the other."""
    import pandas as pd

    frames = [pd.DataFrame(found) for _, found in parts]
    if len(frames) == 1:
        return frames[0]
    for (name, _), frame in zip(parts, frames, strict=True):
        frame.insert(0, "record", name)
    return pd.concat(frames, ignore_index=True)


def _predictions(signal: SignalPlan, predicted: Predicted) -> Iterator[tuple[str, Array]]:
    bounds = {"lower": predicted.lower, "upper": predicted.upper, "kernel": predicted.kernel}
    for ending, outputs in {"predicted": predicted.outputs, **bounds}.items():
        if outputs is not None:
            for column, values in zip(signal.columns, outputs[signal.name].numpy().T, strict=True):
                yield f"{column}_{ending}", values


# --- what is to be predicted -------------------------------------------------------------------------------------


def read_file(plan: Plan, path: Path) -> list[Record]:
    """The records of a file, read as the spec reads its training data; outputs may be missing where none need be known.

    A time or record column that the spec names is used where the file has it.
    """
    readings = list(_readings(plan, path))
    for source, signals in readings[:-1]:
        try:
            return _load(plan, source, signals)
        except DataError as error:
            if error.id != "missing-column":
                raise
    return _load(plan, *readings[-1])


def _readings(plan: Plan, path: Path) -> Iterator[tuple[SourcePlan, tuple[SignalPlan, ...]]]:
    """What is looked for in the file, from all that the spec names to what the model cannot do without."""
    like, separator = _like(plan), _separator(plan)
    marks = {name: like.options.get(name) if like.kind == "file" else None for name in ("time", "record")}
    choices = [marks] if not any(marks.values()) else [marks, {**marks, "time": None}, {**marks, "record": None}, {}]
    for signals in dict.fromkeys((header_signals(plan), _required(plan))):
        for chosen in choices:
            options = {"separator": separator, "rows": None, **chosen}
            yield SourcePlan("file", str(path.absolute()), None, options, like.place), signals


def _like(plan: Plan) -> SourcePlan:
    """The source whose options a new file is read with."""
    return next((source for source in plan.data.train if source.kind == "file"), plan.data.train[0])


def _separator(plan: Plan) -> str:
    separator = _like(plan).options.get("separator") if _like(plan).kind == "file" else None
    return "\t" if separator == "\\t" else separator or ","


def _load(plan: Plan, source: SourcePlan, signals: tuple[SignalPlan, ...]) -> list[Record]:
    try:
        return load([source], signals=signals, folder="", sampling_time=plan.sampling_time, missing=plan.data.missing)
    except DataError as error:  # the place is that of the training data, not of this file
        raise DataError(error.id, error.message, None, error.help) from None


def _required(plan: Plan) -> tuple[SignalPlan, ...]:
    left = {window.signal for window in plan.model.inputs}
    return tuple(signal for signal in header_signals(plan) if signal.name in left)


def _table(plan: Plan, data: pd.DataFrame | Mapping[str, Any]) -> Record:
    """One record from columns by name."""
    table = Table("the given data", {str(name): np.asarray(data[name]) for name in data})
    present = tuple(table.columns)
    needed = {column for signal in _required(plan) for column in signal.columns}
    find_columns(table.path, tuple(needed), present)
    values = {}
    for signal in header_signals(plan):
        if set(signal.columns) <= set(present):
            values[signal.name] = np.stack([_column(table, name, signal.dtype) for name in signal.columns], axis=1)
    return Record("data", values)


def _column(table: Table, name: str, dtype: str) -> Array:
    array = columns.numbers(table, name)
    columns.require_values(table, name, array)
    return columns.cast(table, name, array, dtype, 0)


def _tensors(plan: Plan, records: list[Record], data: Data) -> tuple[TensorRecord, ...]:
    needed = shortest(plan)
    for record in records:
        if len(record) < needed:
            raise too_few(_said(record.name, data), needed, len(record))
    return lay(records, {name: getattr(torch, plan.signal(name).dtype) for name in records[0].values}).records


def _said(record: str, data: Data) -> str:
    """A record with the file that it comes from."""
    return f"record '{record}' of '{data}'" if isinstance(data, str | Path) else f"record '{record}'"


def shortest(plan: Plan) -> int:
    """Samples that a record needs for one prediction."""
    if spans_record(plan):
        return known_outputs(plan) + 1
    layout = window_layout(plan)
    return layout.known + 1 if plan.model.any_length else layout.span


def _plain(values: Array) -> Array:
    return values.astype(str) if values.dtype == object else values
