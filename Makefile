# Two commands matter: `make demo` and `make test`. Everything they need is set up here.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

CACHE ?= $(HOME)/.cache/patchlens
CHDB_DIR := $(CACHE)/libchdb
KAFKA_DIR := $(CACHE)/kafka
VENV := $(CACHE)/venv
NODE_DIR := $(CACHE)/browser
CLIENTS_DIR := $(CACHE)/clients
WEB_DIR := $(CACHE)/web
export PATCHLENS_LIBCHDB ?= $(CHDB_DIR)/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so
export PATCHLENS_KAFKA_LIBS ?= $(KAFKA_DIR)/libs
export PATCHLENS_PYTHON ?= $(VENV)/bin/python
export PATCHLENS_NODE_MODULES ?= $(NODE_DIR)/node_modules
export PATCHLENS_CLIENT_MODULES ?= $(CLIENTS_DIR)
export PATCHLENS_ECHARTS ?= $(WEB_DIR)/node_modules/echarts/dist/echarts.min.js

# What rdkafka's own build of librdkafka needs.
BUILD_PACKAGES := cmake g++ make pkg-config libsasl2-dev libssl-dev zlib1g-dev libcurl4-openssl-dev
# What the tests talk to.
TEST_PACKAGES := default-jre-headless maven python3-venv chromium prometheus prometheus-alertmanager rsyslog rsyslog-elasticsearch

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build-packages demo-packages $(CHDB_DIR)/.ready $(WEB_DIR)/.ready ## Simulated 110-device rollout, end to end, on this machine alone
	cargo run --release --locked --bin patchlens -- demo $(DEMO_FLAGS)

.PHONY: build
build: build-packages $(WEB_DIR)/.ready ## Build the program: target/release/patchlens
	cargo build --release --locked

.PHONY: test
test: build-packages test-packages $(CHDB_DIR)/.ready $(KAFKA_DIR)/.ready $(VENV)/.ready $(NODE_DIR)/.ready $(CLIENTS_DIR)/.ready $(WEB_DIR)/.ready ## All tests, against real services
	cargo fmt --all --check
	PATCHLENS_REQUIRE_SERVICES=1 cargo test --release --locked --workspace --no-fail-fast

.PHONY: codes
codes: ## Write transform/knowledge/codes.csv anew from the crate windows and the curated meanings
	cd transform/knowledge/generator && cargo test --locked && cargo run --locked
	git diff --exit-code transform/knowledge/codes.csv

.PHONY: lint
lint: build-packages ## Warnings are errors
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets -- -D warnings

.PHONY: deny
deny: ## Licences, sources and doubled dependencies; installs cargo-deny when it is missing
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --locked check bans licenses sources

.PHONY: bench
bench: build-packages bench-packages $(CHDB_DIR)/.ready $(KAFKA_DIR)/.ready ## The figures of docs/benchmarks.md
	cargo bench --workspace

# libFuzzer, led by coverage; `cargo install --locked cargo-fuzz` once. Without a sanitizer the pinned compiler does.
SECONDS_EACH := $(if $(filter command line environment,$(origin SECONDS)),$(SECONDS),60)
FUZZ_TARGETS ?= text_logs evtx json_events procmon inventories setup_diag bundle decode redact codes

.PHONY: fuzz
fuzz: build-packages ## Fuzz each parser for SECONDS=60 seconds
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: cargo install --locked cargo-fuzz"; exit 2; }
	for target in $(FUZZ_TARGETS); do \
		mkdir -p ingest/fuzz/corpus/$$target; \
		(cd ingest && cargo fuzz run --sanitizer none $$target fuzz/corpus/$$target fuzz/seeds -- \
			-max_total_time=$(SECONDS_EACH) -rss_limit_mb=1024 -timeout=20 -max_len=65536); \
	done

KILLS ?= 200
CHANGES ?= 5000

.PHONY: torture
torture: build-packages test-packages $(CHDB_DIR)/.ready $(KAFKA_DIR)/.ready ## KILLS=200 kill -9 of each kind, CHANGES=5000 of each fuzz seed; hours
	PATCHLENS_REQUIRE_SERVICES=1 PATCHLENS_KILLS=$(KILLS) cargo test --release --locked --workspace --test it -- kill --nocapture
	PATCHLENS_FUZZ_CHANGES=$(CHANGES) cargo test --release --locked --workspace --test fuzz_smoke

# The edition for endpoints: `collect` and `inspect` alone. With Wine it is run, and its events are compared with those
# of this machine's program.
WINDOWS := x86_64-pc-windows-gnu

.PHONY: windows
windows: build-packages ## The collector for Windows: target/x86_64-pc-windows-gnu/release/patchlens.exe
	@"$(CURDIR)/tests/setup/debian-packages" gcc-mingw-w64-x86-64 wine64
	rustup target add $(WINDOWS)
	cargo build --release --locked -p patchlens --no-default-features --target $(WINDOWS)
	x86_64-w64-mingw32-strip target/$(WINDOWS)/release/patchlens.exe
	cargo build --release --locked --bin patchlens
	tests/windows/smoke target/$(WINDOWS)/release/patchlens.exe target/release/patchlens

.PHONY: build-packages
build-packages:
	@"$(CURDIR)/tests/setup/debian-packages" $(BUILD_PACKAGES)

# With Alertmanager the demo shows its alerts there too; without, everything else works all the same.
.PHONY: demo-packages
demo-packages:
	@command -v prometheus-alertmanager >/dev/null || "$(CURDIR)/tests/setup/debian-packages" prometheus-alertmanager \
		|| echo "without prometheus-alertmanager: the demo's alerts are on the dashboards only" >&2

.PHONY: test-packages
test-packages:
	@"$(CURDIR)/tests/setup/debian-packages" $(TEST_PACKAGES)

# The yardstick of the text parsers.
.PHONY: bench-packages
bench-packages:
	@command -v rg >/dev/null || "$(CURDIR)/tests/setup/debian-packages" ripgrep

.PHONY: libchdb
libchdb: $(CHDB_DIR)/.ready ## The embedded ClickHouse engine

# The ClickHouse engine, pinned with its integrity hash in queries/embedded/package-lock.json.
$(CHDB_DIR)/.ready: queries/embedded/package.json queries/embedded/package-lock.json
	@mkdir -p $(CHDB_DIR)
	cp $^ $(CHDB_DIR)/
	cd $(CHDB_DIR) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# The chart library, embedded into the program when it is there.
$(WEB_DIR)/.ready: dashboards/web/package.json dashboards/web/package-lock.json
	@mkdir -p $(WEB_DIR)
	cp $^ $(WEB_DIR)/
	cd $(WEB_DIR) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# A real Apache Kafka broker, from Maven Central.
$(KAFKA_DIR)/.ready: tests/kafka/pom.xml
	@mkdir -p $(KAFKA_DIR)
	mvn -q -B -f tests/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$(KAFKA_DIR)/libs
	@touch $@

# Independent clients.
$(VENV)/.ready: tests/clients/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-virtualenv -r $<
	@touch $@

$(CLIENTS_DIR)/.ready: tests/clients/node/package.json tests/clients/node/package-lock.json
	@mkdir -p $(CLIENTS_DIR)
	cp $^ $(CLIENTS_DIR)/
	cd $(CLIENTS_DIR) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# playwright-core drives Debian's Chromium.
$(NODE_DIR)/.ready: tests/browser/package.json tests/browser/package-lock.json
	@mkdir -p $(NODE_DIR)
	cp $^ $(NODE_DIR)/
	cd $(NODE_DIR) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
