"""Which of the processes that share one training this is: the first one alone writes and tells."""

from __future__ import annotations

import os

from sysidc.compiler.plan import Plan

RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")
"""What torchrun, Lightning's own launcher, SLURM and LSF set before a process starts, in the order of Lightning."""


def is_shared(plan: Plan) -> bool:
    """Whether several processes may take part in the training of the plan."""
    return plan.train.devices != 1 or plan.train.num_nodes != 1


def rank(plan: Plan) -> int:
    """The number of this process among those that share the training, 0 where it trains alone."""
    if not is_shared(plan):
        return 0
    return next((int(os.environ[name]) for name in RANK_VARIABLES if name in os.environ), 0)
