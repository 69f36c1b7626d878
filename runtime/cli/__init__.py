"""The command `sysidc`: one file per verb, each imported when it is asked for."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module

VERBS = {
    "check": "say what is wrong with specs, without importing torch",
    "fmt": "one canonical layout, comments kept",
    "explain": "the page of a diagnostic, a layer, a setting",
    "layers": "the layers of the language, or those about a word",
    "schema": "all that may be written, as JSON",
    "show": "the resolved spec: settings, layers with shapes, receptive field",
    "diff": "what two specs or runs differ in, in meaning",
    "train": "train a spec and leave a run folder",
    "runs": "list the runs in a folder, or tell two of them apart",
    "sweep": "search over the domains of a spec's params",
    "test": "score a run on its test part",
    "predict": "predict a data file with a run",
    "compile": "write a spec out as plain PyTorch and Lightning",
    "export": "a trained model for other programs, in the units of the data",
    "inspect": "what a file of measurements holds: roles, delay, order, nonlinearity",
    "new": "a commented starter file that trains as it is",
    "lsp": "language server for editors, on stdin and stdout",
    "report": "make the report of a run anew, one HTML file",
    "compare": "several runs on one page: scores, learning curves, errors, what differs",
}

CLEAN, FINDINGS, COULD_NOT_RUN, BUG, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. 0 clean, 1 findings, 2 could not run, 3 a bug in sysidc, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except SystemExit as end:  # argparse has said what is wrong with the command line
        return end.code if isinstance(end.code, int) else COULD_NOT_RUN
    except KeyboardInterrupt as stop:
        print(stop if stop.args else "interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None
        return CLEAN
    except BaseException:  # nothing may pass as the user's mistake that is ours
        import traceback

        traceback.print_exc()
        print("\nThis is a bug in sysidc; please report it with the lines above and the spec.", file=sys.stderr)
        return BUG


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in VERBS:
        return _run_verb(arguments[0], arguments[1:])
    parser = ArgumentParser("sysidc", description="Check, train and use models written as .sysid specs.")
    parser.add_argument("--version", action="store_true", help="print the version")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for verb, about in VERBS.items():
        verbs.add_parser(verb, help=about, description=about)
    given, _ = parser.parse_known_args(arguments)
    if given.version:
        from sysidc import __version__

        print(f"sysidc {__version__}")
        return CLEAN
    parser.print_help(sys.stderr)
    return COULD_NOT_RUN


def _run_verb(verb: str, arguments: list[str]) -> int:
    from sysidc.runtime.cli.refusals import refusals

    module = import_module(f"sysidc.runtime.cli.{verb}")
    parser = ArgumentParser(f"sysidc {verb}", description=VERBS[verb])
    module.add_arguments(parser)
    given = parser.parse_args(arguments)
    code: int = COULD_NOT_RUN
    with refusals():
        code = module.run(given)
    return code
