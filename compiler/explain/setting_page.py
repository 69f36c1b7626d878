"""The pages of settings, sections, training modes, and of all that a setting may name: losses, optimisers, kernels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.generators import Generator
from sysidc.compiler.catalogue.member import Member
from sysidc.compiler.catalogue.settings import (
    DATA,
    FAMILIES,
    MODES,
    SIGNALS,
    SWEEP,
    TEST,
    TRAIN,
    WHOLE_TRAINING,
    Setting,
)
from sysidc.compiler.explain.argument_table import argument_table, code, left_out, takes

SECTIONS: dict[str, Mapping[str, Setting]] = {
    "signals": SIGNALS,
    "data": DATA,
    "train": TRAIN,
    "test": TEST,
    "sweep": SWEEP,
}

SECTION_WORDS = {
    "signals": 'What is measured: `input NAME = COLUMNS : DTYPE "UNIT"`, `output ...`, and how often.',
    "data": "Where the samples come from and which of them train, validate and test.",
    "train": "How the model is trained. The word behind `train` is the mode: `simulation`, `prediction` or `bounded`.",
    "test": "How the trained model is scored. It may be left out.",
    "sweep": "How params are searched over the domains that `in` gives them.",
}

MODE_WORDS = {
    "simulation": "Outputs from inputs: windows of N inputs to M outputs, or a free run over whole records.",
    "prediction": "A one-step model, trained over a horizon of its own predictions.",
    "bounded": "A network that is held inside the error band of a kernel regression.",
}

LEFT_OUT = {
    ("signals", "sampling_time"): "unknown",
    ("signals", "sampling_rate"): "unknown",
    ("data", "validation"): "`20 %`",
    ("data", "test"): "no test part",
    (
        "train",
        "optimizer",
    ): "chosen by the model: `LevenbergMarquardt` for a small one in `simulation` mode, else `AdamW`",
    ("train", "epochs"): "`100`, or `60` with `LevenbergMarquardt`",
    ("train", "precision"): "dtype of the output signals; `float64` with `LevenbergMarquardt`",
    ("train", "init"): "a linear start where a layer has linear dynamics; `none` makes none",
    ("train", "keep"): "`1`, or as many as `ensemble` asks for",
    ("train", "segments"): "`all`",
    ("train", "initial"): "`estimate` where the header knows the outputs, else `zero`",
    ("train", "correction"): "`on`",
    ("train", "horizon"): "`1`",
    ("train", "validation_horizon"): "the largest horizon that the schedule reaches",
    ("train", "kernel"): "needed",
    ("train", "neighbours"): "`radius` is given instead",
    ("train", "radius"): "`neighbours` is given instead",
    ("test", "horizons"): "1 and the validation horizon",
}
"""Defaults that follow from other parts of a file, where the catalogue says `none`."""

FAMILY_WORDS = {
    "loss": "a loss",
    "optimizer": "an optimiser",
    "scheduler": "a scheduler of the learning rate",
    "stop": "an end of the training",
    "kernel": "a kernel of bounded mode",
    "autoregression": "a schedule of the horizon",
    "teacher forcing": "a schedule of teacher forcing",
    "linear start": "a linear model to start from",
    "curve": "the shape of a `Curve`",
    "initialisation": "an initialisation for `@init`",
}


def section_page(section: str) -> str:
    """What a section is for, and a table of its settings."""
    rows = SECTIONS[section].values()
    return f"# {section}\n\n{SECTION_WORDS[section]}\n\n{_settings(section, rows)}\n"


def mode_page(mode: str) -> str:
    rows = [setting for setting in TRAIN.values() if setting.modes == (mode,)]
    own = f"Settings of this mode alone:\n\n{_settings('train', rows)}"
    return f"# train {mode}\n\n{MODE_WORDS[mode]}\n\n{own}\n\n`sysidc explain train` lists all settings.\n"


def setting_page(section: str, setting: Setting) -> str:
    argument = setting.argument
    where = f"A setting of `{section}`"
    if section == "train" and argument.name not in WHOLE_TRAINING:
        where += " and its stages"
    if setting.modes != MODES:
        where += f" in `{'` and `'.join(setting.modes)}` mode"
    lines = [f"- Takes: {takes(argument)}.", f"- Left out: {default(section, argument)}."]
    if argument.family:
        lines.append(f"- Names: {', '.join(code(name) for name in FAMILIES[argument.family])}.")
    head = f"# {argument.name}\n\n{where}: {argument.about or 'see the section'}."
    return f"{head}\n\n" + "\n".join(lines) + "\n"


def default(section: str, argument: Argument) -> str:
    return LEFT_OUT.get((section, argument.name)) or left_out(argument)


def member_page(family: str, row: Member) -> str:
    """A loss, optimiser, scheduler, stop, kernel, schedule or initialisation."""
    lines = [f"# {row.name}", f"{_capital(FAMILY_WORDS[family])}: {row.about}.", argument_table(row.arguments)]
    facts = [f"- Calls {code(row.target)}."]
    if row.interval == "step":
        facts.append("- Steps with every batch.")
    if row.monitors:
        facts.append("- Watches a metric.")
    return "\n\n".join((*lines, "\n".join(facts))) + "\n"


def generator_page(generator: Generator) -> str:
    columns = ", ".join(code(column) for column in generator.columns)
    facts = f"Columns: {columns}. Sampling time where the spec gives none: {generator.sampling_time:.6g} s."
    table = argument_table(generator.arguments)
    return f"# {generator.name}\n\nA generator of data: {generator.about}.\n\n{table}\n\n{facts}\n"


def reader_page(name: str, options: tuple[Argument, ...]) -> str:
    return f"# {name}\n\nNames records in `data` and says more about them.\n\n{argument_table(options)}\n"


def _settings(section: str, rows: Iterable[Setting]) -> str:
    lines = ["| setting | takes | left out | |", "| --- | --- | --- | --- |"]
    for setting in rows:
        argument = setting.argument
        lines.append(f"| {code(argument.name)} | {takes(argument)} | {default(section, argument)} | {argument.about} |")
    return "\n".join(lines)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
