"""In bounded mode `show` tells the band's settings in the units of the data, which the network does not see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.dsl.source import Source
from sysidc.runtime.cli.band_units import in_data_units, scale
from sysidc.runtime.data.normalizer import Normalizer
from sysidc.runtime.data.prepare import prepare


def plan_of(normalize: str) -> Plan:
    text = (
        'sysid 1\nsignals { input u "A"  output y "V" }\nmodel m: u[2] -> y[1] { Flatten  Linear(1) }\n'
        f"data {{ train = duffing(samples = 500)  normalize = {normalize} }}\n"
        "train bounded { kernel = Box(bandwidth = 0.2)  lipschitz = 1.5  noise = 0.1  neighbours = 8 }\n"
    )
    plan = compile_source(Source("test.sysid", text, Path("test.sysid"))).plan
    assert plan is not None
    return plan


@pytest.mark.parametrize("kind", ["standard", "minmax"])
def test_a_unit_is_the_normalisers(kind: str) -> None:
    plan = plan_of(kind)
    (record,) = prepare(plan).train
    for name in ("u", "y"):
        values = torch.from_numpy(np.array(record.values[name]))
        expected = Normalizer.fit({name: values}, kind).scale(name)
        torch.testing.assert_close(torch.from_numpy(scale([record], plan.signal(name), kind)), expected)


def test_each_setting_has_its_unit() -> None:
    plan = plan_of("standard")
    (record,) = prepare(plan).train
    u, y = (float(record.values[name].astype(np.float64).std()) for name in ("u", "y"))
    rows = dict(in_data_units(plan))
    assert rows == {
        "bandwidth": f"{0.2 * u:.4g} A",
        "lipschitz": f"{1.5 * y / u:.4g} V/A",
        "noise": f"{0.1 * y:.4g} V",
    }
    assert in_data_units(plan_of("none")) == []
