# Gengfu. Needs python3 (3.11 or newer), git and make; everything else comes from the hashed locks into .venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
PLATFORM ?= feishu
MODE ?=
PORT ?= 8010

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## start the sample firm on http://127.0.0.1:8000 (Ctrl-C stops, a second run keeps the data)
	@exec $(BIN)/gengfu demo

demo-reset: ## forget the demo's data
	rm -rf var/demo*

simulate: $(VENV)/.installed ## the whole bot before a stand-in of a messenger (PLATFORM=feishu, wecom, dingtalk or all; MODE=…, PORT=8010), with a page to act on
	@test -f tests/simulators/$(PLATFORM)/stage.py || { echo "there are stand-ins for: feishu, wecom, dingtalk, and all of them together (make simulate PLATFORM=wecom)" >&2; exit 2; }
	@exec $(BIN)/python -m tests.simulators.$(PLATFORM).stage $(if $(MODE),--mode $(MODE)) --port $(PORT)

check: $(VENV)/.installed-dev ## format, lint, types, imports (no tests)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: check ## every check and every test: PostgreSQL from pip, the browser where Chromium is installed
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  echo "**********************************************************************"; \
	  echo "** Chromium is missing: THE BROWSER TESTS WILL BE SKIPPED.           **"; \
	  echo "** On Debian: apt-get install chromium fonts-noto-cjk                **"; \
	  echo "**********************************************************************"; } >&2
	@for tool in soffice pdftotext pdftoppm; do command -v $$tool >/dev/null || { \
	  echo "**********************************************************************"; \
	  echo "** $$tool is missing: THE PAPERS WILL NOT BE LOOKED AT.              "; \
	  echo "** On Debian: apt-get install libreoffice-writer-nogui poppler-utils  "; \
	  echo "**            fonts-noto-cjk                                          "; \
	  echo "**********************************************************************"; break; }; done >&2
	@$(BIN)/pytest -n $(WORKERS)

bench: $(VENV)/.installed ## speed and size, against a floor measured in the same run
	@$(BIN)/gengfu bench

lock: $(VENV)/.installed-dev ## make both locks again (keeps what still fits; UPGRADE=--upgrade takes the newest)
	$(BIN)/pip-compile $(LOCK) --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile $(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	@for lock in requirements.lock requirements-dev.lock; do \
	  { echo "# Made by \`make lock\` from pyproject.toml; do not edit."; cat $$lock; } > $$lock.new && mv $$lock.new $$lock; done

clean: ## remove .venv, caches and build output; data in var/ stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

LOCK = --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-index-url --no-emit-trusted-host \
  --no-emit-find-links --no-emit-options --annotation-style line --build-deps-for editable $(UPGRADE)
# The project itself: editable, without dependencies and without a build environment (setuptools is in the lock).
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Gengfu needs Python 3.11 or newer; say where it is with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.python requirements.lock pyproject.toml
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: help demo demo-reset simulate check test bench lock clean
