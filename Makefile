# make read    read the example letter: installs the reader alone
# make test    install the rest and run the whole suite
# make lint    style and types
# make exam    measure on the shared data, where it is present (DATA=FOLDER)
# make weights rebuild the shipped networks and language files from the data folder (DATA=FOLDER)
# make clean   remove what these made

PYTHON ?= python3
DATA ?= ../shared/data
BIN := .venv/bin

LINES := $(filter-out $(WITHOUT:%=$(DATA)/lines/%.tsv),$(wildcard $(DATA)/lines/*.tsv))
ENGLISH := $(filter %/hooker.tsv %/stanford1905.tsv,$(LINES))

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

# Each step can be repeated alone: fonts, a first classifier, real characters cut out of the transcribed lines
# of the sets in ALIGNED with its help (ALIGNED= does without), the classifier that ships; then the language
# files and the line recogniser, without the sets in WITHOUT. The last takes hours on two cores.
ALIGNED ?= copiste_fr
WITHOUT ?=
FONTS := .cache/fonts
MORE := .cache/line-fonts# these and others, most of which join their letters, for the lines
TRAIN := $(BIN)/unscrawl train characters --data-dir $(DATA) --fonts-dir $(FONTS) --recipe glyph
weights: .venv/.all
	$(BIN)/python scripts/fetch_fonts.py $(DATA)/fonts/families.tsv $(FONTS)
	$(BIN)/python scripts/fetch_fonts.py $(DATA)/fonts/families.tsv scripts/families.tsv $(MORE)
	rm -f $(FONTS)/aligned.npz
ifneq ($(ALIGNED),)
	$(TRAIN) --epochs 3 --out runs/first
	$(BIN)/python -m unscrawl.learn.shipped runs/first --data-dir $(DATA) --fonts-dir $(FONTS) --out runs/first/first.onnx
	$(BIN)/python -m unscrawl.learn.data.aligned $(DATA)/lines $(ALIGNED) $(FONTS)/aligned.npz --model runs/first/first.onnx
endif
	$(TRAIN) --out runs/glyph
	$(BIN)/python -m unscrawl.learn.shipped runs/glyph --data-dir $(DATA) --fonts-dir $(FONTS)
	$(BIN)/python -m unscrawl.learn.words src/unscrawl/weights $(DATA)/text/books_en.txt.xz $(ENGLISH) --language en --words 80000 --threshold 24 --lines-count 5
	$(BIN)/python -m unscrawl.learn.words src/unscrawl/weights $(filter-out $(ENGLISH),$(LINES)) --language fr --words 60000 --threshold 1.2 --lines-count 1
	$(BIN)/pip install -c constraints.txt -e '.[bench]'  # with which the recogniser comes that ours starts from
	$(BIN)/unscrawl learn-lines $(LINES) $(DATA)/names/labelled_dev.tsv --recipe line-pretrained --fonts $(MORE) \
	  --text $(DATA)/text/books_en.txt.xz --characters $(DATA)/glyphs/bp62.npz --characters $(DATA)/glyphs/omniglot_latin.npz \
	  $(ALIGNED:%=--characters $(FONTS)/aligned.npz) --out runs/line --export src/unscrawl/weights/line.onnx

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,web,dev]'
	touch .venv/.reader $@
