"""What the catalogue knows about a place in a text: arguments of what is called there, settings of its section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.catalogue.initialisations import INITS
from sysidc.compiler.catalogue.installed import layer
from sysidc.compiler.catalogue.member import Member
from sysidc.compiler.catalogue.settings import BENCHMARK, DTYPES, FAMILIES, FILE_READERS, Setting
from sysidc.compiler.explain.setting_page import SECTIONS
from sysidc.compiler.passes.annotations.correction import CORRECTION
from sysidc.compiler.passes.annotations.rollout import STEPS
from sysidc.runtime.lsp.words.frames import Frame, Word

ANNOTATION_ARGUMENTS: dict[str, tuple[Argument, ...]] = {
    "cast": (Argument("dtypes", "word", choices=DTYPES, about="what goes in -> what comes out"),),
    "autoregressive_residual": (STEPS,),
    "init": (Argument("name", "word", choices=tuple(INITS), about="of torch.nn.init, without the underscore"),),
    "name": (Argument("name", "string", about="the name in the nn.Sequential and in checkpoints"),),
    "correction": CORRECTION,
}


def settings_at(frame: Frame) -> Mapping[str, Setting]:
    """The settings that a section, or a stage in it, may hold; those of another training mode left out."""
    kind = "train" if frame.kind == "stage" else frame.kind
    table = SECTIONS.get(kind, {})
    mode = mode_of(frame)
    if kind != "train" or mode is None:
        return table
    return {name: setting for name, setting in table.items() if mode in setting.modes}


def mode_of(frame: Frame) -> str | None:
    """The training mode of the `train` section that a frame stands in."""
    for outer in frame.frames():
        if outer.kind == "train":
            return outer.owner.text if outer.owner and outer.owner.role == "mode" else None
    return None


def argument_at(frame: Frame, blocks: Mapping[str, tuple[Argument, ...]]) -> Argument | None:
    """What the value that stands in a frame now is judged by: a setting or an argument; None where nothing is known.

    `blocks` holds the arguments of the blocks that the file sees.
    """
    if frame.kind in ("list", "group"):
        return argument_at(frame.parent, blocks) if frame.parent else None
    if frame.kind == "call" and frame.owner is not None:
        table = arguments_of(frame.owner, blocks)
        return _named(table, frame.key) if frame.key else None
    setting = settings_at(frame).get(frame.key)
    return setting.argument if setting else None


def arguments_of(called: Word, blocks: Mapping[str, tuple[Argument, ...]]) -> tuple[Argument, ...]:
    """The arguments of a layer, a block, an annotation or of what a setting names."""
    name = called.text
    match called.role:
        case "layer":
            entry = None if name in blocks else layer(name)
            return blocks.get(name, ()) if entry is None else entry.arguments
        case "annotation":
            return ANNOTATION_ARGUMENTS.get(name, ())
        case "callee":
            row = row_of(called)
            if row is not None:
                return row.arguments
            if name in GENERATORS:
                return GENERATORS[name].arguments
            return FILE_READERS.get(name, BENCHMARK if name == "benchmark" else ())
    return ()


def row_of(called: Word) -> Member | None:
    """The loss, optimiser, kernel ... of a name: by the setting that it is the value of, else by the name alone."""
    setting = settings_at(called.frame).get(called.frame.key)
    family = setting.argument.family if setting else None
    families = [FAMILIES[family]] if family else list(FAMILIES.values())
    return next((rows[called.text] for rows in families if called.text in rows), None)


def _named(table: Iterable[Argument], name: str) -> Argument | None:
    return next((entry for entry in table if name == entry.name or name in entry.aliases), None)
