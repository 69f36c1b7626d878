"""What `explain`, `layers` and `schema` tell: a page for everything that a file may name, true to the catalogue."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sysidc.compiler.catalogue.entry import Layer
from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.catalogue.initialisations import INITS
from sysidc.compiler.catalogue.layers import LAYERS
from sysidc.compiler.catalogue.rules import per_step
from sysidc.compiler.catalogue.settings import FAMILIES, FILE_READERS, MODES
from sysidc.compiler.explain import book
from sysidc.compiler.explain.data_page import DATA_PAGES
from sysidc.compiler.explain.layer_page import ARRIVES, EXAMPLES, SHAPES, effect_of, example
from sysidc.compiler.explain.setting_page import LEFT_OUT, SECTIONS
from sysidc.compiler.passes.annotations.wrap import ANNOTATIONS
from sysidc.compiler.schema import schema
from tests.compiler.programs import ids

ROOT = Path(__file__).resolve().parents[2]
NAMED = (
    *DATA_PAGES,
    *LAYERS,
    *ANNOTATIONS,
    *SECTIONS,
    *MODES,
    *(name for table in SECTIONS.values() for name in table),
    *(name for rows in FAMILIES.values() for name in rows),
    *INITS,
    *GENERATORS,
    *FILE_READERS,
)
BUILT = list(LAYERS.values())


@pytest.mark.parametrize("name", dict.fromkeys(NAMED))
def test_everything_that_a_file_may_name_has_a_page(name: str) -> None:
    assert name in book.names()
    text = book.page(name)
    assert text is not None
    assert text.startswith(("# " + name, "# @" + name, "# train " + name))


@pytest.mark.parametrize("name", ["", "nothing", "../sentences", "Linear/../GRU", "@", "__init__"])
def test_an_unknown_name_has_no_page(name: str) -> None:
    assert book.page(name) is None


@pytest.mark.parametrize(("asked", "found"), [("linear", "Linear"), ("ADAMW", "AdamW"), ("@residual", "residual")])
def test_a_page_is_found_in_any_case_and_with_the_annotations_sign(asked: str, found: str) -> None:
    assert book.page(asked) == book.page(found)


def test_a_name_of_several_things_has_a_part_for_each() -> None:
    text = book.page("seed")
    assert text is not None
    assert "A setting of `train`" in text and "A setting of `sweep`" in text


@pytest.mark.parametrize("layer", BUILT, ids=lambda layer: layer.name)
def test_the_example_of_a_layer_stands_in_a_sound_spec(layer: Layer) -> None:
    cast = "@cast(int64 -> float32)  " if layer.name == "Embedding" else ""
    stack = f"Linear(4)  {cast}{example(layer)}  Flatten  Linear(1)"
    assert ids(stack, "u[16] -> y[1]") == []


@pytest.mark.parametrize("layer", BUILT, ids=lambda layer: layer.name)
def test_the_page_of_a_layer_tells_what_its_rule_says(layer: Layer) -> None:
    effect = effect_of(layer)
    assert effect is not None
    text = book.page(layer.name)
    assert text is not None
    assert f"makes (batch, {effect.shape.steps}, {effect.shape.channels}) of (batch, 16, 4)" in text
    assert all(f"| `{argument.name}` |" in text for argument in layer.arguments)


def test_words_about_shapes_are_there_for_every_layer_that_changes_one() -> None:
    changed = {layer.name for layer in BUILT if (found := effect_of(layer)) is None or found.shape != ARRIVES}
    assert changed <= set(SHAPES)
    assert {layer.name for layer in BUILT if layer.rule is per_step} & set(SHAPES) == set()


def test_no_table_of_words_names_what_is_gone() -> None:
    assert set(EXAMPLES) | set(SHAPES) <= set(LAYERS)
    assert all(name in SECTIONS[section] for section, name in LEFT_OUT)


def test_layers_are_found_by_name_description_and_class() -> None:
    assert [row.name for row in book.layers_table()] == list(LAYERS)
    assert [row.name for row in book.layers_table("gru")] == ["GRU"]
    assert "Conv1d" in [row.name for row in book.layers_table("filter")]
    assert book.layers_table("torch.nn.Tanh")[0].name == "Tanh"
    assert book.layers_table("no such word") == []


def test_every_mistake_of_data_and_runs_has_a_page_and_no_other() -> None:
    files = [ROOT / "runtime" / room / "mistakes.py" for room in ("data", "runs", "sweep")]
    told = re.compile(r"(?:DataError|RunError|Diagnostic)\(\s*\"([a-z0-9-]+)\"")
    declared = {id for file in files for id in told.findall(file.read_text(encoding="utf-8"))}
    assert set(DATA_PAGES) <= declared <= {*DATA_PAGES, *book.diagnostic_ids()}


def test_the_schema_is_json_and_complete() -> None:
    tree = json.loads(json.dumps(schema(), allow_nan=False))
    assert set(tree["layers"]) == set(LAYERS)
    assert set(tree["families"]) == {*FAMILIES, "initialisation"}
    assert tree["settings"]["train"]["horizon"]["modes"] == ["prediction"]
    linear = {argument["name"]: argument for argument in tree["layers"]["Linear"]["arguments"]}
    assert linear["in_features"]["required"] is False and linear["in_features"]["flow"] == "channels"
    assert linear["out_features"]["required"] is True and "default" not in linear["out_features"]
    assert linear["bias"]["default"] is True


def test_explaining_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys\n"
        "from sysidc.compiler import schema\n"
        "from sysidc.compiler.explain import book\n"
        "[book.page(name) for name in book.names()], schema.schema(), book.layers_table()\n"
        "print([name for name in ('torch', 'lightning', 'numpy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
