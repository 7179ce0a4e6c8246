# Everything one does here, by name; `make` alone lists it. Needs Python 3.11 or newer and make; nothing else, no root.
.SUFFIXES:
.PHONY: help film studio test check format docs fuzz bench pins run-env dev-env bench-env clean

BIN = .venv/bin
FILM ?=
PORT ?= 8000
TESTS ?= tests
BENCHMARKS ?= start film orchestration runway ingest waiting autosave listing media chaos

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

film: run-env ## make the example films, offline and free; FILM=my.toml makes one of your own
	@tools/film.sh $(FILM)

studio: run-env ## serve the studio on this machine, and do its work; PORT=8080 serves it elsewhere
	@$(BIN)/reelwright serve --port $(PORT)

test: dev-env ## run every check on everything, and every test; TESTS=tests/media runs some
	@tools/check.sh --all
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist worksteal $(TESTS)

check: dev-env ## format, lint, types, layers, dead code, dependencies, docs: seconds
	@tools/check.sh

format: dev-env ## lay the code out as `make check` wants it
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

docs: dev-env ## write docs/reference again from the code
	@$(BIN)/python tools/reference.py

fuzz: dev-env ## throw thousands of requests at the API; REELWRIGHT_EXAMPLES=50 tries more of each operation
	@REELWRIGHT_EXAMPLES=$${REELWRIGHT_EXAMPLES:-20} $(BIN)/python -m pytest -q -s tests/api/test_openapi.py

bench: dev-env bench-env ## measure what docs/performance.md tells; BENCHMARKS=film runs one
	@for each in $(BENCHMARKS); do PYTHONDONTWRITEBYTECODE= $(BIN)/python "benchmarks/$$each.py" || exit 1; done

pins: ## choose the newest allowed versions again and write them, with hashes, to requirements/ (needs uv)
	@tools/pins.sh

clean: ## remove the environments and caches; films and campaigns stay
	rm -rf .venv .bench-venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist

run-env:
	@tools/setup.sh run

dev-env:
	@tools/setup.sh dev

bench-env:
	@tools/setup.sh bench
