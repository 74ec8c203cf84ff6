# Everything this repository can do. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet install

# All tests run in two processes; with ARGS, such as some of them or --pdb, in one.
WORKERS := -n 2 --dist loadfile --max-worker-restart 0

# The demo on AWS's buses starts LocalStack unless the environment leads somewhere.
ON_AWS = $(findstring --aws,$(ARGS))
PLACES = $(AWS_ENDPOINT_URL)$(AWS_PROFILE)$(PAT_EVENTS_AWS_ENDPOINT_URL)$(PAT_EVENTS_AWS_PROFILE)
ON_LOCALSTACK = $(if $(PLACES),,$(ON_AWS))

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format types proto docs perf lambda-package stack-up stack-down terraform check clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## install everything for development into .venv

demo: $(VENV)/$(if $(ON_AWS),.demo-aws,.demo) ## real e-mail through two services, in this process; with ARGS=--aws on LocalStack
	@$(if $(ON_LOCALSTACK),echo "starting LocalStack ..." >&2; $(BIN)/python -m tools.stack run localstack -- )$(BIN)/pat-events demo $(ARGS)

test: $(VENV)/.dev ## run the tests; parts that cannot be had here are skipped loudly
	@$(BIN)/pytest --cov --cov-report= $(or $(ARGS),$(WORKERS))
	@$(BIN)/coverage report
	@$(BIN)/coverage report --include='src/pat_events/core/*,src/pat_events/catalog/*' --fail-under=90 --format=total > /dev/null \
		|| { echo "branch coverage of core and catalog is below 90 %"; exit 1; }

lint: $(VENV)/.dev ## ruff and the import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

proto: $(VENV)/.dev ## generate the event classes and events.avsc from schemas/events.proto
	@$(BIN)/python -m tools.proto

docs: $(VENV)/.dev ## generate docs/reference.md from docstrings and the schema, and Grafana's dashboards
	@$(BIN)/python tools/reference.py
	@$(BIN)/python -m tools.dashboards

perf: $(VENV)/.dev ## measure beside bare confluent-kafka and boto3, on a Kafka and a LocalStack of its own
	@$(BIN)/python -m perf $(ARGS)

lambda-package: $(VENV)/.dev ## a zip for AWS Lambda, for each architecture; ARGS="--module emails.py"
	@$(BIN)/python -m tools.lambda_package $(ARGS)

stack-up: $(VENV)/.dev ## start Kafka, schema registry and LocalStack, and say how to reach them
	@$(BIN)/python -m tools.stack up $(ARGS)

stack-down: $(VENV)/.dev ## stop them and remove their data
	@$(BIN)/python -m tools.stack down

terraform: $(VENV)/.dev ## the catalogue, format, validate, unit tests, checkov, and a full apply on LocalStack
	@$(BIN)/python -m tools.terraform $(ARGS)

check: lint types ## all that CI asks for besides the tests
	@$(BIN)/python -m tools.proto --check
	@$(BIN)/python tools/reference.py --check
	@$(BIN)/python -m tools.dashboards --check
	@$(BIN)/pat-events catalog check schemas/catalog.yaml

clean: ## remove what was built, the virtual environment included
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

# Standard output is for results: a shell may evaluate what stack-up prints.
# Stages, so that the demo installs only what it needs. The locks are complete, so pip resolves nothing
# (--no-deps): its resolver takes a newer release for a package that is locked without the extra another asks for.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, '$(PYTHON)' is not: try 'make PYTHON=python3.13 $(MAKECMDGOALS)'" >&2; exit 1; }
	@echo "making $(VENV) ..." >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(VENV)/.made
	@echo "installing what the demo needs ..." >&2
	@$(PIP) --no-deps --require-hashes -r requirements/demo.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.demo-aws: requirements/demo-aws.txt pyproject.toml | $(VENV)/.made
	@echo "installing what the demo on AWS's buses needs ..." >&2
	@$(PIP) --no-deps --require-hashes -r requirements/demo-aws.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.demo

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/.made
	@echo "installing what development needs ..." >&2
	@$(PIP) --no-deps --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.demo $(VENV)/.demo-aws
