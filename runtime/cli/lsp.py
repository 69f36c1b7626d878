"""`sysidc lsp`: the language server, for editors; it speaks on stdin and stdout."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from sysidc.runtime.cli import CLEAN, COULD_NOT_RUN


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--stdio", action="store_true", help="what it does anyway; some editors pass it")


def run(given: Namespace) -> int:
    try:
        import pygls.lsp.server  # noqa: F401
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        print("error: the language server needs pygls, which is not installed", file=sys.stderr)
        print('  = help: pip install "sysidc[lsp]"', file=sys.stderr)
        return COULD_NOT_RUN
    from sysidc import __version__
    from sysidc.runtime.lsp.server import make_server

    make_server(__version__).start_io()
    return CLEAN
