"""The same sweep on Ray Tune: the journal stays here, the trials run where the cluster has room, runs come back."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray  # pyright: ignore[reportMissingImports]
from ray import tune  # pyright: ignore[reportMissingImports]
from ray.tune.schedulers import FIFOScheduler  # pyright: ignore[reportMissingImports]
from ray.tune.search import Searcher  # pyright: ignore[reportMissingImports]

from sysidc.runtime.sweep import mistakes
from sysidc.runtime.sweep.journal import ATTEMPTS, Journal
from sysidc.runtime.sweep.shipping import Parcel, packed_run, parcel, unpack_run
from sysidc.runtime.sweep.table import Table
from sysidc.runtime.sweep.task import Result, Task


def run_on_ray(
    journal: Journal,
    folder: Path,
    task: Callable[[dict[str, Any]], Task],
    table: Table,
    *,
    address: str = "",
    cpus: float = 1.0,
    gpus: float = 0.0,
) -> None:
    """The trials of a journal on the cluster at `address`, a local one where it is empty; each gets so many processors
    and GPUs, fractions too. `jobs` above 1 is the most that run side by side. Raises RunError."""
    with _connected(address), tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _require_room(cpus, gpus)
        keeper = ray.remote(Keeper).options(num_cpus=0).remote()
        domains = journal.sweep.domains
        shipped = parcel(task({domain.param: domain.start for domain in domains}), domains)
        trial = tune.with_parameters(_trial, shipped=shipped, keeper=keeper, template=task({}))
        search = JournalSearch(journal, folder, table, keeper)
        tuner = tune.Tuner(
            tune.with_resources(trial, {"cpu": cpus, "gpu": gpus}),
            tune_config=tune.TuneConfig(
                metric="value",
                mode="min",  # Tune wants one; what is better the journal knows
                search_alg=search,
                scheduler=JournalPruner(search),
                num_samples=-1,
                max_concurrent_trials=journal.sweep.jobs if journal.sweep.jobs > 1 else None,
                time_budget_s=journal.sweep.time_limit,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=scratch,
                failure_config=tune.FailureConfig(max_failures=ATTEMPTS - 1),
                verbose=0,
            ),
        )
        tuner.fit()


def _require_room(cpus: float, gpus: float) -> None:
    """Ray itself would wait for a machine that has them. Raises RunError."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(machine.get("CPU", 0) >= cpus and machine.get("GPU", 0) >= gpus for machine in machines):
        raise mistakes.no_room(cpus, gpus)


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Connected to a cluster inside the block; one that runs in this process already is used as it is."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    try:
        ray.init(address=address or None, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise mistakes.no_cluster(address, str(error).partition("\n")[0]) from None
    try:
        yield
    finally:
        ray.shutdown()


def _trial(config: dict[str, Any], shipped: Parcel, keeper: Any, template: Task) -> None:
    """A trial on a machine of the cluster; `config` holds its number and its values."""
    from sysidc.runtime.sweep.trial import run_trial

    here = shipped.task(Task(**{**asdict(template), "values": {**template.values, **config["values"]}}))

    def watch(epoch: int, value: float) -> bool:
        tune.report({"state": "running", "epoch": epoch, "value": value})
        return True  # a pruned trial is ended from outside

    result = run_trial(here, watch)
    if result.run is not None:
        ray.get(keeper.put.remote(config["number"], packed_run(Path(here.runs) / result.run)))
    tune.report({**asdict(result), "epoch": 0})


class Keeper:
    """Holds the files of finished runs until the sweep takes them."""

    def __init__(self) -> None:
        self.runs: dict[int, dict[str, bytes]] = {}

    def put(self, number: int, files: dict[str, bytes]) -> None:
        self.runs[number] = files

    def take(self, number: int) -> dict[str, bytes]:
        return self.runs.pop(number)


class JournalSearch(Searcher):
    """Gives Tune the trials of a journal and takes what becomes of them."""

    def __init__(self, journal: Journal, folder: Path, table: Table, keeper: Any):
        super().__init__(metric="value", mode="min")
        self.journal, self.folder, self.table, self.keeper = journal, folder, table, keeper
        self.numbers: dict[str, int] = {}

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        return True

    def suggest(self, trial_id: str) -> Any:
        while (asked := self.journal.ask()) is not None:
            number, values = asked
            twin = self.journal.finished_twin(number)
            if twin is None:
                self.numbers[trial_id] = number
                self.table.begun(number, values)
                return {"number": number, "values": values}
            self._over(number, Result("complete", twin.value, twin.user_attrs["run"]))
        return Searcher.FINISHED

    def goes_on(self, trial_id: str, result: dict[str, Any]) -> bool:
        number = self.numbers[trial_id]
        if result.get("state") != "running":
            return True
        self.table.epoch(number, result["epoch"], result["value"])
        return self.journal.report(number, result["epoch"], result["value"])

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        number = self.numbers.pop(trial_id)
        if error or result is None:
            self._over(number, Result("failed", reason=f"its process died {ATTEMPTS} times"))
        elif result["state"] == "running":
            self._over(number, Result("pruned", seconds=result.get("time_total_s", 0.0)))
        else:
            found = Result(**{name: result[name] for name in ("state", "value", "run", "reason", "seconds")})
            if found.run is not None:
                unpack_run(ray.get(self.keeper.take.remote(number)), self.folder / found.run)
            self._over(number, found)

    def _over(self, number: int, result: Result) -> None:
        self.journal.tell(number, result)
        self.table.over(self.journal.row(number))

    def __getstate__(self) -> dict[str, Any]:
        """Tune writes its searcher down to restore it; the journal does that."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> JournalSearch:
        return self

    def save(self, checkpoint_path: str) -> None:
        """The journal is its own."""

    def restore(self, checkpoint_path: str) -> None:
        """A killed sweep goes on from its journal."""


class JournalPruner(FIFOScheduler):
    """Ends the trials that the journal's pruner finds too weak."""

    def __init__(self, search: JournalSearch):
        super().__init__()
        self.search = search

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        return self.CONTINUE if self.search.goes_on(trial.trial_id, result) else self.STOP
