"""The section on where the run comes from: machine, versions, seed, data, and the log."""

from __future__ import annotations

from html import escape
from typing import Any

from sysidc.runtime.runs.report.drawing.table import facts
from sysidc.runtime.runs.report.evidence import Evidence


def provenance(evidence: Evidence) -> str:
    environment = dict(evidence.environment)
    pairs: dict[str, Any] = {"plan": evidence.plan.hash}
    pairs |= {name: value for name, value in environment.items() if not isinstance(value, dict) and name != "plan"}
    pairs |= {name: version or "not installed" for name, version in _table(environment, "packages").items()}
    pairs |= {f"data {path}": f"sha256 {digest}" for path, digest in _table(environment, "data").items()}
    log = evidence.log.strip()
    told = f"<details><summary>Log</summary><pre>{escape(log)}</pre></details>" if log else ""
    return facts(pairs) + told


def _table(environment: dict[str, Any], name: str) -> dict[str, Any]:
    found = environment.get(name)
    return found if isinstance(found, dict) else {}
