"""Every feature of the language server, asked for by a real client over the pipes of a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from sysidc.dsl.formatter.canonical import format_source
from sysidc.dsl.source import Source
from tests.lsp.editor import Editor

SPEC = """sysid 1
use "blocks.sysid"
param width = 32 in [16, 32, 64]   # 😀 more is slower
let half = width // 2

signals {
  sampling_time = 4 s
  input  u : float32 "V"
  output y : float32 "m"
}

model tanks: u[128], y[16] -> y[16] {
  Conv1d(half, 3)
  mlp(width)
  @residual { Linear(width)  Tanh  Linear(width) }
  Linear(1) as readout
}

data {
  train = cascaded_tanks(samples = 3_000)
  normalize = standard
}

train simulation {
  optimizer = AdamW(lr = 1e-3)
  epochs = 3
}
"""
LIBRARY = """sysid 1
block mlp(size, depth = 1) { repeat depth { Linear(size)  GELU } }
"""


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One editor for all tests; at its end the server has left no word on stderr."""
    started = Editor(tmp_path_factory.getbasetemp())
    yield started
    assert started.end() == (0, "")


@pytest.fixture
def spec(editor: Editor, tmp_path: Path) -> Iterator[str]:
    """The URI of an open spec that uses a library beside it."""
    (tmp_path / "blocks.sysid").write_text(LIBRARY, encoding="utf-8")
    path = tmp_path / "tanks.sysid"
    path.write_text(SPEC, encoding="utf-8")
    editor.open(path.as_uri(), SPEC)
    yield path.as_uri()
    editor.close(path.as_uri())


@pytest.fixture
def library(spec: str) -> str:
    return spec.replace("tanks.sysid", "blocks.sysid")


# --- diagnostics -------------------------------------------------------------------------------------------------


def test_a_sound_spec_has_no_diagnostics(editor: Editor, spec: str) -> None:
    assert editor.diagnostics(spec) == []


def test_a_mistake_is_told_where_it_was_typed_with_its_page_and_the_broken_promise(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace("Linear(width) }", "Linear(1) }"))
    (found,) = editor.diagnostics(spec)
    assert (found.code, found.severity, found.source) == ("residual-shape", types.DiagnosticSeverity.Error, "sysidc")
    assert editor.marked(spec, found.range) == "Linear(1)"
    assert found.code_description and Path(found.code_description.href.removeprefix("file://")).is_file()
    (label,) = found.related_information or []
    assert label.location.uri == spec and editor.marked(spec, label.location.range) == "@residual"
    editor.type(spec, SPEC)
    assert editor.diagnostics(spec) == []


def test_what_is_unused_is_faded(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC + "let spare = 1\n")
    (found,) = editor.diagnostics(spec)
    assert (found.severity, list(found.tags or [])) == (
        types.DiagnosticSeverity.Warning,
        [types.DiagnosticTag.Unnecessary],
    )


def test_a_mistake_behind_an_emoji_stands_at_its_utf_16_column(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace('"V"', '"😀𐌀"').replace('"m"', '"😀" inptu v'))
    found = editor.diagnostics(spec)
    assert [editor.marked(spec, entry.range) for entry in found][:1] == ["inptu"]


def test_an_unsaved_library_counts_and_its_mistakes_are_told_in_it(editor: Editor, spec: str, library: str) -> None:
    assert editor.diagnostics(spec) == []
    editor.open(library, LIBRARY)
    editor.type(library, LIBRARY.replace("GELU", "GLEU"))
    (found,) = editor.diagnostics(library)
    assert found.code == "unknown-layer" and editor.marked(library, found.range) == "GLEU"
    editor.type(library, LIBRARY.replace("mlp", "net"))
    editor.diagnostics(library)
    editor.run(wait_for(lambda: [entry.code for entry in editor.told[spec].diagnostics] == ["unknown-layer"]))
    editor.close(library)
    editor.run(wait_for(lambda: not editor.told[spec].diagnostics))


def test_a_library_that_changes_on_the_disk_is_read_again(editor: Editor, spec: str, library: str) -> None:
    assert editor.diagnostics(spec) == []
    Path(library.removeprefix("file://")).unlink()
    event = types.FileEvent(library, types.FileChangeType.Deleted)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    editor.run(wait_for(lambda: "unreadable-use" in {entry.code for entry in editor.told[spec].diagnostics}))


