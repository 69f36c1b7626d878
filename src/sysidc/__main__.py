"""`python -m sysidc` is the command `sysidc`."""

import sys

from sysidc.runtime.cli import main

if __name__ == "__main__":
    sys.exit(main())
