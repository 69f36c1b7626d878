"""`python -m sysidc.runtime.editors [ROOT]`: writes the generated files of the editors below the repository's root."""

from __future__ import annotations

import sys
from pathlib import Path

from sysidc.runtime.editors.generate import generated


def main(root: Path) -> None:
    for name, text in generated().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
