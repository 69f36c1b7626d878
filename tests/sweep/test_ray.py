"""The same sweep on a real Ray cluster of two nodes on this machine: same trials, and a killed worker ends nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

import sysidc
from sysidc.runtime.runs.mistakes import RunError
from tests.sweep.conftest import spec

ray = pytest.importorskip("ray", reason="the extra [ray] is installed by `make nightly`")
pytest.importorskip("optuna")
psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    found.add_node(num_cpus=1, num_gpus=1)
    ray.init(address=found.address, log_to_driver=False)
    yield
    ray.shutdown()
    found.shutdown()


def kill_the_first_trial(killed: list[int]) -> None:
    """SIGKILL the first process of a trial that appears."""
    end = time.monotonic() + 120
    while time.monotonic() < end and not killed:
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or [])
            if words.startswith("ray::") and "train" in words.lower():
                os.kill(process.pid, signal.SIGKILL)
                killed.append(process.pid)
                return
        time.sleep(0.02)


def test_ray_finds_the_trials_of_the_embedded_sweep_although_a_worker_is_killed(folder: Path, cluster: None) -> None:
    from sysidc.runtime.sweep.on_ray import run_on_ray
    from sysidc.runtime.sweep.search import search
    from tests.sweep.test_trial import here

    path = spec(folder, "sampler = random  pruner = none  trials = 3  seed = 5")
    killed: list[int] = []
    threading.Thread(target=kill_the_first_trial, args=(killed,), daemon=True).start()
    found = search(sysidc.load(path).compiled, {}, folder / "runs", run_on_ray)
    assert killed
    embedded = search(sysidc.load(path).compiled, {}, folder / "here", here)
    for one, two in zip(found.rows, embedded.rows, strict=True):
        assert one["state"] == two["state"] == "complete"
        for name in ("trial", "width", "rate", "run"):
            assert one[name] == two[name]
        assert one["rmse"] == pytest.approx(two["rmse"], rel=1e-9)
    run = sysidc.open_run(found.best)
    assert run.metrics == sysidc.open_run(embedded.best).metrics
    assert Path(run.plan.data.folder).resolve() == folder.resolve()


@contextmanager
def least_free(name: str) -> Iterator[list[float]]:
    """The least of a resource of the cluster that was free while the block ran."""
    least, over = [float("inf")], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            least[0] = min(least[0], ray.available_resources().get(name, 0.0))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    yield least
    over.set()
    watching.join()


def test_trials_share_a_processor_and_a_gpu(folder: Path, cluster: None) -> None:
    """Two at a time take half of one of the two processors each, and together the only GPU."""
    from sysidc.runtime.sweep.on_ray import run_on_ray
    from sysidc.runtime.sweep.search import search

    path = spec(folder, "sampler = random  pruner = none  trials = 2  seed = 5  jobs = 2")
    with least_free("CPU") as processors, least_free("GPU") as gpus:
        found = search(sysidc.load(path).compiled, {}, folder / "runs", partial(run_on_ray, cpus=0.5, gpus=0.5))
    assert [row["state"] for row in found.rows] == ["complete"] * 2
    assert (processors, gpus) == ([1.0], [0.0])


def test_more_than_a_machine_of_the_cluster_has_is_refused(folder: Path, cluster: None) -> None:
    from sysidc.runtime.sweep.on_ray import run_on_ray
    from sysidc.runtime.sweep.search import search

    path = spec(folder, "sampler = random  trials = 2")
    with pytest.raises(RunError, match="no machine of the cluster has 2 processors and 0 GPUs"):
        search(sysidc.load(path).compiled, {}, folder / "runs", partial(run_on_ray, cpus=2.0))
