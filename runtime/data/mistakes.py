"""All sentences about data: one constructor per mistake. Places are added where the source is known."""

from __future__ import annotations

from collections.abc import Sequence

from sysidc.dsl.spelling import closest
from sysidc.runtime.data.errors import DataError


def missing_file(path: str) -> DataError:
    return DataError("missing-file", f"there is no file '{path}'", help="paths are relative to the spec's folder")


def no_match(pattern: str) -> DataError:
    return DataError("missing-file", f"no file matches '{pattern}'", help="paths are relative to the spec's folder")


def is_directory(path: str) -> DataError:
    return DataError("not-a-file", f"'{path}' is a folder", help=f'name its files, for example "{path}/*.csv"')


def no_permission(path: str) -> DataError:
    return DataError("unreadable-file", f"'{path}' may not be read: permission denied")


def empty_file(path: str) -> DataError:
    return DataError("empty-file", f"'{path}' holds no samples")


def unknown_ending(path: str, known: Sequence[str]) -> DataError:
    return DataError("unknown-format", f"the ending of '{path}' names no known format", help=f"one of {_list(known)}")


def broken_file(path: str, kind: str, why: str) -> DataError:
    return DataError("broken-file", f"'{path}' cannot be read as {kind}: {why}")


def not_text(path: str) -> DataError:
    return DataError("not-utf8", f"'{path}' is not text in UTF-8", help="save it as CSV with the encoding UTF-8")


def missing_package(package: str, purpose: str) -> DataError:
    message = f"{purpose} needs the package '{package}', which is not installed"
    return DataError("missing-package", message, help='pip install "sysidc[data]"')


def missing_column(path: str, column: str, present: Sequence[str]) -> DataError:
    close = closest(column, present)
    hint = f"did you mean '{close}'?" if close else f"its columns are {_list(present)}"
    return DataError("missing-column", f"'{path}' has no column '{column}'", help=hint)


def no_header(path: str, column: str) -> DataError:
    message = f"'{path}' has no column '{column}': its first line holds numbers instead of column names"
    return DataError("missing-column", message, help="the first line must name the columns")


def wrong_separator(path: str, separator: str, likely: str) -> DataError:
    message = f"'{path}' has only one column when read with the separator {separator!r}"
    return DataError("wrong-separator", message, help=f'csv("{path}", separator = "{likely}")')


def bad_separator(separator: str) -> DataError:
    return DataError("bad-separator", f"a separator is one character, {separator!r} has {len(separator)}")


def duplicate_column(path: str, column: str) -> DataError:
    return DataError("duplicate-column", f"'{path}' has the column '{column}' twice")


def ragged_row(path: str, line: int, fields: int, columns: int) -> DataError:
    message = f"line {line} of '{path}' has {fields} fields, its header has {columns}"
    hint = "numbers are written with a decimal point, fields are told apart by one separator"
    return DataError("ragged-row", message, help=hint)


def not_a_vector(path: str, column: str, shape: Sequence[int]) -> DataError:
    message = f"'{column}' in '{path}' has the shape {tuple(shape)}; a column is one number per sample"
    return DataError("not-a-vector", message)


def unequal_lengths(path: str, lengths: Sequence[tuple[str, int]]) -> DataError:
    told = ", ".join(f"'{name}' {length}" for name, length in lengths)
    return DataError("unequal-lengths", f"the columns of '{path}' differ in length: {told}")


def rows_outside(path: str, first: int, end: int, rows: int) -> DataError:
    message = f"rows {first} .. {end} are asked of '{path}', which has {rows} rows"
    return DataError("rows-outside", message, help="rows count from 0, the end is excluded")


def not_a_number(path: str, column: str, row: str, value: object) -> DataError:
    text = str(value)
    decimal = text.count(",") == 1 and text.replace(",", "").lstrip("+-").isdigit()
    hint = "numbers are written with a decimal point" if decimal else None
    return DataError("not-a-number", f"column '{column}' of '{path}' holds the text '{text}' in {row}", help=hint)


def missing_value(path: str, column: str, row: str, count: int) -> DataError:
    more = f" ({count} in all)" if count > 1 else ""
    message = f"column '{column}' of '{path}' has no value in {row}{more}"
    return DataError("missing-value", message, help="missing = interpolate | split says what to do about gaps")


def missing_at_end(path: str, column: str, row: str) -> DataError:
    message = f"column '{column}' of '{path}' has no value in {row}, at an end of the record, where nothing can be"
    return DataError("missing-value", message + " interpolated", help="leave these rows out, or use missing = split")


