.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Half of the time: what takes a whole practice, and the longest stories of the loader.
STORIES := kills three_deliveries foreign condensed conversions lacking_types
JOURNEYS := tests/journey tests/browser tests/test_wheel.py tests/cli tests/reconcile $(STORIES:%=tests/load/test_%.py)
PACED := tests/journey/test_real_target.py

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/ready  ## build .venv from the hash-locked requirements.lock

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; call make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

rehearse: setup  ## the whole migration of a sample practice into a rehearsal tenant, about three minutes
	$(BIN)/workbench rehearse

test: setup  ## lint, types, and every test, in two processes and a third that mostly waits for a real target's pace
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory --jobs 3 --keep-going test-journeys test-rooms test-paced

# Each tells at its end, whole, so that they do not speak at once.
TOLD = @log=$$(mktemp); $(BIN)/python -m pytest --durations=15 $(1) >$$log 2>&1; code=$$?; cat $$log; rm $$log; exit $$code

test-journeys: setup
	$(call TOLD,$(JOURNEYS) $(PACED:%=--ignore=%))

test-rooms: setup
	$(call TOLD,$(JOURNEYS:%=--ignore=%))

test-paced: setup
	$(call TOLD,$(PACED))

lab: setup  ## open the notebooks in JupyterLab
	$(BIN)/workbench lab

bench: setup .venv-bench/ready  ## calls per 1,000 records beside the floor, the forecast beside counted calls, what the pacer attains, landing beside a bare scan, dlt and pandas, bodies beside bare joins, delta and reconciliation beside scans, checks beside a scan and Great Expectations, explain, field suggestions, carrier suggestions, the grid of 5,000 spellings
	$(BIN)/python tests/bench/calls.py $(PATIENTS)
	$(BIN)/python tests/bench/forecasting.py
	$(BIN)/python tests/bench/pacing.py
	$(BIN)/python tests/bench/suggesting.py
	$(BIN)/python tests/bench/landing.py $(ROWS)
	$(BIN)/python tests/bench/checking.py $(ROWS)
	$(BIN)/python tests/bench/staging.py $(ROWS)
	$(BIN)/python tests/bench/data_path.py $(ROWS)
	$(BIN)/python tests/bench/explaining.py $(ROWS)
	$(BIN)/python tests/bench/field_suggesting.py
	$(BIN)/python tests/bench/editing.py

.venv-bench/ready:
	-$(PYTHON) -m venv .venv-bench
	-.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check 'dlt[duckdb]' pyarrow 'reladiff[duckdb]'
	-touch $@

campaign: setup  ## the long tests: every crash point, kills, 2,000 seeds (SEEDS=10000), random tables and requests; writes docs/reliability.md
	$(BIN)/python tests/support/campaign.py

lock:  ## write requirements.lock again (needs uv)
	uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 --extra dev pyproject.toml -o requirements.lock

clean:  ## remove what a rehearsal made (decisions stay)
	rm -rf data/rehearsal data/runs data/sample data/unpacked data/warehouse.duckdb*

.PHONY: help setup rehearse test test-journeys test-rooms test-paced lab bench campaign lock clean
