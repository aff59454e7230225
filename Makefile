# The two commands: `make demo` and `make test`. Each sets up all that it needs from Python >= 3.11, git and make.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
CHECKOV := .cache/checkov
# Tests mostly wait for the local AWS: three workers, each with one of its own, keep two processors busy.
WORKERS ?= 3

# Tests start hundreds of processes: none of them compiles what another has compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check chaos bench requirements clean

setup: .venv/installed

demo: setup
	@$(BIN)/cq demo

test: setup
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

check: setup $(CHECKOV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	scripts/check-templates $(BIN) $(CHECKOV)/bin

# Kill points, faults, races, load and the state machine in full, on the local AWS: some three hours on two cores that
# do nothing else. PARTS="kills races" runs only those.
chaos: setup
	$(BIN)/python -m tests.chaos $(PARTS)

bench: setup
	$(BIN)/python benchmarks/service.py
	$(BIN)/python benchmarks/deploy.py
	$(BIN)/python -m benchmarks.monitor

.venv/installed: requirements/uv.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "CoinQuery needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(CHECKOV)/installed: .venv/installed requirements/checkov.txt
	$(UV) venv --quiet --clear --python $(BIN)/python $(CHECKOV)
	$(UV) pip sync --quiet --python $(CHECKOV)/bin/python --require-hashes requirements/checkov.txt
	@touch $@

# Pins anew: every requirement with its hashes, and no address of any registry.
COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
requirements: setup
	cd requirements && for name in uv runtime service dev checkov; do ../$(UV) $(COMPILE) $$name.in --output-file $$name.txt; done
	$(UV) $(COMPILE) requirements/ministack.in --output-file src/coinquery/local/ministack.txt
	$(UV) $(COMPILE) requirements/monitor.in --output-file src/coinquery/monitor/requirements.txt

clean:
	rm -rf .venv .cache dist
