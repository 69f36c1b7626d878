"""The run folder: what its files are called, and how each is written whole and read."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sysidc.compiler.plan import Plan, from_json, to_json
from sysidc.runtime.runs import mistakes

SPEC = "spec.sysid"
PLAN = "plan.json"
WEIGHTS = "weights.safetensors"
MEMBERS = "members.json"
METRICS = "metrics.json"
EPOCHS = "metrics.csv"
PREDICTIONS = "predictions"
ENVIRONMENT = "environment.json"
PARAMETERS = "parameters.json"
UNCERTAINTY = "uncertainty.json"
REPORT = "report.html"
LOG = "log"
CHECKPOINTS = "checkpoints"

RUNS = Path("runs")


def folder_name(plan: Plan) -> str:
    """`<name>-<short hash>`: one plan, one folder."""
    return f"{plan.model.name}-{plan.hash[:6]}"


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary name in the same folder, whose file becomes `path` at the end of the block. Raises RunError."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # safetensors writes for the owner alone
        temporary.replace(path)
    except OSError as error:
        raise mistakes.unwritable(path, error.strerror or str(error)) from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(finite(value), indent=2, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """The same value with null for every number that JSON has not: NaN and the infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def write_plan(folder: Path, plan: Plan, final: Path) -> None:
    """The plan, its data folder relative to where the run will lie in the end, so that both can move together."""
    data = replace(plan.data, folder=seen_from(final, Path(plan.data.folder)))
    write_json(folder / PLAN, to_json(replace(plan, data=data)))


def read_plan(folder: Path) -> Plan:
    """The plan of a run, its data folder as seen from here. Raises RunError."""
    path = folder / PLAN
    try:
        plan = from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise mistakes.no_run(folder, PLAN) from None
    except NotADirectoryError:
        raise mistakes.no_run(folder, PLAN) from None
    except OSError as error:
        raise mistakes.broken_run(path, error.strerror or str(error)) from None
    except (ValueError, ValidationError) as error:
        raise mistakes.broken_run(path, str(error).splitlines()[0]) from None
    return replace(plan, data=replace(plan.data, folder=os.path.normpath(folder / plan.data.folder)))


def seen_from(folder: Path, path: Path) -> str:
    """`path` relative to `folder`, with forward slashes; absolute where no relative path leads there."""
    try:
        return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    except ValueError:  # another drive
        return path.absolute().as_posix()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The rows of the score. Raises RunError."""
    path = folder / METRICS
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise mistakes.no_run(folder, METRICS) from None
    except (OSError, ValueError) as error:
        raise mistakes.broken_run(path, str(error)) from None
    return rows
