# Everything happens in this checkout: Python packages in .venv, servers in .servers. Nothing is installed on the system.
PYTHON ?= python3
bin := .venv/bin
pip := $(bin)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test soak lint dev servers clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.runtime ## watch a migration run, on a private server with a table under load
	@$(bin)/python -c 'import sys; from fsm_ghost.mysql.private import find_server; \
	  sys.exit(not (find_server("mariadb") or find_server("mysql")))' || contrib/fetch-server mariadb
	@$(bin)/fsm-ghost demo

test: dev servers ## every check: style, types, tests without a server, tests on MariaDB, tests on MySQL
	@$(bin)/tox run

soak: dev servers ## migrations killed at random, and random ALTERs beside native ones, for as long as you let them
	@$(bin)/python -m pytest -s tests/soak

lint: dev ## style, format, imports and types
	@$(bin)/tox run -e lint,types

dev: .venv/.dev ## the virtual environment with all that development needs

servers: .venv/.runtime ## MariaDB and MySQL for the tests, where the machine has none (in CI, failing to get one is an error)
	@for flavour in mariadb mysql; do \
	  $(bin)/python -c 'import sys; from fsm_ghost.mysql.private import find_server; sys.exit(not find_server(sys.argv[1]))' $$flavour \
	  || contrib/fetch-server $$flavour || test "$$CI" != true || exit 1; \
	done

clean: ## remove what was brought and made: .venv, .servers, caches
	rm -rf .venv .servers .tox build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "fsm-ghost needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "this Python cannot make virtual environments. As root: apt-get install python$$version-venv" >&2; exit 1; }
	@echo "bringing fsm-ghost's Python packages into .venv (PyMySQL, mysql-replication, transitions, rich, zstandard) ..."
	@rm -rf .venv && $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/.runtime: .venv/pyvenv.cfg pyproject.toml
	@$(pip) --editable .
	@touch $@

.venv/.dev: .venv/.runtime
	@echo "bringing the tools of development into .venv (pytest, mypy, ruff, import-linter, tox) ..."
	@$(pip) --editable '.[dev]'
	@touch $@
