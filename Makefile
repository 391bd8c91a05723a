# The course's habitual tasks. `make lab` is all that a student needs.
#   PYTHON=python3.12   the interpreter that .venv is made with    (any target)
#   LAB_ARGS=...        options for saw-edu lab and JupyterLab     (make lab LAB_ARGS="--port 9000 --no-browser")
#   EXTRAS=...          optional parts as well                     (make test EXTRAS=ogbench,postgresql,ray)
#   TEST_ARGS=...       options for pytest                         (make test TEST_ARGS="-k maze -x")
#   CHAPTER=16          the tests of one chapter only              (make test CHAPTER=16)
#   JOBS=2              tests at a time; 0: one after another      (make test JOBS=0)
#   UNIT=unit1          one unit only                              (make notebooks UNIT=unit1)
#   BUILD_ARGS=...      options for saw-edu build                  (make notebooks BUILD_ARGS=--fast)
.DEFAULT_GOAL := help
BIN := .venv/bin
JOBS := auto
export PYTHON EXTRAS
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 $(if $(CHAPTER),--chapter $(CHAPTER))

.PHONY: help env lab lint types test test-full notebooks check-notebooks bench pin clean clean-env

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

env: ## make or update the environment in .venv (every task below does it first)
	@sh scripts/bootstrap.sh

lab: env ## open the course in JupyterLab
	@$(BIN)/saw-edu lab $(LAB_ARGS)

lint: env ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: env ## check types
	$(BIN)/mypy

test: lint types ## style, types and the tests that take less than a minute each
	$(PYTEST) -m "not slow" $(TEST_ARGS)

test-full: lint types ## style, types and all tests
	$(PYTEST) $(TEST_ARGS)

notebooks: env ## build the notebooks from solutions/ (UNIT=unit1 for one unit)
	$(BIN)/saw-edu build $(UNIT) $(BUILD_ARGS)

check-notebooks: env ## are the notebooks what solutions/ gives?
	$(BIN)/saw-edu build --check

bench: env ## measure speeds on this machine, as ratios
	$(BIN)/saw-edu bench

pin: env ## write constraints.txt anew from what .venv holds
	$(BIN)/python scripts/pin.py

clean: ## remove caches and build files
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name .venv -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -prune -exec rm -rf {} +

clean-env: clean ## remove the environment too; the next task makes it anew
	rm -rf .venv
