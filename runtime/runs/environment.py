"""What a run was made with: versions, machine, seed, threads, device and the hashes of the data files."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import sysidc
from sysidc.compiler.catalogue.installed import is_foreign, package_of
from sysidc.compiler.passes.chain import flat
from sysidc.compiler.plan import Plan
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.folder import ENVIRONMENT

PACKAGES = ("torch", "lightning", "numpy", "pandas", "scipy", "safetensors")


def environment(plan: Plan, data: dict[str, str], device: str, threads: int, seconds: float | None) -> dict[str, Any]:
    """Everything that is needed to tell why two runs of one plan differ; `seconds` is None while it is trained."""
    return {
        "sysidc": sysidc.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES} | _of_layers(plan),
        "seed": plan.train.seed,
        "threads": threads,
        "device": device,
        "seconds": None if seconds is None else round(seconds, 3),
        "plan": plan.hash,
        "data": data,
    }


def read_environment(folder: Path) -> dict[str, Any]:
    """What `environment` told about a run. Raises RunError."""
    path = folder / ENVIRONMENT
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise mistakes.no_run(folder, ENVIRONMENT) from None
    except (OSError, ValueError) as error:
        raise mistakes.broken_run(path, str(error)) from None
    if not isinstance(found, dict):
        raise mistakes.broken_run(path, "it holds no object")
    return found


def data_hashes(plan: Plan) -> dict[str, str]:
    """sha256 of every data file, under its path as the spec gives it."""
    hashes = {}
    for source in (*plan.data.train, *plan.data.validation.sources, *plan.data.test.sources):
        if source.path is None:
            continue
        path = os.path.join(plan.data.folder, source.path)
        files = [path] if os.path.exists(path) else sorted(glob.glob(path, recursive=True))
        for file in files:
            with open(file, "rb") as opened:
                name = source.path if file == path else os.path.relpath(file, plan.data.folder)
                hashes[name] = hashlib.file_digest(opened, "sha256").hexdigest()
    return hashes


def _of_layers(plan: Plan) -> dict[str, str]:
    """The packages that layers of the stack come from, with their versions."""
    foreign = {node.layer for node in flat(plan.model.nodes) if is_foreign(node.layer, node.target)}
    told = [package_of(name) for name in sorted(foreign)]
    return dict((name, version) for name, _, version in (text.rpartition(" ") for text in told if text is not None))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
