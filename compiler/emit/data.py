"""`load_records()`: where the emitted program takes its records from, and how it parts them."""

from __future__ import annotations

import ast
from pathlib import PurePath
from typing import Any

from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.emit.definitions import definition
from sysidc.compiler.emit.imports import Import
from sysidc.compiler.emit.piece import NotEmitted, Piece, plain, where
from sysidc.compiler.emit.values import call, keywords, literal
from sysidc.compiler.plan import DataPlan, Plan, SourcePlan, SplitPlan

SYSTEMS = "sysidc.runtime.data.systems."
EXCITATIONS = "sysidc.runtime.data.excitation."
READERS = {kind: f"read_{kind}" for kind in ("csv", "parquet", "npz", "mat", "hdf5")}
SCALES = {"standard": "standard_scale", "minmax": "minmax_scale", "none": "unit_scale"}


def scale_name(plan: Plan) -> str:
    return SCALES[plan.data.normalize]


def load_records(plan: Plan) -> Piece:
    """The functions that read the data of the spec."""
    data = plan.data
    if data.missing == "split":
        raise NotEmitted("`missing = split` cannot be compiled yet", "use `missing = interpolate`, or fill the gaps")
    test = _official(data)
    lines = [
        "def load_records() -> tuple[list[Record], list[Record], list[Record]]:",
        '    """Training, validation and test part, in the units of the data."""',
        *_assigned("train", data.train, plan, "train"),
        *_part("test", test, plan, "test"),
        *_part("validation", data.validation, plan, "train"),
        "    return train, validation, test",
    ]
    sources = all_sources(plan)
    kinds = {source.kind for source in sources}
    parts, targets, imports = ["\n".join(lines)], list(plain("series", "Record", "as_record")), []
    if "file" in kinds:
        parts.insert(0, _files(data, sources))
        formats = sorted({source.options["format"] for source in sources if source.kind == "file"})
        targets += plain("tables", *(READERS[kind] for kind in formats))
        imports += [Import("glob"), Import("pathlib", "Path"), Import("typing", "Any")]
        imports += [Import("collections.abc", "Callable"), Import("pandas", None, "pd")]
        if any(source.options.get("record") for source in sources):
            targets += plain("series", "stretches")
    for source in sources:
        targets += _simulated(source)
    if "benchmark" in kinds:
        targets += plain("benchmarked", "benchmark")
    if data.missing == "interpolate":
        targets += plain("series", "interpolated")
    if _is_cut(data.validation) or _is_cut(test):
        targets += plain("series", "cut")
    return Piece("\n\n\n".join(parts), tuple(dict.fromkeys(targets)), tuple(imports))


def all_sources(plan: Plan) -> tuple[SourcePlan, ...]:
    """Every source that the program reads."""
    return (*plan.data.train, *plan.data.validation.sources, *_official(plan.data).sources)


def _official(data: DataPlan) -> SplitPlan:
    """The test part as written; where nothing was, a benchmark brings its own."""
    benchmarks = tuple(source for source in data.train if source.kind == "benchmark")
    return SplitPlan(sources=benchmarks) if data.test == SplitPlan() and benchmarks else data.test


def _is_cut(part: SplitPlan) -> bool:
    return bool(part.share) or bool(part.samples)


def _part(name: str, part: SplitPlan, plan: Plan, official: str) -> list[str]:
    if part.sources:
        return _assigned(name, part.sources, plan, official)
    if part.samples:
        return [f"    train, {name} = cut(train, samples={part.samples})"]
    if part.share:
        return [f"    train, {name} = cut(train, {part.share!r})"]
    return [f"    {name}: list[Record] = []"]


def _assigned(name: str, sources: tuple[SourcePlan, ...], plan: Plan, part: str) -> list[str]:
    entries = ["\n".join(_source(source, plan, part)) for source in sources]
    lines = call("", entries, 4, split=True)
    return [f"    {line}" for text in [f"{name} = [", *lines[1:-1], "]"] for line in text.split("\n")]