def test_a_closed_document_takes_its_diagnostics_along(editor: Editor, tmp_path: Path) -> None:
    uri = (tmp_path / "broken.sysid").as_uri()
    editor.open(uri, "sysid 1 let a = b c")
    assert editor.diagnostics(uri)
    editor.close(uri)
    editor.run(wait_for(lambda: not editor.told[uri].diagnostics))


def test_a_document_without_a_file_is_checked(editor: Editor) -> None:
    editor.open("untitled:Untitled-1", "sysid 2\n")
    assert [found.code for found in editor.diagnostics("untitled:Untitled-1")] == ["unknown-version"]
    assert editor.complete("untitled:Untitled-1", "sysid 2\n")["signals"]
    editor.close("untitled:Untitled-1")


# --- completion --------------------------------------------------------------------------------------------------

OFFERED = [
    ("sections", "}\n|", "", ["test", "sweep", "block", "param"], ["signals", "data", "Linear"]),
    ("modes", "train |simulation", "", ["simulation", "prediction", "bounded"], ["epochs"]),
    ("layers", "\n  |Conv1d", "", ["GRU", "mlp", "repeat", "@residual"], ["epochs", "width"]),
    ("annotations", "@|residual", "", ["residual", "cast", "freeze"], ["GRU"]),
    ("arguments", "Conv1d(half, |3", "", ["dilation", "padding", "half"], ["Linear"]),
    ("arguments of a block", "mlp(width|", ", ", ["depth", "size", "width"], ["Linear"]),
    ("choices of an argument", "Conv1d(half, 3|", ", padding = ", ["causal", "same", "none"], ["epochs"]),
    ("settings", "epochs = 3\n|", "  ", ["batch_size", "stop", "stage"], ["epochs", "optimizer", "horizon", "kernel"]),
    ("settings of data", "normalize = standard\n|", "  ", ["missing", "validation"], ["train", "epochs"]),
    ("words of a setting", "normalize = |standard", "", ["standard", "minmax", "none"], ["cascaded_tanks"]),
    ("generators", "train = |cascaded_tanks", "", ["duffing", "csv", "width"], ["standard"]),
    ("optimisers", "optimizer = |AdamW", "", ["SGD", "AdamW"], ["MSE"]),
    ("arguments of an optimiser", "AdamW(lr = 1e-3|", ", ", ["betas", "weight_decay"], ["lr", "momentum"]),
    ("metrics", "epochs = 3\n|", "  stop = EarlyStopping(monitor = ", ["val_loss"], ["epochs"]),
    ("items of a list", "epochs = 3\n|", "  loggers = [csv, ", ["tensorboard", "wandb"], ["[...]"]),
    ("signals of the header", "tanks: |u[128]", "", ["u", "y"], ["width"]),
    ("steps of a window", "y[16] -> y[|16]", "", ["all", "half"], ["u"]),
    ("dtypes", "input  u : |float32", "", ["float32", "int64"], ["u"]),
    ("params", "let half = |width", "", ["width"], ["GRU"]),
    ("ids", "standard|", "  # sysidc: allow ", ["unused", "short-window"], ["syntax"]),
    ("part of an id", "standard|", "  # sysidc: allow short-w", ["short-window"], ["syntax"]),
    ("libraries", 'use "|blocks', "", ["blocks.sysid"], ["tanks.sysid"]),
]


@pytest.mark.parametrize(
    ("place", "typed", "offered", "not_offered"), [row[1:] for row in OFFERED], ids=[r[0] for r in OFFERED]
)
def test_completion_offers_what_may_stand_there(
    place: str, typed: str, offered: list[str], not_offered: list[str], editor: Editor, spec: str
) -> None:
    at = SPEC.index(place.replace("|", "")) + (place.index("|") if "|" in place else len(place))
    editor.type(spec, SPEC[:at] + typed + "☃" + SPEC[at:])
    found = editor.complete(spec, typed + "|☃" if typed else place.replace("|", "|☃"))
    assert [name for name in offered if name not in found] == []
    assert [name for name in not_offered if name in found] == []


