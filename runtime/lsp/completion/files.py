"""Files beside the spec that an open string may name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sysidc.compiler.catalogue.settings import ENDINGS
from sysidc.runtime.lsp.completion.offer import Offer
from sysidc.runtime.lsp.documents import Text
from sysidc.runtime.lsp.words.frames import Frame

MOST_FILES = 200


def files(text: Text, frame: Frame, typed: str) -> list[Offer]:
    """Files beside the spec that the open string may name: libraries behind `use`, data inside `data`."""
    is_use = frame.kind == "file" and frame.statement == "use"
    endings = (".sysid",) if is_use else tuple(ENDINGS) if frame.section.kind == "data" else ()
    if text.source.path is None or not endings or "\0" in typed:
        return []
    folder = typed.rpartition("/")[0]
    return list(islice(_named_files(text.source.path, folder, endings), MOST_FILES))


def _named_files(spec: Path, folder: str, endings: tuple[str, ...]) -> Iterator[Offer]:
    try:
        entries = sorted((spec.parent / folder).iterdir())
    except OSError:
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.suffix in endings and entry != spec and not entry.name.startswith("."):
            yield Offer(path, "file")
        elif entry.is_dir() and not entry.name.startswith("."):
            yield Offer(f"{path}/", "file", "a folder")
