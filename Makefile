PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

# Who wants no bytecode beside the source gets it in .venv: compiling everything at every start takes minutes of a test run.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/bytecode
endif

# SERVICES=system: the tests run on the servers of Debian's packages, which production hosts have, and not on those of ours.
ifeq ($(SERVICES),system)
export BAYBERRY_POSTGRES := $(lastword $(sort $(wildcard /usr/lib/postgresql/*)))
export BAYBERRY_REDIS := $(firstword $(wildcard /usr/bin/redis-server /usr/bin/valkey-server))
endif

.DEFAULT_GOAL := help
.PHONY: help run test prove faults bench check format lint types templates secrets clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## set up what is missing and start the whole shop here
	@$(PYTHON) run.py dev

test: .prepared ## run the tests on servers of their own; ARGS=tests/db for a part, SERVICES=system for Debian's servers
	@$(BIN)/python -m pytest -q -n auto --no-loadscope-reorder -m "not slow" $(ARGS)

prove: .prepared ## fire crowds at a scratch shop, then run the longer proofs; BREAK=stock-guard plants a bug that has to be found
	@$(PYTHON) run.py prove $(BREAK)
ifndef BREAK
	@$(BIN)/python -m pytest -q -m slow $(ARGS)
endif

# The proofs after the cells; what compares times runs alone. The long half has more of them, and ten times as many restarts and lines.
LONG_FAULTS := $(findstring --long,$(FAULTS))
MORE := tests/db/test_pgbouncer.py tests/tasks/test_delivery.py tests/web/test_sessions_faults.py tests/web/test_pages_without_redis.py \
	tests/orders/test_kills.py tests/orders/test_races.py tests/flows/test_without_redis.py
PROOFS := tests/production/test_rolling.py tests/db/test_races.py $(if $(LONG_FAULTS),$(MORE))
TIMED := tests/production/test_crowds.py $(if $(LONG_FAULTS),tests/accounts/test_crowd.py tests/db/test_faults.py)

faults: .prepared ## break everything under load and ask whether the promises held, then longer proofs (9 minutes); FAULTS=--long for all of it, FAULTS='--only F-P2,M5' for cells
	@failed=0; \
	$(BIN)/python -m tests.faults $(FAULTS) || failed=1; \
	$(if $(findstring --only,$(FAULTS)),exit $$failed;) \
	BAYBERRY_CANCELLATIONS=10000 BAYBERRY_CANARY_REQUESTS=10000 BAYBERRY_RESTARTS=$(if $(LONG_FAULTS),10,2) \
		$(BIN)/python -m pytest -q -n 2 $(or $(ARGS),$(PROOFS)) || failed=1; \
	$(if $(ARGS),,BAYBERRY_IDLE=$(if $(LONG_FAULTS),10000,1000) BAYBERRY_CROWD=500 $(BIN)/python -m pytest -q -s $(TIMED) || failed=1;) \
	exit $$failed

bench: .prepared ## measure: CPU and rates against the bare way, both in one run; ARGS=pages for one
	@$(BIN)/python -m tests.bench $(ARGS)

check: format lint types templates secrets test ## everything that has to hold: what the build runs

format: .prepared ## is all of it formatted?
	@$(BIN)/ruff format --check .

lint: .prepared ## are there known mistakes?
	@$(BIN)/ruff check .

types: .prepared ## do the types agree?
	@$(BIN)/mypy

templates: .prepared ## are the templates well formed?
	@$(BIN)/djlint templates --lint --quiet

# Tests may invent passwords; `detect-secrets scan --slim` makes the baseline of what only looks like a secret.
secrets: .prepared ## does any file hold a secret?
	@git ls-files -z -- ':!tests' | xargs -0 $(BIN)/detect-secrets-hook --baseline config/secrets.baseline
	@git ls-files -z -- tests | xargs -0 $(BIN)/detect-secrets-hook \
		--disable-plugin KeywordDetector --disable-plugin BasicAuthDetector \
		--disable-plugin Base64HighEntropyString --disable-plugin HexHighEntropyString

clean: ## forget the data of `make run`
	@$(PYTHON) run.py clean

.PHONY: .prepared
.prepared:
	@$(PYTHON) run.py prepare test