def test_a_layer_is_completed_with_places_for_what_it_needs_and_with_its_page(editor: Editor, spec: str) -> None:
    item = editor.complete(spec, "\n  |Conv1d")["Conv1d"]
    assert item.insert_text_format is types.InsertTextFormat.Snippet
    assert item.text_edit and item.text_edit.new_text == "Conv1d(${1:out_channels}, ${2:kernel_size})"
    resolved = editor.run(editor.client.completion_item_resolve_async(item))
    assert isinstance(resolved.documentation, types.MarkupContent)
    assert resolved.documentation.value.startswith("# Conv1d")


def test_completion_replaces_the_word_that_is_being_typed(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace('"V"', '"😀" input v : floa'))
    edit = editor.complete(spec, "v : floa")["float64"].text_edit
    assert isinstance(edit, types.TextEdit)
    assert (editor.marked(spec, edit.range), edit.new_text) == ("floa", "float64")


# --- hover -------------------------------------------------------------------------------------------------------


def test_a_layer_tells_its_shapes_parameters_and_receptive_field(editor: Editor, spec: str) -> None:
    told = editor.hover(spec, "Conv1|d(half")
    assert "in `(batch, 128, 2) float32`" in told and "out `(batch, 128, 16) float32`" in told
    assert "112 parameters" in told  # 16 filters of 3 taps over 2 channels, and 16 biases
    assert "receptive field: 3 steps = 12 s" in told
    assert "# Conv1d" in told


def test_the_receptive_field_adds_up_to_the_layer(editor: Editor, spec: str) -> None:
    told = editor.hover(spec, "Line|ar(1) as")
    assert "- receptive field: 1 step = 4 s" in told and "up to here: 3 steps = 12 s" in told


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("half = wi|dth", "param width = 32 in [16, 32, 64]"),
        ("let ha|lf", "= 16"),
        ("optimi|zer", "# optimizer"),
        ("Adam|W", "# AdamW"),
        ("l|r = 1e-3", "`lr`"),
        ("@resid|ual", "# @residual"),
        ("ml|p(width", "block mlp(size, depth = 1)"),
        ("train simul|ation", "# train simulation"),
        ("dat|a {", "# data"),
        ("cascaded|_tanks", "# cascaded_tanks"),
        ("-> |y[16]", 'output y : float32 "m"'),
    ],
)
def test_hover_tells_what_a_word_means(words: str, expected: str, editor: Editor, spec: str) -> None:
    assert expected in editor.hover(spec, words)


def test_hover_over_an_allowed_id_shows_its_page(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC + "let spare = 1  # sysidc: allow unused for later\n")
    assert "# unused" in editor.hover(spec, "allow unu|sed")


def test_hover_over_nothing_is_silent(editor: Editor, spec: str) -> None:
    assert editor.hover(spec, "standard\n|") == ""


# --- inlay hints -------------------------------------------------------------------------------------------------

LINE = SPEC[: SPEC.index("  Conv1d")].count("\n")
SHAPES = [
    (LINE, "(128, 16)"),
    (LINE + 1, "(128, 32)"),
    (LINE + 2, "(128, 32)"),
    (LINE + 2, "(128, 32)"),
    (LINE + 2, "(128, 32)"),
    (LINE + 2, "(128, 32)"),
    (LINE + 3, "(128, 1)"),
]


def test_the_shape_stands_behind_every_layer(editor: Editor, spec: str) -> None:
    assert editor.hints(spec) == SHAPES


def test_shapes_stay_while_a_mistake_is_being_typed(editor: Editor, spec: str) -> None:
    assert editor.hints(spec) == SHAPES
    editor.type(spec, SPEC.replace("\nsignals", "\nlet x = (\n\nsignals"))
    editor.diagnostics(spec)
    assert editor.hints(spec) == [(line + 2, label) for line, label in SHAPES]


def test_shapes_follow_a_param_after_a_pause(editor: Editor, spec: str) -> None:
    assert editor.hints(spec) == SHAPES
    before = editor.refreshed
    editor.type(spec, SPEC.replace("width = 32", "width = 64"))
    editor.run(wait_for(lambda: editor.refreshed > before))
    assert editor.hints(spec)[:2] == [(LINE, "(128, 32)"), (LINE + 1, "(128, 64)")]


