"""What other projects take from this repository: the hooks of pre-commit and the action for GitHub."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sysidc.runtime.cli import VERBS

ROOT = Path(__file__).resolve().parents[1]
HOOKS: list[dict[str, str]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
FENCE = re.compile(r"^```yaml\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = [yaml.safe_load(match["text"]) for match in FENCE.finditer((ROOT / "docs" / "ci.md").read_text("utf-8"))]

SPEC = """sysid 1
signals { input u  output y }
model m: u[4] -> y[4] { Linaer(1) }
data { train = "a.csv" }
train simulation { }
"""


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_a_hook_runs_a_verb_on_specs(hook: dict[str, str]) -> None:
    command, verb = hook["entry"].split()
    assert command == "sysidc" and verb in VERBS and hook["id"] == f"sysidc-{verb}"
    assert hook["language"] == "python"
    assert re.search(hook["files"], "models/a.sysid") and not re.search(hook["files"], "a.sysid.txt")


def run_of_the_action(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The step that checks, as the runner of GitHub would run it."""
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("name") == "Check"]
    values = {name: declared["default"] for name, declared in ACTION["inputs"].items()}
    values |= {name.replace("_", "-"): value for name, value in inputs.items()}
    given = {
        key: re.sub(r"\$\{\{ inputs\.([\w-]+) }}", lambda found: values[found[1]], text)
        for key, text in step["env"].items()
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    environment = {**os.environ, **given, "PATH": path}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_the_action_tells_findings_as_annotations_and_as_sarif(tmp_path: Path) -> None:
    (tmp_path / "a spec.sysid").write_text(SPEC, encoding="utf-8")
    done = run_of_the_action(tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=a spec.sysid,line=3,")
    assert len(json.loads((tmp_path / "sysidc.sarif").read_text())["runs"][0]["results"]) == 1


def test_the_action_takes_several_files_and_options_and_no_commands(tmp_path: Path) -> None:
    (tmp_path / "a spec.sysid").write_text(SPEC.replace("Linaer", "Linear"), encoding="utf-8")
    (tmp_path / "-b.sysid").write_text(SPEC.replace("Linaer", "Linear") + "let half = 2\n", encoding="utf-8")
    files = "a spec.sysid\n-b.sysid\n"
    assert run_of_the_action(tmp_path, files=files).returncode == 0
    assert run_of_the_action(tmp_path, files=files, deny_warnings="true").returncode == 1
    known = "--baseline=known.json\n--update-baseline"
    assert run_of_the_action(tmp_path, files=files, deny_warnings="true", options=known).returncode == 0
    assert run_of_the_action(tmp_path, files="$(touch pwned); `touch pwned`").returncode == 2
    assert not (tmp_path / "pwned").exists()


def test_the_documentation_names_the_hooks_and_inputs_that_there_are() -> None:
    hooks = [hook["id"] for shown in SHOWN for repository in shown.get("repos", []) for hook in repository["hooks"]]
    assert sorted(set(hooks)) == sorted(hook["id"] for hook in HOOKS)
    steps = [step for shown in SHOWN for job in shown.get("jobs", {}).values() for step in job["steps"]]
    given = {name for step in steps if "sysidc" in step["uses"] for name in step.get("with", {})}
    assert given and given <= set(ACTION["inputs"])
