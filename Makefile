# make run: create the environment and run the pipeline. make test: create the environment and run the tests.
# Needs Python 3.11 or newer (PYTHON=... chooses one), git and make; nothing but the package registry is reached.
SHELL := /bin/bash
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
# DVC runs `python` from PATH: it must be this environment's.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export NO_ALBUMENTATIONS_UPDATE := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := 1
export PYTHONUTF8 := 1
PORT ?= 5000
# Processes that the tests run in, each with one thread of torch; files stay together, and those that train come first.
# One more than there are cores, four at most: tests of servers and of interruptions wait much of their time.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 4 ? n + 1 : 4)))
# Each process would compile every module, and rewrite every assertion, anew where bytecode is not kept.
PYTEST := PYTHONDONTWRITEBYTECODE= python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --durations 10

.PHONY: run env test test-all lint format docs ui bench clean-env help

run: env  ## environment, check, dvc repro, table of the runs
	@python -m pipeline repro

env: $(STAMP)  ## create .venv with the exact versions of constraints.txt; CPU=1 TORCH_INDEX=URL: torch without CUDA
	@test -z "$(filter 1,$(CPU))" || test -e $(VENV)/.torch-index || { echo "error: $(VENV) holds torch for CUDA: \`make clean-env\` first, then make env CPU=1" >&2; exit 1; }

$(STAMP): pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" VENV="$(VENV)" CPU="$(CPU)" TORCH_INDEX="$(TORCH_INDEX)" bash .ci/make_env.sh

test: env  ## the tests: offline, on the CPU, under eight minutes on two quiet cores (JOBS=... for more); tells the ten slowest
	@$(PYTEST)

test-all: env  ## the slow ones too
	@$(PYTEST) -m ""

lint: env  ## style, types, docstrings
	@ruff check .
	@ruff format --check .
	@mypy & types=$$!; pydoclint --quiet src pipeline; docstrings=$$?; wait $$types && exit $$docstrings

format: env  ## put the code in the house's form
	@ruff format .
	@ruff check --fix .

docs: env  ## write docs/params.md and docs/params.schema.json from pipeline/schema/
	@python -m pipeline.commands.params_reference

ui: env  ## MLflow on http://127.0.0.1:5000 (PORT=... for another)
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}" --host 127.0.0.1 --port $(PORT)

bench: env  ## run the benchmarks and write docs/performance.md; wants a quiet machine (ARGS="--only NAME --quick ...")
	@python benchmarks/run_all.py $(ARGS)

clean-env:  ## remove .venv
	@rm -rf $(VENV)

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
