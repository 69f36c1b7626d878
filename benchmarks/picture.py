"""Draws the picture of the README: the spec that stands there, trained; measured and predicted eight steps ahead.

python benchmarks/picture.py
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import matplotlib

import sysidc
from sysidc.runtime.data.generators import generate

matplotlib.use("svg")
matplotlib.rcParams |= {"svg.hashsalt": "sysidc", "svg.fonttype": "none", "font.size": 9}

from matplotlib import pyplot  # noqa: E402  the backend is chosen before

ROOT = Path(__file__).resolve().parents[1]
SHOWN = slice(200, 440)


def main() -> None:
    text = re.search(r"^```\n(sysid 1\n.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert text is not None
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "duffing.sysid"
        spec.write_text(text.group(1), encoding="utf-8")
        run = sysidc.load(spec).train(Path(folder) / "runs")
        fresh = generate("duffing", {"samples": 1_000, "seed": 2}, 1 / 610.35)
        found = run.predict({name: values.squeeze() for name, values in fresh.items()}, horizon=8)
    shown = found.iloc[SHOWN]
    figure, axes = pyplot.subplots(figsize=(7.2, 2.2), layout="constrained")
    axes.plot(shown["time"], shown["y"], color="#c8c8c8", linewidth=4, label="measured")
    axes.plot(shown["time"], shown["y_predicted"], color="#c8553d", linewidth=1, label="predicted 8 steps ahead")
    axes.set(xlabel="time in s", ylabel="y in V", xlim=(shown["time"].iloc[0], shown["time"].iloc[-1]))
    axes.legend(loc="upper right", frameon=False, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(ROOT / "docs" / "duffing.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
