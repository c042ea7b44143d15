# make demo: everything from nothing to scorecards.  make test: lint, types and all tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
MODELS := $(VENV)/.models
RUN_ENV := PYANNOTE_METRICS_ENABLED=0

.PHONY: demo test lint unit install models clean help

help:
	@echo "make demo   install, fetch models, inspect examples/calls, print where the scorecards are"
	@echo "make test   lint, types and all tests (models included)"
	@echo "make lint   ruff and mypy only"

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else "qc-speech needs Python 3.10 to 3.13, this is %d.%d; run: make PYTHON=python3.12 demo" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[dev]'
	@touch $@

$(MODELS): $(STAMP) models/manifest.yaml
	$(BIN)/qc-speech models fetch
	@touch $@

install: $(STAMP)

models: $(MODELS)

demo: $(MODELS)
	$(RUN_ENV) $(BIN)/qc-speech run examples/calls --out demo-out
	@echo
	@echo "Open demo-out/report/index.html in a browser."

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(STAMP)
	$(RUN_ENV) $(BIN)/python -m pytest -q tests/unit tests/contract

test: lint $(MODELS)
	$(RUN_ENV) $(BIN)/python -m pytest

clean:
	rm -rf $(VENV) demo-out
