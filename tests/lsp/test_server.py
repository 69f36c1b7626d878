"""The server as a process: positions, layers of installed packages, and what is told without pygls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lsprotocol import types

from tests.lsp.editor import Editor
from tests.lsp.tanks import SPEC


def test_positions_are_counted_as_the_editor_asks(tmp_path: Path) -> None:
    wanted = (types.PositionEncodingKind.Utf8, types.PositionEncodingKind.Utf16)
    other = Editor(tmp_path, wanted)
    assert other.started.capabilities.position_encoding in wanted
    uri = (tmp_path / "a.sysid").as_uri()
    other.open(uri, 'sysid 1 signals { input u "😀" inptu }')
    (found, *_) = other.diagnostics(uri)
    unit = {"utf-8": 4, "utf-16": 2}[str(other.started.capabilities.position_encoding)]
    assert found.range.start.character == len('sysid 1 signals { input u "" inptu ') + unit
    assert other.end() == (0, "")


ROW = """from sysidc.catalogue import Argument, Effect, Layer

GAIN = Layer("Gain", "gains.Gain", (Argument("size", "int", low=1, about="how many"),),
             lambda arguments, shape: Effect(shape, (0, 0), arguments["size"], dict(arguments)), "any", "a gain")
"""


def test_a_layer_of_an_installed_package_is_completed_shown_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gains-2.0.dist-info").mkdir()
    (tmp_path / "gains-2.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: gains\nVersion: 2.0\n")
    (tmp_path / "gains-2.0.dist-info" / "entry_points.txt").write_text("[sysidc.layers]\nGain = gain_rows:GAIN\n")
    (tmp_path / "gain_rows.py").write_text(ROW)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    other, uri = Editor(tmp_path), (tmp_path / "a.sysid").as_uri()
    alone = SPEC.replace('use "blocks.sysid"\n', "")
    other.open(uri, alone.replace("mlp(width)", "Gain(5)\n  Linear(width)"))
    assert other.diagnostics(uri) == []
    told = other.hover(uri, "Ga|in(5)")
    assert "5 parameters" in told and "a gain" in told and "gains 2.0" in told
    item = other.complete(uri, "\n  |Gain(5)")["Gain"]
    assert item.text_edit is not None and item.text_edit.new_text == "Gain(${1:size})"
    other.type(uri, alone.replace("mlp(width)", "Gain(0)\n  Linear(width)"))
    assert [found.code for found in other.diagnostics(uri)] == ["out-of-range"]
    assert other.end() == (0, "")


def test_without_pygls_the_command_says_what_installs_it() -> None:
    code = "import sys; sys.modules['pygls'] = None; from sysidc.runtime.cli import main; sys.exit(main(['lsp']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "") and "sysidc[lsp]" in done.stderr
