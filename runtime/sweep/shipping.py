"""A spec with its libraries and data as one value that travels to another machine, and a run that travels back.

The files lie there as they lie here, seen from a root of their own, so that relative paths hold. A path that the spec
writes from the root of the file system is not shipped: it is where every machine finds it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import DomainPlan
from sysidc.dsl.source import Source
from sysidc.runtime.data.sources import _paths
from sysidc.runtime.sweep.task import Task


@dataclass(frozen=True)
class Parcel:
    """Files by their path seen from the root; `spec` and `runs` are such paths, too."""

    files: Mapping[str, bytes]
    spec: str
    runs: str

    @property
    def name(self) -> str:
        told = hashlib.sha256()
        for path, content in sorted(self.files.items()):
            told.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
        return told.hexdigest()[:16]

    def unpacked(self) -> Path:
        """The root of the files on this machine; they are written once. Safe beside other processes."""
        root = Path(tempfile.gettempdir()) / f"sysidc-{self.name}"
        if root.exists():
            return root
        beside = Path(tempfile.mkdtemp(prefix=f"sysidc-{self.name}-"))
        for path, content in self.files.items():
            target = beside / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        try:
            beside.rename(root)
        except OSError:  # another process was first
            shutil.rmtree(beside, ignore_errors=True)
        return root

    def task(self, task: Task) -> Task:
        """The task as it is on this machine."""
        root = self.unpacked()
        return replace(task, path=str(root / self.spec), runs=str(root / self.runs))


def parcel(task: Task, domains: Sequence[DomainPlan] = ()) -> Parcel:
    """The spec of a task with all that it reads, whatever values its params take. Raises DataError."""
    spec = Path(task.path)
    source = Source(task.name, task.text, spec)
    used = [found.path.absolute() for found in compile_source(source, task.values).sources[1:] if found.path]
    read = [path for given in _choices(task, domains) for path in _read(source, given)]
    files = [Path(os.path.normpath(path)) for path in (spec, *read, *used) if path.is_file()]
    root = Path(os.path.commonpath([*(file.parent for file in files), task.runs]))
    packed = {file.relative_to(root).as_posix(): file.read_bytes() for file in files}
    return Parcel(packed, spec.relative_to(root).as_posix(), Path(task.runs).relative_to(root).as_posix())


def _choices(task: Task, domains: Sequence[DomainPlan]) -> Iterator[Mapping[str, Any]]:
    """The values of the task, and those with every other choice of a param that is no number: it may be a file."""
    yield task.values
    for domain in domains:
        for value in domain.values or ():
            if isinstance(value, str):
                yield {**task.values, domain.param: value}


def _read(source: Source, values: Mapping[str, Any]) -> list[Path]:
    """The data with relative paths of a spec that is sound with these values."""
    plan = compile_source(source, values).plan
    if plan is None:
        return []  # the trial will tell
    data = plan.data
    written = [item.path for item in (*data.train, *data.validation.sources, *data.test.sources)]
    relative = [path for path in written if path is not None and not PurePath(path).is_absolute()]
    assert source.path is not None
    return [Path(found).absolute() for path in relative for found in _paths(path, str(source.path.parent))]


def packed_run(run: Path) -> dict[str, bytes]:
    """The files of a run by their path inside of it."""
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def unpack_run(files: Mapping[str, bytes], run: Path) -> None:
    """Write a run where it belongs: whole, or not at all."""
    beside = run.with_name(f".{run.name}.arriving")
    shutil.rmtree(beside, ignore_errors=True)
    for path, content in files.items():
        (beside / path).parent.mkdir(parents=True, exist_ok=True)
        (beside / path).write_bytes(content)
    shutil.rmtree(run, ignore_errors=True)
    beside.rename(run)
