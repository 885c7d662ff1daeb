# Everything is made in .venv; nothing needs to be installed by hand but Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STORE ?= quickstart.db
# With compiled files kept, the processes that tests start are a third cheaper.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo setup lint test test-whole test-slow docs lock bench wheel check clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.run: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.run ## Run the quickstart, then judged scores beside executed evidence, offline
	$(BIN)/preamblelab run experiments/quickstart.yaml --store $(STORE)
	$(BIN)/preamblelab run experiments/judged.yaml --store $(STORE)

setup: $(VENV)/.dev ## Make the environment for development

lint: setup ## Style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: setup ## The fast tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-whole: setup ## Pages, browsers, sandboxes and crashes from end to end; CI runs them too
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "whole and not slow"

test-slow: setup ## Simulations and long tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

docs: setup ## Write docs/cli.md and the schemas anew
	$(BIN)/python docs/make_cli.py
	$(BIN)/preamblelab schema --write preamblelab/schemas

lock: setup ## Pin the versions anew
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-header pyproject.toml --group test --group lint -c requirements.lock -o requirements-dev.lock

bench: setup ## Speed, as ratios to named peers in one run
	$(BIN)/python -m benchmarks

wheel: ## Build the wheel, install it alone, run what it ships
	PYTHON=$(PYTHON) .ci/wheel

check: lint test test-whole wheel ## All that must pass before a change lands

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist *.egg-info $(STORE) $(STORE)-wal $(STORE)-shm
