# make demo   the main job, on a shipped target and real music
# make test   every check: format, lint, types, import contracts, tests
# make clean  remove the virtual environment and what the demo made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NEEDED := (3, 11)

.PHONY: demo test lint types contracts pytest clean

demo: $(VENV)/.demo
	$(BIN)/earwitness demo --out demo-out

test: lint types contracts pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

pytest: $(VENV)/.dev
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

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
