"""Where metrics go besides the run folder's own metrics.csv: Lightning's loggers by name, all of them offline."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from lightning.pytorch.loggers.logger import Logger

from sysidc.compiler.plan import Plan
from sysidc.runtime.runs import mistakes


def _tensorboard(plan: Plan, folder: Path, runs: Path) -> Logger:
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard", version="")


def _mlflow(plan: Plan, folder: Path, runs: Path) -> Logger:
    from lightning.pytorch.loggers import MLFlowLogger

    runs.mkdir(parents=True, exist_ok=True)
    artifacts = (runs / "mlartifacts").absolute().as_uri()
    # MLflow refuses its old store of plain files since version 3; a database in one file needs no server either
    store = f"sqlite:///{(runs / 'mlflow.db').absolute().as_posix()}"
    return MLFlowLogger(experiment_name=plan.model.name, tracking_uri=store, artifact_location=artifacts)


def _wandb(plan: Plan, folder: Path, runs: Path) -> Logger:
    from lightning.pytorch.loggers import WandbLogger

    class FinishedWithTheRun(WandbLogger):
        """W&B writes until its run is finished; the run folder is moved to its place before the process ends."""

        def finalize(self, status: str) -> None:
            super().finalize(status)
            self.experiment.finish(exit_code=int(status != "success"))

    return FinishedWithTheRun(name=plan.model.name, save_dir=folder, offline=True, settings={"silent": True})


LOGGERS: dict[str, tuple[str, Callable[[Plan, Path, Path], Logger]]] = {
    "tensorboard": ("tensorboard", _tensorboard),
    "mlflow": ("mlflow", _mlflow),
    "wandb": ("wandb", _wandb),
}
"""Package and maker; `csv` is the run folder's own."""


def require_packages(plan: Plan) -> None:
    """Raises RunError where a logger's package is not installed."""
    for name in plan.train.loggers:
        package = LOGGERS[name][0] if name in LOGGERS else None
        if package is not None and find_spec(package) is None:
            raise mistakes.missing_package(package, f"the logger {name}", f"pip install {package}")


def loggers(plan: Plan, folder: Path, runs: Path) -> list[Logger]:
    """`folder` is the run's, `runs` the one that all runs share."""
    return [LOGGERS[name][1](plan, folder, runs) for name in plan.train.loggers if name in LOGGERS]
