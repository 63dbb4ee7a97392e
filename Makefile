# RelayHub: `make run` and `make test` do everything from a clean clone.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps

.PHONY: help run test check test-servers audit chaos bench tour screenshots lock clean-venv

help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 22

# -- set-up ---------------------------------------------------------------------------------------------------
$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "The venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	@echo "making the virtual environment"
	$(PYTHON) -m venv $(VENV)

# uv where it is found, for it is quick; else pip. Both check every hash.
define install
	@mkdir -p $(STAMPS)
	@echo "installing $(1) (once)"
	@if command -v uv >/dev/null; then uv pip install -q --python $(BIN)/python --require-hashes -r $(1); \
	else $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1); fi
	@touch $@
endef

$(STAMPS)/run: $(VENV)/bin/python requirements/embedded.txt
	$(call install,requirements/embedded.txt)

$(STAMPS)/dev: $(VENV)/bin/python requirements/dev.txt
	$(call install,requirements/dev.txt)
	@touch $(STAMPS)/run

# -- the product ----------------------------------------------------------------------------------------------
run: $(STAMPS)/run ## Set up and run everything on this machine; Ctrl-C stops it
	@exec $(BIN)/python manage.py up

test: $(STAMPS)/dev ## Set up and run the whole test suite
	@.ci/browser
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not chaos" $(ARGS)

check: $(STAMPS)/dev ## Lint, format, types, architecture rules, missing migrations
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_migrations.py

test-servers: $(STAMPS)/dev ## Tests marked `servers` against Debian's PostgreSQL and Redis
	@.ci/with-debian-servers $(BIN)/python -m pytest -q -m "servers and not chaos" $(ARGS)

audit: $(STAMPS)/dev ## Known faults of dependencies
	$(BIN)/pip-audit --require-hashes --disable-pip -r requirements/embedded.txt

chaos: $(STAMPS)/dev ## The whole fault matrix
	$(BIN)/python -m pytest -q -m chaos $(ARGS)

bench: $(STAMPS)/dev ## Benchmarks beside peers; ONLY=name runs one
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

tour: $(STAMPS)/dev ## Take the pictures of the README again
	@RELAYHUB_TOUR=relayhub/docs/images $(BIN)/python -m pytest -q tests/pages/test_tour.py -k readme

screenshots: $(STAMPS)/dev ## Take every page, full and empty, both widths and themes, into OUT=folder
	@RELAYHUB_SHOTS=$(or $(OUT),screenshots) $(BIN)/python -m pytest -q -m browser tests/pages

lock: ## Make the hash locks anew (needs uv)
	for name in base embedded dev; do
	  uv pip compile --generate-hashes --no-strip-extras --no-emit-index-url --no-header --universal --python-version 3.11 -q \
	    requirements/$$name.in $$([ $$name = base ] || echo "-c requirements/base.txt") -o requirements/$$name.txt
	done

clean-venv: ## Remove the virtual environment
	rm -rf $(VENV)
