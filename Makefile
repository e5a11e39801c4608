# Every target sets up .venv from its lock by itself, and only when the lock changed.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
export DAGSTER_HOME := $(CURDIR)/data/dagster
# Thread pools of two libraries must not fight over the cores.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help day-ahead test acceptance ui lint bench docs
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

day-ahead: .venv/core.done data/dagster/dagster.yaml ## main job: tomorrow's orders on the reference market
	@$(BIN)/energy-assets day-ahead $(ARGS)

test: .venv/full.done data/dagster/dagster.yaml dbt_project/target/manifest.json ## the test suite (-n 2, under 15 minutes)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not acceptance" $(ARGS)

acceptance: .venv/full.done data/dagster/dagster.yaml dbt_project/target/manifest.json ## the counts that the README quotes (slow)
	HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest -m acceptance -s --timeout 3600 $(ARGS)

ui: .venv/core.done data/dagster/dagster.yaml dbt_project/target/manifest.json ## the Dagster UI with its daemon, on localhost:3000
	$(BIN)/dagster dev -h 127.0.0.1 -p $(or $(PORT),3000)

lint: .venv/full.done ## ruff, mypy, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/full.done ## benchmarks, one table each
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: .venv/full.done ## regenerate the data dictionary and the JSON Schemas of `optimise`
	$(BIN)/python -c "from energy_assets.lakehouse.dictionary import text; print(text(), end='')" > docs/data_dictionary.md
	$(BIN)/python -m energy_assets.bidding.schemas

.venv/bin/python:
	$(PYTHON) -m venv .venv

# full holds every pin of core, so a full environment serves both.
.venv/full.done: requirements/full.lock pyproject.toml | .venv/bin/python
	$(PIP) install -q -r requirements/full.lock
	$(PIP) install -q --no-deps --no-build-isolation -e .
	touch .venv/full.done .venv/core.done

.venv/core.done: requirements/core.lock pyproject.toml | .venv/bin/python
	$(PIP) install -q -r requirements/core.lock
	$(PIP) install -q --no-deps --no-build-isolation -e .
	touch .venv/core.done

data/dagster/dagster.yaml: dagster.yaml
	mkdir -p data/dagster
	cp dagster.yaml $@

# Parsed at set-up: parsing dbt costs seconds that a deadline process must not pay.
dbt_project/target/manifest.json: $(shell find dbt_project -name '*.yml' -o -name '*.sql' | grep -v /target/) | .venv/core.done
	$(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project --log-path dbt_project/target
