"""A Plan as one Python file: plain PyTorch and Lightning that needs nothing of this project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from sysidc.compiler.emit import data, experiment, fitting, header, scoring, stack
from sysidc.compiler.emit.absent import absent
from sysidc.compiler.emit.imports import Import, import_lines
from sysidc.compiler.emit.inlining import inline
from sysidc.compiler.emit.piece import Piece
from sysidc.compiler.emit.stages import left_out
from sysidc.compiler.emit.values import literal
from sysidc.compiler.plan import Plan

ALWAYS = (
    Import("argparse"),
    Import("pathlib", "Path"),
    Import("torch"),
    Import("torch", "nn"),
    Import("torch", "Tensor"),
)


def emit(plan: Plan, folder: str, members: Sequence[Plan] = ()) -> str:
    """The text of the program. `folder` is that of the spec, seen from where the program will lie; `members` are the
    plans of the models that a run averages, which differ in their stacks alone.

    Raises NotEmitted for what cannot be written out yet.
    """
    kinds, built = _kinds(plan, members)
    rest = [
        data.load_records(plan),
        experiment.experiment(plan),
        experiment.make_experiment(plan),
        fitting.train(plan),
        scoring.predict(plan),
        scoring.score(plan, built),
    ]
    models = [stack.build_model(kind, name) for name, kind in kinds.items()]
    every = [*models, *rest]
    lacking = absent(list(kinds.values()))
    inlined = inline(dict.fromkeys(target for piece in every for target in piece.targets), lacking)
    imports = {*ALWAYS, *inlined.imports, *(item for piece in every for item in piece.imports)}
    top = [_title(plan), "from __future__ import annotations", import_lines(imports), _constants(plan, folder)]
    layers = inline((target for piece in models for target in piece.targets), lacking).definitions
    texts = inlined.texts()
    first = [text for key, text in texts.items() if key in layers]
    second = [text for key, text in texts.items() if key not in layers]
    bodies = [
        *_section("layers", [*first, *(piece.text for piece in models)]),
        *_section("what data, training and scoring are made of", second),
        *_section("this model: its data, training and scoring", [piece.text for piece in rest]),
    ]
    return "\n\n".join(top) + "\n\n\n" + "\n\n\n".join([*bodies, 'if __name__ == "__main__":\n    main()']) + "\n"


def _kinds(plan: Plan, members: Sequence[Plan]) -> tuple[dict[str, Plan], list[str]]:
    """The functions that build a stack, each with the first plan that has it, and which of them each member needs."""
    kinds, built = {stack.BUILD: plan}, []
    for member in members:
        name = next((name for name, kind in kinds.items() if kind.model == member.model), None)
        name = name or f"{stack.BUILD}_{len(kinds) + 1}"
        kinds.setdefault(name, member)
        built.append(name)
    return kinds, built


def _section(name: str, texts: list[str]) -> list[str]:
    """The texts, the first of them under a heading."""
    heading = f"# --- {name} ".ljust(88, "-")
    return [f"{heading}\n\n{text}" if not number else text for number, text in enumerate(texts)]


def _title(plan: Plan) -> str:
    """What the file is, and how it is run."""
    spec = PurePath(plan.model.nodes[0].place.file).name
    missing = left_out(plan)
    told = "Run it to train and score; the weights go into weights.safetensors."
    if missing is not None:
        told = f"Run it with --weights of a run to score. Not written out: {missing}."
    lines = [
        f'"""The model {plan.model.name}, written out from {spec}; comments name its lines.',
        "",
        told,
        '"""',
    ]
    return "\n".join(lines)


def _constants(plan: Plan, folder: str) -> str:
    signals: Piece = header.signals(plan)
    lines = [f"SEED = {plan.train.seed}"]
    if any(source.kind == "file" for source in data.all_sources(plan)):
        lines.append(f"FOLDER = Path(__file__).resolve().parent / {literal(folder)}")
    return "\n".join([*lines, signals.text])
