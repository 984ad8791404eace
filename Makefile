# Everything that is installed lies in .venv, everything that is written in $(FRESHET_VAR) (var/ by default).

PYTHON ?= python3
BIN := .venv/bin
export FRESHET_VAR ?= $(CURDIR)/var
export NUMBA_CACHE_DIR ?= $(FRESHET_VAR)/numba
export PYTHONUNBUFFERED := 1

SCENARIO ?= steady

COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: help setup setup-dev setup-bench setup-load demo loadtest screenshots test pytest lint lock clean

help:  ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  \1\t/' | expand -t 14

setup: .venv/.installed  ## Install what running needs into .venv.

setup-dev: .venv/.installed-dev  ## Install what developing and testing need into .venv.

setup-bench: .venv/.installed-bench  ## Install the peers that python -m benchmarks.quality compares with into .venv.

setup-load: .venv/.installed-load  ## Install what make loadtest needs into .venv.

demo: setup  ## Start the whole site with MovieLens 100K; FRESHET_PORT chooses the port, Ctrl-C stops it.
	@exec $(BIN)/python -m webapp.demo $(if $(DATASET),--dataset "$(DATASET)")

loadtest: setup-load  ## Load a site and report: SCENARIO (steady, ramp, flash, mobile, bots, soak), RATE a second, DURATION_S.
	@$(BIN)/python -m loadtest --scenario "$(SCENARIO)" $(if $(RATE),--rate "$(RATE)") $(if $(DURATION_S),--duration-s "$(DURATION_S)") $(LOADTEST_ARGS)

screenshots: setup-dev  ## Take the pictures of docs/tour.md anew: starts the demo in a temporary folder, needs Chromium.
	@$(BIN)/python -m benchmarks.screenshots

test: lint pytest  ## Check and test everything.

pytest: setup-dev  ## Test everything; PYTEST_ARGS choose.
	@echo "== pytest"; $(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup-dev  ## Check style, types, import contracts, and templates.
	@echo "== ruff"; $(BIN)/ruff check .
	@echo "== ruff format"; $(BIN)/ruff format --check .
	@echo "== mypy"; $(BIN)/mypy recsys webapp
	@echo "== import contracts"; $(BIN)/lint-imports
	@echo "== djlint"; $(BIN)/djlint templates --check --lint --quiet

lock: setup-dev  ## Compile the pinned requirements from pyproject.toml.
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt
	$(COMPILE) --extra bench --constraint requirements-dev.txt --output-file requirements-bench.txt
	$(COMPILE) --extra load --constraint requirements-dev.txt --output-file requirements-load.txt

clean:  ## Remove .venv and caches; var/ (the data) stays.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Freshet needs Python 3.11 or newer; set PYTHON=/path/to/python3.11." >&2; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.installed: requirements.txt | .venv/bin/python
	@echo "Installing the pinned requirements into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "Installing the tools for tests into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

.venv/.installed-load: requirements-load.txt .venv/.installed
	@echo "Installing the load test into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-load.txt
	@touch $@

.venv/.installed-bench: requirements-bench.txt .venv/.installed
	@echo "Installing the peers of the quality benchmarks into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@