def _source(source: SourcePlan, plan: Plan, part: str) -> list[str]:
    line = where(source.place)
    if source.kind == "file":
        lines = call("*read", _file_arguments(source), 8, line)
    elif source.kind == "benchmark":
        made = f"as_record(frame, COLUMNS, DTYPES) for frame in benchmark({literal(source.name)}, {literal(part)})"
        lines = [f"*({made})  # {line}"] if len(made) < 60 else ["*(  # " + line, f"    {made}", ")"]
    else:
        inner = "\n".join(_generator(source, plan))
        lines = call("as_record", [inner, "COLUMNS", "DTYPES"], 8, line, split=True)
    return lines


def _file_arguments(source: SourcePlan) -> list[str]:
    options = source.options
    arguments = [READERS[options["format"]], literal(PurePath(source.path or "").as_posix())]
    if options.get("record"):
        arguments.append(f"border={literal(options['record'])}")
    if options.get("rows"):
        arguments.append(f"rows={literal(tuple(options['rows']))}")
    if options.get("separator") not in (None, ","):
        arguments.append(f"separator={literal(options['separator'])}")
    return arguments


def _files(data: DataPlan, sources: tuple[SourcePlan, ...]) -> str:
    """The function that reads all files of a pattern."""
    borders = any(source.options.get("record") for source in sources)
    lines = [
        "def read(",
        "    reader: Callable[..., pd.DataFrame],",
        "    pattern: str,",
        *(["    border: str | None = None,"] if borders else []),
        "    **options: Any,",
        ") -> list[Record]:",
        '    """The records of a file, or of all files that match a pattern, seen from the spec."""',
        "    path = FOLDER / pattern",
        "    found = [path] if path.exists() else map(Path, sorted(glob.glob(str(path), recursive=True)))",
        "    columns = [name for own in COLUMNS.values() for name in own]",
    ]
    if borders:
        lines += [
            "    wanted = columns if border is None else [*columns, border]",
            "    frames = [reader(path, wanted, **options) for path in found]",
            "    if border is not None:",
            "        frames = [piece for frame in frames for piece in stretches(frame, border)]",
        ]
    else:
        lines += ["    frames = [reader(path, columns, **options) for path in found]"]
    lines += ["    if not frames:", '        raise FileNotFoundError(f"no file is called {path}")']
    frame = "interpolated(frame)" if data.missing == "interpolate" else "frame"
    return "\n".join([*lines, f"    return [as_record({frame}, COLUMNS, DTYPES) for frame in frames]"])


# --- simulated systems -------------------------------------------------------------------------------------------


def _generator(source: SourcePlan, plan: Plan) -> list[str]:
    assert source.name is not None
    entry = GENERATORS[source.name]
    given = {**entry.defaults(), **{name: value for name, value in source.options.items() if value is not None}}
    driven = "excitation" in given
    own = ("samples", "seed", "noise", "excitation", *(("amplitude", "offset") if driven else ()))
    constants = {name: float(value) for name, value in given.items() if name not in own}
    sampled: Any = entry.sampling_time if plan.sampling_time is None else plan.sampling_time
    arguments = [source.name, *([given["excitation"]] if driven else [])]
    settings = {"sampling_time": sampled, "constants": constants, "samples": given["samples"], "seed": given["seed"]}
    if driven:
        settings |= {"amplitude": float(given["amplitude"]), "band": _bands()[source.name]}
    settings |= {"noise": float(given["noise"])} if given["noise"] > 0 else {}
    settings |= {"offset": float(given["offset"])} if driven and "offset" in given else {}
    return call("driven" if driven else "generated", [*(str(name) for name in arguments), *keywords(settings)], 12)


def _bands() -> dict[str, float]:
    """The excited bands, a share of the sampling rate."""
    text = definition("sysidc.runtime.data.generators.BANDS").text
    bands: dict[str, float] = ast.literal_eval(text[text.index("{") :])
    return bands


def _simulated(source: SourcePlan) -> list[str]:
    if source.kind != "generator":
        return []
    excitation = {**GENERATORS[source.name or ""].defaults(), **source.options}.get("excitation")
    if excitation is None:
        return [f"{SYSTEMS}{source.name}", *plain("generated", "generated")]
    return [f"{EXCITATIONS}{excitation}", f"{SYSTEMS}{source.name}", *plain("generated", "driven")]
