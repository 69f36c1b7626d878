"""`sysidc explain`: the page of a diagnostic, a layer, a setting, or of anything else that a spec may name."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from sysidc.compiler.explain import book
from sysidc.dsl.spelling import closest
from sysidc.runtime.cli import CLEAN, COULD_NOT_RUN


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="an id, layer, setting ...; without one all names")


def run(given: Namespace) -> int:
    if given.name is None:
        print("\n".join(book.names()))
        return CLEAN
    text = book.page(given.name)
    if text is None:
        near = closest(given.name, book.names())
        print(f"error: nothing is known about `{given.name}`", file=sys.stderr)
        print(f"  = help: {f'did you mean `{near}`?' if near else '`sysidc explain` lists all names'}", file=sys.stderr)
        return COULD_NOT_RUN
    _tell(text)
    return CLEAN


def _tell(text: str) -> None:
    """Drawn where it is read, Markdown where it is passed on."""
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
