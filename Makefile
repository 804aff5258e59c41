# Gwanje: `make demo` shows it, `make test` proves it. Both first install what is missing.
# One target directory, each thing built once.

CARGO ?= cargo
NPM ?= npm
DEMO_FLAGS ?=
# Seeds of the swarm in `make test`; raised as they are shown to be clean (docs/swarm.md).
SEEDS ?= 2000

.DEFAULT_GOAL := help
.PHONY: help demo test test-long build console setup-demo setup-test check-rust check-web check-deny e2e

help: ## What there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 20

demo: setup-demo build ## Broker, tower and 20 simulated docks on this machine; open the printed address
	target/release/gwanje demo $(DEMO_FLAGS)

build: console ## The release binary with the console inside: target/release/gwanje
	$(CARGO) build --release --locked --package gwanje

console: web/dist/index.html ## The web console: web/dist

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src web/basemap web/public web/index.html web/vite.config.ts -path web/basemap/out -prune -o -type f -print 2>/dev/null)
	cd web && $(NPM) run build

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund
	@touch $@

setup-demo: ## Install what the demo needs
	@scripts/install-demo.sh

setup-test: ## Install what the tests need
	@scripts/install-test.sh

test: setup-test check-web check-deny check-rust e2e ## Format, lints, tidy, licences, unit, integration and browser tests

# Lints and tests from one build: clippy's driver is the compiler that lints on the way, so that
# nothing is compiled once to be looked at and once more to be run. `cargo clippy` hands it the
# same two variables.
LINT = RUSTC_WORKSPACE_WRAPPER=clippy-driver \
  CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__

check-rust: console supabase/client/node_modules/.package-lock.json
	$(CARGO) fmt --all --check
	$(LINT) $(CARGO) build --workspace --all-targets --locked
	@# Whole fleets from seeds, by the programs that were just built.
	target/debug/xtask sim --seeds $(SEEDS) --program target/debug/fleet-swarm
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  $(LINT) $(CARGO) nextest run --workspace --locked && \
	  $(LINT) $(CARGO) test --workspace --locked --doc; \
	else $(LINT) $(CARGO) test --workspace --locked; fi

check-web: console
	cd web && $(NPM) run lint && $(NPM) run check && $(NPM) test

check-deny:
	@scripts/check-deny.sh

e2e: console ## The console in headless Chromium against a running demo
	@# The binary of the integration tests: with the features of the whole workspace, so that after
	@# `check-rust` there is nothing left to build.
	$(LINT) $(CARGO) test --workspace --locked --test it --no-run
	scripts/e2e.sh target/debug/gwanje

supabase/client/node_modules/.package-lock.json: supabase/client/package-lock.json
	cd supabase/client && $(NPM) ci --no-audit --no-fund
	@touch $@

supabase/cli/node_modules/.package-lock.json: supabase/cli/package-lock.json
	cd supabase/cli && $(NPM) ci --no-audit --no-fund
	@touch $@

test-long: setup-test build supabase/cli/node_modules/.package-lock.json ## What takes minutes: ignored tests, more docks, repeated outages, a long demo with faults
	$(CARGO) test --workspace --locked -- --ignored
	GWANJE_LONG=1 $(CARGO) test --locked --package gwanje --test it
	target/release/gwanje demo --docks 200 --for 180s --json
	target/release/gwanje demo --docks 20 --for 120s --json --seed 7 --faults late_reply=0.1,flat_osd=0.2
	scripts/schemathesis.sh target/release/gwanje 50
