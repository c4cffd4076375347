# Everything a person needs to run, each by one word. Bare `make` explains them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help demo setup test check fix docs docs-serve bench vectors conformance mutation fuzz contracts contracts-check gas clean

help: ## show this help
	@awk 'BEGIN {FS = ":.*## "; print "OpenGradient: verifiable AI inference\n"} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	@echo "Setting up (once, about a minute) ..."
	$(PIP) -c constraints.txt -e '.[nodes]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	@echo "Setting up for development (once, about two minutes) ..."
	$(PIP) -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## start a local network, ask a question, verify and settle the answer
	@$(BIN)/opengradient demo

setup: $(VENV)/.dev ## install everything for development into .venv

test: $(VENV)/.dev ## run all tests
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev ## lint, types, import contracts, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python scripts/generate.py --check

fix: $(VENV)/.dev ## mend what can be mended: format, imports, generated files
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python scripts/generate.py

docs: $(VENV)/.dev ## build the documentation into site/
	$(BIN)/mkdocs build --strict

docs-serve: $(VENV)/.dev ## show the documentation in a browser while you edit it
	$(BIN)/mkdocs serve

bench: $(VENV)/.dev ## measure everything, print a table (writes docs/benchmarks.md with ARGS=--write)
	$(BIN)/python -m benchmarks $(ARGS)

vectors: $(VENV)/.dev ## make our own test vectors again (byte-stable)
	$(BIN)/python tests/vectors/generate.py

conformance: $(VENV)/.dev ## run every vector through the conformance command
	@for file in tests/vectors/receipt_files.json tests/vectors/evidence/*.json; do \
		echo $$file; $(BIN)/python -m tests.conformance $$file || exit 1; done

mutation: $(VENV)/.dev ## change the checks one by one, see that a test notices (an hour; writes docs/mutation.md)
	nice $(BIN)/python -m scripts.mutation --write $(ARGS)

fuzz: $(VENV)/.dev ## damage inputs of every parser (10 minutes; ARGS="--seconds 60 cbor jwt")
	$(BIN)/python -m scripts.fuzz $(ARGS)

contracts: ## compile the Solidity contracts (needs node and npm)
	$(PYTHON) scripts/build_contracts.py

contracts-check: ## compile them and compare with the committed artifacts, byte for byte
	$(PYTHON) scripts/build_contracts.py --check

gas: $(VENV)/.dev ## measure the contracts' gas again (writes docs/gas.md)
	$(BIN)/python scripts/gas_table.py

clean: ## remove what make made
	rm -rf $(VENV) site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
