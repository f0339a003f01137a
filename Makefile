# make demo   the main job, on a shipped target and real music
# make fast   lint, types, import contracts, and the tests that need no training and no whole audit (under three minutes on two cores)
# make test   every check: format, lint, types, import contracts, all tests with coverage
# make bench  one table of ratios: what measuring, testing and starting cost (docs/speed.md)
# make lock         write requirements.lock anew from pyproject.toml and constraints.txt (asks the package index)
# make lock-check   see that the lock fits constraints.txt and that everything in it has a hash (part of make test)
# make audit-deps   compare the lock with published advisories (asks the network; fails where one cannot be looked up)
# make clean  remove the virtual environment and what the demo made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NEEDED := (3, 11)
# One process per core; the tests of a file stay together, because they share what they make.
PARALLEL := -n auto --dist loadfile
export OMP_NUM_THREADS := 1

.PHONY: demo fast test bench lint types contracts pytest lock lock-check audit-deps clean

demo: $(VENV)/.demo
	$(BIN)/earwitness demo --out demo-out

fast: lint types contracts
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow"

test: lint types contracts pytest

bench: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/ratios.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

pytest: $(VENV)/.dev
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term:skip-covered

lock: $(VENV)/.dev
	$(BIN)/pip install --quiet uv
	echo '# Made by `make lock`: the core install with the versions of constraints.txt, and the SHA-256 of every file of them.' > requirements.lock
	$(BIN)/uv pip compile pyproject.toml --constraint constraints.txt --generate-hashes --universal --python-version 3.11 \
	  --no-header --no-annotate >> requirements.lock

lock-check: $(VENV)/.dev
	$(BIN)/python -m pytest tests/test_lock.py

audit-deps: $(VENV)/.dev
	$(BIN)/pip install --quiet pip-audit
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < $(NEEDED))' || \
	  { echo "Python 3.11 or newer is needed; say which one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml bench/pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]' --editable ./bench
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) demo-out
