"""The same sweep on a real Ray cluster of two nodes on this machine: same trials, and a killed worker ends nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import sysidc
from tests.sweep.conftest import spec

ray = pytest.importorskip("ray", reason="the extra [ray] is installed by `make nightly`")
pytest.importorskip("optuna")
psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    found.add_node(num_cpus=1)
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
