# make demo   train and test a small model, from nothing but Python 3.11+ and make
# make test   the tests
# make check  format, lint, types, imports, tests: what CI runs
# make docs   build the documentation into build/site
# make editors  write anew what editors ship; make vsix  pack the extension of VS Code (needs npm)
# make bench  what a check and a training step take; every example trained, with its time and its score
#
# Everything is installed into .venv, once; PYTHON names the interpreter that it is made from.

VENV  := .venv
BIN   := $(VENV)/bin
DEMO  := examples/duffing.sysid
FOUND  = for python in python3.11 python3.12 python3.13 python3.14 python3 python; do \
           if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
           then echo "$$python"; break; fi; done
ifndef PYTHON
PYTHON := $(shell $(FOUND))
endif

# The tests run side by side, and torch's own threads would stand in each other's way.
WORKERS ?= 2
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types imports examples package bench nightly ray clean docs editors vsix

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(VENV)/.train
	@$(BIN)/sysidc check $(DEMO)
	@$(BIN)/sysidc train $(DEMO)
	@run=$$(ls -td examples/runs/*/ runs/*/ 2>/dev/null | head -n 1); \
	  run=$${run%/}; $(BIN)/sysidc test "$$run"; \
	  echo; echo "The run is in $$run: weights, metrics.json, log."; \
	  if [ -f "$$run/report.html" ]; then echo "Open $$run/report.html in a browser."; fi

test: $(VENV)/.dev
	$(BIN)/pytest -q -n $(WORKERS)

check: lint types imports examples test

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/pyright

imports: $(VENV)/.dev
	$(BIN)/lint-imports

examples: $(VENV)/.dev
	$(BIN)/sysidc check --deny warnings examples/*.sysid

docs: export NO_MKDOCS_2_WARNING := 1
docs: $(VENV)/.dev
	$(BIN)/mkdocs build --quiet --strict

editors: $(VENV)/.dev
	$(BIN)/python -m sysidc.runtime.editors .

vsix:
	cd editors/vscode && npm ci --ignore-scripts --silent && npm test --silent && npm run --silent package

package: $(VENV)/.dev
	rm -rf dist build
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m pip install --quiet --no-deps --target build/wheel dist/*.whl
	cd build && PYTHONPATH=wheel ../$(BIN)/python -c 'import sysidc; assert "wheel" in sysidc.__file__, sysidc.__file__'
	cd build && PYTHONPATH=wheel ../$(BIN)/python -m sysidc check ../examples/*.sysid

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/check.py
	$(BIN)/python benchmarks/examples.py examples/*.sysid
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/scale.py

nightly: export SYSIDC_CASES := 4000
nightly: export SYSIDC_MUTATIONS := 100000
nightly: export SYSIDC_KILLS := 200
nightly: export SYSIDC_EXPORTS := 1
nightly: ray check package bench

ray: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt psutil --editable ".[ray]"

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Three stamps: the environment, what trains a model, what a developer needs besides.
$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "sysidc needs Python 3.11 or newer; name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is no Python 3.11 or newer" >&2; exit 1; }
	test -x $(BIN)/pip || "$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/.train: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[train,data]"
	@touch $@

$(VENV)/.dev: $(VENV)/.train
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[train,data,dev]"
	@touch $@
