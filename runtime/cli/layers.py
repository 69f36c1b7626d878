"""`sysidc layers`: the layers of the language, all or those about a word."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from sysidc.compiler.catalogue.installed import broken
from sysidc.compiler.explain.book import layers_table
from sysidc.runtime.cli import CLEAN, COULD_NOT_RUN


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("word", nargs="?", metavar="WORD", help="in the name, the description or the torch class")


def run(given: Namespace) -> int:
    rows = layers_table(given.word)
    for layer in broken():
        told = f"the package {layer.package} offers the layer `{layer.name}`, and it cannot be used"
        print(f"error[broken-layer]: {told}\n  = note: {layer.reason}", file=sys.stderr)
    if not rows:
        print(f"error: no layer is about `{given.word}`", file=sys.stderr)
        return COULD_NOT_RUN
    width = max(len(row.written) for row in rows)
    for row in rows:
        print(f"{row.written:<{width}}  {row.about}")
    return CLEAN
