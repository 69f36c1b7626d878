"""Graphs and weights as files, each read again and compared before it counts as written."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch._export.serde.serialize import SerializeError

from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.export.description import description
from sysidc.runtime.runs.export.record_form import RecordForm
from sysidc.runtime.runs.export.step_form import StepForm, step_form
from sysidc.runtime.runs.export.tracing import Graph, trace, untraceable
from sysidc.runtime.runs.folder import written
from sysidc.runtime.runs.model import Trained

ENDINGS = {"onnx": ".onnx", "torch": ".pt2", "safetensors": ".safetensors"}
DESCRIPTION = "description.json"


def export(trained: Trained, kind: str, path: Path, step: bool = False) -> None:
    """Write a model as `kind` (onnx, torch, safetensors) to `path`. Raises RunError, and leaves nothing behind then.

    A graph is in the units of the data; safetensors holds the weights, the scale and a description beside them.
    """
    if path.suffix.lower() != ENDINGS[kind]:
        raise mistakes.not_exported(f"'{path}' is no name of a {kind} file", f"end it in {ENDINGS[kind]}")
    if kind == "safetensors":
        if step:
            raise mistakes.not_exported("safetensors holds weights alone: there is no step in it", "--format onnx")
        with written(path) as temporary:
            temporary.write_bytes(save(trained.state(), metadata=description(trained)))
        return
    if kind == "onnx" and not (find_spec("onnx") and find_spec("onnxscript")):
        raise mistakes.missing_package("onnxscript", "ONNX", 'pip install "sysidc[export]"')
    with _quiet():
        form: RecordForm | StepForm = step_form(trained) if step else RecordForm(trained)
        start = form.start.tolist() if isinstance(form, StepForm) else None
        graph = trace(form, trained.plan)
        told = description(trained, start)
        with written(path) as temporary:
            _write_onnx(graph, told, temporary) if kind == "onnx" else _write_torch(graph, told, temporary)


def _write_torch(graph: Graph, told: dict[str, str], path: Path) -> None:
    try:
        torch.export.save(graph.program, path, extra_files={DESCRIPTION: json.dumps(told, indent=2)})
    except SerializeError as error:  # a graph that can be run and not be written
        raise untraceable(graph.form, error) from None
    again = torch.export.load(path).module()
    with torch.no_grad():
        found = again(*graph.examples)
    graph.check(found if isinstance(found, tuple) else (found,), "the file")


def _write_onnx(graph: Graph, told: dict[str, str], path: Path) -> None:
    try:
        program: Any = torch.onnx.export(
            graph.program,
            graph.examples,
            dynamo=True,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            verbose=False,
        )
    except Exception as error:  # the exporter raises of its own whatever met it on the way
        cause = error.__cause__ or error
        raise untraceable(graph.form, cause if isinstance(cause, Exception) else error) from None
    program.model.metadata_props.update(told)
    program.save(path, external_data=False)
    if find_spec("onnxruntime") is not None:
        graph.check([torch.from_numpy(np.asarray(value)) for value in run_onnx(path, graph)], "onnxruntime")


def run_onnx(path: Path, graph: Graph) -> list[Any]:
    """What onnxruntime makes of the graph's examples."""
    import onnxruntime  # type: ignore[import-untyped, unused-ignore]

    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of its own for every mistake
        told = " ".join(str(error).split())[:200]
        help = "train with `precision = float32`, which onnxruntime has more operations for"
        raise mistakes.not_exported(f"onnxruntime cannot run this graph: {told}", help) from None
    given = {name: value.numpy() for name, value in zip(graph.inputs, graph.examples, strict=True)}
    return list(session.run(list(graph.outputs), given))


@contextmanager
def _quiet() -> Iterator[None]:
    """What torch's exporters say about themselves is nothing that a user could mend."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
