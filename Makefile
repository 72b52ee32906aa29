# The front door. `make help` lists what there is; CMakePresets.json has the builds, scripts/ the rest.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := build
.PHONY: build run install tarball deb images manifests test test-debian13 nightly bench dashboards rehearsal sim crash fuzz fuzz-coverage lint format clean help

build: ## Install missing packages and build the programs into build/bin
	@scripts/install-deps.sh build
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target programs

run: build ## Build and serve a demo event; LISTEN_ADDR, DATA_DIR and the other settings pass through
	@exec build/bin/tro serve --demo

install: build ## Install programs, man pages, completions, units, settings and documents; PREFIX=/usr/local, SYSCONFDIR=/etc, DESTDIR=
	@scripts/install-deps.sh install
	@cmake --preset release -DTRO_MAN=ON -DCMAKE_INSTALL_PREFIX=$${PREFIX:-/usr/local} -DCMAKE_INSTALL_SYSCONFDIR=$${SYSCONFDIR:-/etc} >/dev/null
	@cmake --build --preset release --target programs man
	@cmake --install build/release --strip

tarball: ## Write the source tarball build/tro-VERSION.tar.gz; it names its commit, and the same commit gives the same bytes
	@exec packaging/tarball.sh

deb: ## Write the Debian packages tro and tro-tools to build/
	@scripts/install-deps.sh deb
	@exec packaging/deb.sh

images: ## Build the images tro-api, tro-worker and tro-publisher; BASE= another Debian 12 than the pinned one
	@exec packaging/images.sh

manifests: ## Write the files of deploy/ that are made of others: rules for the Prometheus operator
	@scripts/prometheus-rule.sh >deploy/prometheus/rules.yaml

test: ## Run every suite; TRO_TEST_ONLY=unit,e2e chooses some, FUZZ_SECONDS=5 is for each fuzz target
	@exec scripts/test.sh

test-debian13: ## Build and test on a minimal Debian 13, in a chroot that is made once; as root, TRO_DEBIAN_MIRROR=url
	@exec scripts/test-debian13.sh

nightly: ## Run the long tests: an hour of each fuzz target, 1,000 crash cycles, an hour of the proof, the rehearsal, starts with each allocation that fails, Debian 13
	@failed=0; \
	$(MAKE) fuzz FUZZ_SECONDS=$${FUZZ_SECONDS:-3600} || failed=1; \
	$(MAKE) crash || failed=1; \
	TRO_TEST_ONLY=proof-release SERVICES_SECONDS=$${SERVICES_SECONDS:-3600} $(MAKE) test || failed=1; \
	TRO_TEST_ONLY=fault-release TRO_MEMORY_STARTS=0 $(MAKE) test || failed=1; \
	$(MAKE) rehearsal || failed=1; \
	$(MAKE) test-debian13 || failed=1; \
	exit $$failed

bench: build ## Measure the figures of README.md's tables
	@exec scripts/bench.sh

dashboards: build ## Draw docs/dashboards/*.svg from a real run of two minutes
	@scripts/install-deps.sh test
	@exec python3 -u scripts/dashboards.py

rehearsal: build ## Sell tickets on fourteen hosts of this machine while hosts die, are cut off and the database fails over; as root
	@scripts/install-deps.sh test
	@exec python3 -u scripts/rehearsal $(REHEARSAL)

sim: ## Run the simulator; SEED=n replays one run
	@scripts/install-deps.sh test
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target tro-sim
	@exec build/release/tests/tro-sim

crash: ## Kill the server 1,000 times under load and check its promises; TRO_CRASH_CYCLES=n
	@TRO_TEST_ONLY=fault-release TRO_CRASH_CYCLES=$${TRO_CRASH_CYCLES:-1000} scripts/test.sh

fuzz: ## Fuzz each target for FUZZ_SECONDS=60
	@TRO_TEST_ONLY=fuzz FUZZ_SECONDS=$${FUZZ_SECONDS:-60} scripts/test.sh

fuzz-coverage: ## Print the lines of each parser that the kept corpus of its fuzz target reaches
	@scripts/install-deps.sh test
	@exec python3 scripts/fuzz-coverage.py

lint: ## Check layout, includes, banned words, function lengths, and clang-tidy
	@scripts/install-deps.sh test
	@exec scripts/lint.sh

format: ## Lay out the sources as .clang-format says
	@scripts/install-deps.sh test
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean: ## Remove build/
	@rm -rf build

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
