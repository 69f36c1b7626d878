"""All sentences about files that no model can be told from: one constructor per mistake."""

from __future__ import annotations

from collections.abc import Sequence

from sysidc.runtime.data.errors import DataError

ROLES = "--input and --output name the columns"


def nameless_columns(path: str) -> DataError:
    message = f"the first line of '{path}' holds numbers instead of column names"
    return DataError("no-header", message, help="the first line must name the columns")


def no_numbers(path: str, present: Sequence[str]) -> DataError:
    held = ", ".join(f"'{name}'" for name in present[:12]) or "none"
    return DataError("no-numeric-column", f"'{path}' has no column of numbers that moves; its columns are {held}")


def not_numeric(path: str, column: str, why: str) -> DataError:
    return DataError("no-numeric-column", f"column '{column}' of '{path}' cannot be a signal: {why}")


def no_output(path: str, inputs: Sequence[str]) -> DataError:
    told = ", ".join(f"'{name}'" for name in inputs)
    message = f"'{path}' has no column left for an output: {told} taken as input"
    return DataError("no-output", message, help=ROLES)


def two_roles(path: str, column: str) -> DataError:
    return DataError("two-roles", f"column '{column}' of '{path}' is given two roles", help=ROLES)


def constant_column(path: str, column: str, role: str, value: float) -> DataError:
    message = f"{role} column '{column}' of '{path}' is {value:.6g} throughout: no model can be told from it"
    return DataError("constant-column", message, help=f"{ROLES} that move")


def too_few_samples(path: str, present: int, needed: int) -> DataError:
    message = f"the longest record of '{path}' has {present} samples; a model needs at least {needed}"
    return DataError("short-record", message)


def no_input_for(path: str, mode: str) -> DataError:
    message = f"'{path}' has no input column, and `train {mode}` computes outputs from inputs"
    return DataError("no-input", message, help="--mode prediction, or --input with the columns that drive the system")


def bounded_wants_one(path: str, inputs: int, outputs: int) -> DataError:
    message = f"`train bounded` takes one output column; '{path}' has {inputs} inputs and {outputs} outputs"
    return DataError("bounded-channels", message, help="--output with one column, or another --mode")


def unknown_picture(path: str) -> DataError:
    return DataError(
        "unknown-picture", f"'{path}' is no picture that can be drawn", help="a name that ends in .svg or .html"
    )