# --- definitions, references, renaming ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [("mlp(wi|dth", 2), ("Conv1d(ha|lf", 3), ("tanks: |u[128]", 7), ("-> |y[16]", 8)],
)
def test_a_name_leads_to_its_definition(words: str, line: int, editor: Editor, spec: str) -> None:
    (found,) = editor.define(spec, words)
    assert (found.uri, found.range.start.line) == (spec, line)


def test_a_block_leads_to_the_library(editor: Editor, spec: str, library: str) -> None:
    (found,) = editor.define(spec, "ml|p(")
    assert (found.uri, found.range.start) == (library, types.Position(1, 6))


def test_a_name_of_a_library_leads_to_the_file_that_uses_it(editor: Editor, spec: str, library: str) -> None:
    editor.open(library, LIBRARY.replace("Linear(size)", "Linear(half)"))
    (found,) = editor.define(library, "Linear(ha|lf")
    assert (found.uri, found.range.start.line) == (spec, 3)
    assert library in {place.uri for place in editor.refer(spec, "let ha|lf")}
    editor.close(library)


def test_a_layer_of_the_language_leads_nowhere(editor: Editor, spec: str) -> None:
    assert editor.define(spec, "Conv|1d") == []


def test_references_are_found_everywhere(editor: Editor, spec: str, library: str) -> None:
    assert len(editor.refer(spec, "param wid|th")) == 5
    editor.open(library, LIBRARY)
    assert sorted(found.uri for found in editor.refer(library, "block ml|p")) == sorted([library, spec])
    editor.close(library)


def test_a_param_is_renamed_with_all_its_uses(editor: Editor, spec: str) -> None:
    renamed = editor.rename(spec, "let half = wid|th", "size")
    assert renamed == {spec: SPEC.replace("width", "size")}


def test_a_let_is_renamed_with_all_its_uses(editor: Editor, spec: str) -> None:
    assert editor.rename(spec, "let ha|lf", "narrow") == {spec: SPEC.replace("half", "narrow")}


def test_a_block_is_renamed_in_the_library_and_in_what_uses_it(editor: Editor, spec: str, library: str) -> None:
    renamed = editor.rename(spec, "ml|p(", "tower")
    assert renamed == {spec: SPEC.replace("mlp", "tower"), library: LIBRARY.replace("mlp", "tower")}


def test_a_renamed_library_reaches_files_that_are_not_open(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "user.sysid").write_text(SPEC.replace("blocks.sysid", "./lib.sysid"), encoding="utf-8")
    library = (tmp_path / "lib.sysid").as_uri()
    editor.open(library, LIBRARY)
    renamed = editor.rename(library, "block ml|p", "tower")
    assert set(renamed) == {library, (tmp_path / "user.sysid").as_uri()}
    editor.close(library)


def test_an_argument_of_a_block_is_renamed_inside_of_it_alone(editor: Editor, spec: str, library: str) -> None:
    editor.type(spec, SPEC.replace("mlp(width)", "mlp(size = width, depth = 2)"))
    renamed = editor.rename(spec, "mlp(si|ze", "units")
    assert renamed[library] == LIBRARY.replace("size", "units")
    assert renamed[spec] == editor.texts[spec].replace("mlp(size", "mlp(units")


def test_a_renamed_signal_keeps_its_column(editor: Editor, spec: str) -> None:
    renamed = editor.rename(spec, "input  |u", "voltage")
    assert "input  voltage = u : float32" in renamed[spec] and "tanks: voltage[128], y[16]" in renamed[spec]


@pytest.mark.parametrize("name", ["half", "2x", "none", "standard", "a b", "train"])
def test_a_rename_that_would_change_the_meaning_is_refused(name: str, editor: Editor, spec: str) -> None:
    with pytest.raises(JsonRpcException, match="`"):
        editor.rename(spec, "param wid|th", name)


EQUATIONS = """sysid 1
dynamics tank {
  state x1 = 5
  learn k1 = 0.03 in 0 .. 1
  let   q = k1 * sqrt(max(x1, 0.001))
  der(x1) = k1 * u - q
  y = x1
}
signals { sampling_time = 4 s  input u  output y }
model tanks: u[all], y[5] -> y[all] { tank(solver = rk4) as plant }
data { train = cascaded_tanks(samples = 1_000) }
train simulation { }
"""


