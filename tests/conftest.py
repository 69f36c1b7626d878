"""What every test stands on: one torch thread each, no colour, no deadline on examples, and --update-golden."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["NO_COLOR"] = "1"

# A package whose layer cannot be used is installed beside all others: it must break no test but that of its diagnostic.
sys.path.append(str(Path(__file__).parent / "packages"))

# A machine that is busy with other tests would break any deadline; in CI the same examples are tried on every run.
settings.register_profile("steady", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is printed now into the .expected files")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether recorded outputs are to be written anew instead of compared."""
    return bool(request.config.getoption("--update-golden"))
