"""What every test stands on: one torch thread each, and no colour."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["NO_COLOR"] = "1"
