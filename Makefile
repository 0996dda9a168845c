# make read    read the example letter: installs the reader alone
# make test    install the rest and run the whole suite
# make lint    style and types
# make exam    measure on the shared data, where it is present (DATA=FOLDER)
# make weights rebuild the shipped network from the data folder (DATA=FOLDER)
# make clean   remove what these made

PYTHON ?= python3
DATA ?= ../shared/data
BIN := .venv/bin

.PHONY: read test lint exam weights clean

read: .venv/.reader
	$(BIN)/unscrawl read examples/letter.jpg --overlay --out out

test: .venv/.all
	$(BIN)/python -m pytest

lint: .venv/.all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

exam: .venv/.all
	$(BIN)/python bench/exam.py $(DATA)

weights: .venv/.all
	$(BIN)/python scripts/train_weights.py $(DATA)

clean:
	rm -rf .venv out build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Stamps: pip runs again only when what it would install may have changed.
.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "unscrawl needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/.reader: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/.all: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev]'
	touch .venv/.reader $@
