"""The script of a report in a browser, where there is one: keys zoom, and 0 shows all again."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import sysidc

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
TRIED = """<script>addEventListener("load", () => {
  const figure = document.querySelector("figure[tabindex], [tabindex]");
  const labels = () => [...figure.querySelectorAll("text")].map((text) => text.textContent).join(" ");
  const press = (key) => figure.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const all = labels(); press("+"); press("+");
  const near = labels(); press("0");
  document.body.dataset.zoomed = `${all !== near} ${all === labels()}`;
});</script>"""


@pytest.mark.skipif(not BROWSER, reason="no browser is installed")
def test_keys_zoom_into_a_chart_and_back(specs: Path) -> None:
    run = sysidc.load("simulation.sysid").train().path
    page = Path("page.html")
    page.write_text((run / "report.html").read_text(encoding="utf-8") + TRIED, encoding="utf-8")
    words = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.resolve().as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=50)
    found = re.search(r'data-zoomed="([^"]*)"', done.stdout)
    if found is None and done.returncode:
        pytest.skip(f"the browser does not run here: {done.stderr[-200:]}")
    assert found is not None and found[1] == "true true", done.stderr[-500:]
