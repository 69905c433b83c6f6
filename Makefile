# The course's commands. Everything runs from .venv, which deploy/install.py makes.
#   PYTHON=python3.12    the interpreter for .venv (3.11 to 3.13)
#   TORCH_INDEX=default  where torch comes from (an address, or `default`)
#   PORT=8000            where `make serve` listens
#   TESTERS=2            processes that `make test` works with

PYTHON ?= python3
PORT ?= 8000
TESTERS ?= 2
BIN = .venv/bin

.PHONY: help course book book-next serve test test-all bench install install-test clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

course: book ## install, build the book, make the student versions, grade the samples
	$(BIN)/course check-assignment

book: install ## install, then execute and build the book into _build/html
	$(BIN)/jupyter-book build . -n -W --keep-going || { rm -rf _build/.doctrees _build/html; exit 1; }

book-next: install ## build the same book with plain, current Sphinx, in .venv-next
	$(BIN)/python deploy/book_next.py

serve: ## serve the built book on this machine
	@test -f _build/html/index.html || { echo "There is no book yet: run make book"; exit 1; }
	@echo "http://127.0.0.1:$(PORT)/ (Ctrl-C stops it)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

test: install-test ## install what tests need, then run all but the slow ones, on TESTERS processes
	$(BIN)/python -m pytest -ra -m "not slow" -n $(TESTERS)

test-all: install-test ## the slow tests too
	$(BIN)/python -m pytest -ra

bench: install ## print counting, measuring, fitting, sweeping and grading beside what you would use instead, as ratios
	$(BIN)/python benchmarks/counters.py
	$(BIN)/python benchmarks/measure_overhead.py
	$(BIN)/python benchmarks/predictions.py --print
	$(BIN)/python benchmarks/interval_coverage.py --print
	$(BIN)/python benchmarks/chinchilla.py
	$(BIN)/python benchmarks/sweeps.py
	$(BIN)/python benchmarks/report_cards.py
	$(BIN)/python benchmarks/grading.py
	$(BIN)/python benchmarks/extrapolation_coverage.py --print --repeats 100

install: ## only make .venv and put everything into it
	$(PYTHON) deploy/install.py

install-test: ## the same, with what tests need
	$(PYTHON) deploy/install.py --test

clean: ## delete what was built, keep what was installed
	rm -rf _build