def infinite_value(path: str, column: str, row: str) -> DataError:
    message = f"column '{column}' of '{path}' holds an infinite value in {row}"
    return DataError("infinite-value", message, help="leave the cell empty and say what `missing` does about gaps")


def too_large_value(path: str, column: str, row: str, value: float) -> DataError:
    message = f"column '{column}' of '{path}' holds {value:.3g} in {row}, the square of which is no number"
    return DataError("infinite-value", message, help="write the column in larger units")


def wrong_dtype(path: str, column: str, row: str, value: object, dtype: str) -> DataError:
    message = f"column '{column}' of '{path}' holds {value} in {row}, which does not fit {dtype}"
    return DataError("wrong-dtype", message)


def not_embedded(record: str, column: str, row: int, value: int, size: int) -> DataError:
    held = f"column '{column}' of record '{record}' holds {value} in row {row}"
    message = f"{held}, an Embedding of {size} knows 0 to {size - 1}"
    return DataError("not-embedded", message, help="a larger `num_embeddings`, or integers that begin at 0")


def one_row(path: str, record: str) -> DataError:
    return DataError("short-record", f"record '{record}' of '{path}' has one row; a model needs at least two samples")


def time_not_uniform(path: str, column: str, row: str, step: float, expected: float) -> DataError:
    message = f"column '{column}' of '{path}' moves by {step:.6g} s to {row}, the sampling time is {expected:.6g} s"
    return DataError("wrong-time", message, help="sampling must be uniform, to a relative tolerance of 1e-3")


def too_short(record: str, split: str, needed: int, present: int, purpose: str) -> DataError:
    message = f"the {split} part of record '{record}' has {_samples(present)}; {purpose} needs {needed}"
    cures = {"train": "leave the record out", "test": "give `test` more samples or a file of its own"}
    cure = cures.get(split, "give `validation` a larger share or a file of its own, or leave the record out")
    return DataError("short-record", message, help=f"{cure}, or ask for windows of fewer steps in the header")


def too_few(what: str, needed: int, present: int) -> DataError:
    return DataError("short-record", f"{what} has {_samples(present)}; one prediction needs {needed}")


def part_too_large(record: str, split: str, asked: int, present: int) -> DataError:
    message = f"{asked} samples of record '{record}' are asked for {split}; there are {present}"
    return DataError("short-record", message)


def horizon_too_long(horizon: int, record: str, needed: int, present: int) -> DataError:
    message = f"a horizon of {horizon} steps needs {needed} samples; the training part of '{record}' has {present}"
    return DataError("short-record", message, help="cap the horizon with max_length")


def mapped_gaps(path: str, missing: str) -> DataError:
    message = f"'{path}' stays on disk, and `missing = {missing}` would have to change it"
    return DataError("mapped-gaps", message, help="missing = error, or the columns in an NPZ file")


def too_few_records(records: int, processes: int) -> DataError:
    message = f"{_records(records)} of one length cannot be shared among {processes} processes"
    return DataError("too-few-records", message, help="devices = 1, or windows shorter than the record")


def unknown_generator(name: str, known: Sequence[str]) -> DataError:
    return DataError("unknown-generator", f"there is no generator '{name}'", help=f"one of {_list(known)}")


def unstable_generator(name: str) -> DataError:
    message = f"the simulation of {name}(...) leaves every bound with these constants"
    return DataError("unstable-generator", message, help="try a smaller amplitude or sampling time")


def unknown_benchmark(name: str, known: Sequence[str]) -> DataError:
    close = closest(name, known)
    hint = f"did you mean '{close}'?" if close else f"one of {_list(known)}"
    return DataError("unknown-benchmark", f"nonlinear_benchmarks has no data set '{name}'", help=hint)


def missing_benchmarks(name: str) -> DataError:
    message = f"benchmark(\"{name}\") needs the package 'nonlinear_benchmarks', which is not installed"
    return DataError("missing-package", message, help="pip install nonlinear_benchmarks")


def unfetched_benchmark(name: str, why: str) -> DataError:
    return DataError("unfetched-benchmark", f"the data set '{name}' cannot be fetched: {why}")


def wrong_sampling(name: str, recorded: float, expected: float) -> DataError:
    message = f"'{name}' was sampled every {recorded:.6g} s, the sampling time of the spec is {expected:.6g} s"
    return DataError("wrong-time", message)


def _records(count: int) -> str:
    return f"{count} record" if count == 1 else f"{count} records"


def _samples(count: int) -> str:
    return f"{count} sample" if count == 1 else f"{count} samples"


def _list(names: Sequence[str], limit: int = 12) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
