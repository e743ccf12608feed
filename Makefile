# Ieum: everything a developer or CI runs. Only Python (3.11 or newer) and make are needed; all paths are relative, so that one with a space works.
PYTHON ?= python3
PY := .venv/bin/python
TESTS ?= tests
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test quick check bench mutants lock openapi clean help

help:          ## what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/ -/'

.venv/runtime: requirements.lock pyproject.toml
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@echo "Installing what the gateway needs (hash-pinned) ..."
	@$(PY) -m pip install --quiet --require-hashes -r requirements.lock
	@$(PY) -m pip install --quiet --no-build-isolation --no-deps -e .
	@touch .venv/runtime

.venv/dev: .venv/runtime requirements-dev.lock
	@echo "Installing what developing needs (hash-pinned) ..."
	@$(PY) -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch .venv/dev

.venv/bench: .venv/dev requirements-bench.lock
	@$(PY) -m pip install --quiet --require-hashes -r requirements-bench.lock
	@touch .venv/bench

demo: .venv/runtime    ## the gateway with three simulated participants and the stories (ONCE=1: then end)
	@$(PY) -m gateway demo $(if $(ONCE),--once)

test: .venv/dev        ## the whole suite, PostgreSQL included
	@$(PY) -m pytest -n 2 --dist loadgroup $(TESTS)

quick: .venv/dev       ## the suite without what takes long
	@$(PY) -m pytest -n 2 --dist loadgroup -m "not long and not browser" $(TESTS)

check: .venv/dev       ## format, lint, types, layers, house rules
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) -c "from importlinter.cli import lint_imports_command as run; run()"
	@$(PY) -m pytest -q tests/house

bench: .venv/bench     ## figures, as ratios within one run (ONLY=deciding: of that part, nothing written)
	@$(PY) tests/bench/run.py $(if $(ONLY),--only $(ONLY))

mutants: .venv/dev     ## one small change at a time in gateway/consent: does a test notice? (ONLY="filed marks": of these; some minutes; not in CI)
	@$(PY) tests/mutants/run.py $(ONLY)

openapi: .venv/runtime ## write openapi/gateway.json anew
	@$(PY) -m gateway openapi > openapi/gateway.json

lock: ## resolve the locks anew (needs uv)
	@for kind in "" -dev -bench; do \
	  extra=$$(test -n "$$kind" && echo "--extra $${kind#-}"); constraint=$$(test -n "$$kind" && echo "-c requirements.lock"); \
	  uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet \
	    pyproject.toml requirements-build.in $$extra $$constraint -o requirements$$kind.lock; done

clean:
	@rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