@pytest.fixture
def equations(editor: Editor, tmp_path: Path) -> Iterator[str]:
    uri = (tmp_path / "equations.sysid").as_uri()
    editor.open(uri, EQUATIONS)
    assert editor.diagnostics(uri) == []
    yield uri
    editor.close(uri)


def test_equations_and_their_states_are_renamed(editor: Editor, equations: str) -> None:
    assert editor.rename(equations, "der(x|1)", "level") == {equations: EQUATIONS.replace("x1", "level")}
    assert editor.rename(equations, "{ ta|nk(", "plant2") == {
        equations: EQUATIONS.replace("tank", "plant2", 1).replace("{ tank(", "{ plant2(")
    }


def test_equations_tell_their_shape_arguments_and_functions(editor: Editor, equations: str) -> None:
    assert editor.hints(equations) == [(9, "(all, 1)")]
    assert "- 1 parameter\n" in editor.hover(equations, "{ ta|nk(")
    assert "how derivatives are integrated" in editor.hover(equations, "sol|ver")
    assert "square root" in editor.hover(equations, "sq|rt")
    assert {"rk4", "implicit"} <= set(editor.complete(equations, "solver = |rk4"))
    assert {"substeps", "initial"} <= set(editor.complete(equations, "tank(|solver"))
    assert {"x1", "k1", "u", "tanh"} <= set(editor.complete(equations, "let   q = |k1"))


# --- fixes, formatting, outline, colours -------------------------------------------------------------------------


def test_a_fix_is_a_quick_fix(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace("AdamW", "AdmW"))
    (fix,) = [action for action in editor.actions(spec) if action.kind == types.CodeActionKind.QuickFix]
    assert fix.title == "write `AdamW`" and fix.diagnostics and fix.diagnostics[0].code == "unknown-optimizer"
    assert fix.edit and fix.edit.changes and editor.edited(spec, list(fix.edit.changes[spec])) == SPEC


def test_all_safe_fixes_are_one_action(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace("epochs = 3", "epochs = 3;").replace("half = width", "half = width;"))
    (fix,) = editor.actions(spec, only=["source.fixAll"])
    assert fix.edit and fix.edit.changes and editor.edited(spec, list(fix.edit.changes[spec])) == SPEC


def test_formatting_gives_the_canonical_layout(editor: Editor, spec: str) -> None:
    assert editor.formatted(spec) == format_source(Source("tanks.sysid", SPEC)) != SPEC


def test_formatting_leaves_a_broken_file_alone(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace("half = width", "half = "))
    assert editor.formatted(spec) == editor.texts[spec]


def test_the_outline_names_sections_and_what_they_define(editor: Editor, spec: str) -> None:
    found = {symbol.name: symbol for symbol in editor.symbols(spec)}
    assert list(found) == ["blocks.sysid", "width", "half", "signals", "tanks", "data", "train simulation"]
    assert [child.name for child in found["signals"].children or []] == ["sampling_time", "u", "y"]
    assert [child.name for child in found["tanks"].children or []][-1] == "readout"


def test_braces_fold(editor: Editor, spec: str) -> None:
    lines = SPEC.split("\n")
    assert [lines[fold.start_line].partition(" ")[0] for fold in editor.folds(spec)] == [
        "signals",
        "model",
        "data",
        "train",
    ]


def test_colours_tell_what_words_are_there_for(editor: Editor, spec: str) -> None:
    found = {text: (kind, modifiers) for text, kind, modifiers in editor.colours(spec)}
    assert found["Conv1d"] == ("class", ("defaultLibrary",))
    assert found["mlp"] == ("function", ())
    assert found["residual"][0] == "decorator"
    assert found["normalize"][0] == "property"
    assert found["standard"][0] == "enumMember"
    assert found["lr"][0] == "parameter"
    assert found["4 s"][0] == "number"
    assert found["# 😀 more is slower"][0] == "comment"


# --- the server --------------------------------------------------------------------------------------------------


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


async def wait_for(condition) -> None:  # type: ignore[no-untyped-def]
    import asyncio

    while not condition():
        await asyncio.sleep(0.01)


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
