# What a developer runs. `make` alone lists it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help setup servers demo test lint format prove bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

setup: $(STAMP) ## a virtual environment in .venv with the pinned dependencies

$(STAMP): requirements.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $(STAMP)

servers: ## the real servers the tests use (Postfix), from Debian's packages where apt and root are there
	@tests/servers/install

demo: setup ## the whole journey on a simulated internet on loopback; nothing leaves the machine
	@$(BIN)/severally demo

test: setup servers lint ## everything: format, lint, types, import law, all tests, each proof small
	@$(BIN)/python -m pytest

lint: setup ## ruff, strict types and the import law
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && $(BIN)/mypy --no-error-summary && \
	  $(BIN)/python -m pytest -q -n 0 -p no:randomly tests/unit/test_house.py

format: setup ## rewrite the sources in the house's format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

prove: setup servers ## a capability's proof, whole: make prove P=main
	@$(BIN)/python -m proofs.$(P)

bench: setup servers ## measure speed: make bench B=nodemailer
	@$(BIN)/python -m bench.$(B)

clean: ## remove what the targets above made
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
