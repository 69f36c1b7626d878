"""`sysidc schema`: the catalogue as JSON, for editors and other programs."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from sysidc.compiler.schema import schema
from sysidc.runtime.cli import CLEAN


def add_arguments(parser: ArgumentParser) -> None:
    """It takes none."""


def run(given: Namespace) -> int:
    print(json.dumps(schema(), indent=2, ensure_ascii=False, allow_nan=False))
    return CLEAN
