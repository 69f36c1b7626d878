"""Why a sweep cannot go on although its spec is sound."""

from __future__ import annotations

from pathlib import Path

from sysidc.runtime.runs.mistakes import RunError, missing_package


def no_domains(name: str) -> RunError:
    message = f"{name} gives no param a domain to search"
    return RunError("no-domains", message, "write one, such as `param width = 32 in [16, 32, 64]`")


def no_optuna() -> RunError:
    return missing_package("optuna", "a sweep", 'pip install "sysidc[sweep]"')


def no_ray() -> RunError:
    return missing_package("ray", "a sweep on a cluster", 'pip install "sysidc[ray]"')


def shared_trials() -> RunError:
    message = "`devices` and `num_nodes` share one training, and a sweep runs whole trainings side by side"
    return RunError("exclusive-settings", message, "leave them out, and give the sweep as many --jobs")


def no_room(cpus: float, gpus: float) -> RunError:
    message = f"no machine of the cluster has {cpus:g} processors and {gpus:g} GPUs for a trial"
    return RunError("no-cluster", message, "smaller --cpus and --gpus, or larger machines")


def no_score(what: str, help: str | None = None) -> RunError:
    return RunError("no-score", what, help)


def all_failed(trials: int, reason: str) -> RunError:
    told = "the only trial failed" if trials == 1 else f"all {trials} trials failed"
    return RunError("sweep-failed", f"{told}, the last one because {reason}")


def no_trial_finished(folder: Path) -> RunError:
    message = f"the time limit of the sweep was over before a trial was finished; '{folder}' waits"
    return RunError("sweep-failed", message, "a longer time_limit; finished trials are kept")


def no_cluster(address: str, why: str) -> RunError:
    return RunError("no-cluster", f"no Ray answers at '{address}': {why}", "ray start --head, or --ray without address")


def broken_journal(path: Path, why: str) -> RunError:
    return RunError("broken-run", f"'{path}' cannot be read: {why}", "delete the sweep's folder to begin anew")
