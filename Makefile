# `make serve` and `make test` do all the set-up they need; `make check` is the quick half.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NPM_STAMP := tests/interop/node_modules/.installed
VENDOR_STAMP := vendor/node_modules/.installed
PEERS := benchmarks/peers
PEERS_NPM_STAMP := $(PEERS)/node/node_modules/.installed
PEERS_STAMP := benchmarks/.venv/.installed

# Without compiled code each of the many processes here would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: commands tools serve test check lint types unit interop vendor peers bench bench-quick fuzz soak clean help

help:
	@echo "make serve   set up, then run the examples on one port"
	@echo "make test    set up, then every check and test there is"
	@echo "make check   lint, types and the tests that need neither Node nor a browser"
	@echo "make bench   measure, beside the servers of others; see docs/performance.md"
	@echo "make bench-quick  the calls that matter most, in two minutes"
	@echo "make vendor  copy the libraries of the console's page into the package"
	@echo "make fuzz    search for input that the daemon does not stand; see CONTRIBUTING.md"
	@echo "make soak    search for leaks under clients that fail in every way; see CONTRIBUTING.md"
	@echo "make clean   remove what the others made"

$(STAMP): setup.cfg pyproject.toml
	@echo "setting up $(VENV), which takes a minute the first time"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check --upgrade 'pip>=24' 'setuptools>=77'
	@$(BIN)/pip install -qq --disable-pip-version-check --config-settings editable_mode=compat -e '.[test]'
	@touch $@

$(NPM_STAMP): tests/interop/package.json tests/interop/package-lock.json
	cd tests/interop && npm ci --no-audit --no-fund --loglevel=error
	touch $@

$(VENDOR_STAMP): vendor/package.json vendor/package-lock.json
	cd vendor && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# The servers of others that `make bench` measures ours beside.
$(PEERS_NPM_STAMP): $(PEERS)/node/package.json $(PEERS)/node/package-lock.json
	cd $(PEERS)/node && npm ci --no-audit --no-fund --loglevel=error
	touch $@

$(PEERS_STAMP): $(PEERS)/python/requirements.txt
	@$(PYTHON) -m venv benchmarks/.venv
	@benchmarks/.venv/bin/pip install -qq --disable-pip-version-check -r $<
	@touch $@

serve: $(STAMP)
	@mkdir -p var
	@cat etc/try-it.txt
	@exec $(BIN)/twistd -n --pidfile=var/twistd.pid rpc --config etc/examples.toml

# What the README's commands are typed with, and the load generator is compiled with.
commands:
	@missing=""; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v nc >/dev/null || missing="$$missing netcat-openbsd"; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	[ -e /usr/include/openssl/ssl.h ] || missing="$$missing libssl-dev"; \
	if [ -n "$$missing" ]; then \
	    echo "installing$$missing"; \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; \
	fi

# And the browser that pages of other origins are tried in, and what reads the metrics.
tools: commands
	@for tool in chromium-headless-shell prometheus; do \
	    command -v $$tool >/dev/null || { \
	        echo "installing $$tool"; \
	        apt-get update -qq && apt-get install -y -qq --no-install-recommends $$tool; \
	    } || exit 1; \
	done

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

unit: commands $(STAMP)
	$(BIN)/pytest -n auto --ignore tests/interop --ignore tests/browser --ignore tests/console

interop: $(STAMP) $(NPM_STAMP)
	$(BIN)/pytest -n auto tests/interop

# What the console's page is made with is part of the package; this is for another version of it.
vendor: $(VENDOR_STAMP)
	node vendor/copy.mjs

check: lint types unit

# One more than there are cores: many tests wait for processes of their own.  Neighbours run in
# the same process, and share the daemons and browsers that were started for them.
test: tools $(STAMP) $(NPM_STAMP) $(VENDOR_STAMP) lint types
	$(BIN)/pytest -n $(shell expr $$(nproc) + 1) --dist worksteal --cov --cov-report=term

# Without a peer that cannot be installed the others are measured all the same.
peers: commands $(STAMP)
	-@$(MAKE) --no-print-directory $(PEERS_NPM_STAMP)
	-@$(MAKE) --no-print-directory $(PEERS_STAMP)

bench: peers
	$(BIN)/python -m benchmarks

bench-quick: peers
	$(BIN)/python -m benchmarks --quick

fuzz: $(STAMP)
	@$(BIN)/python -m tests.fuzzing --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED))

soak: $(STAMP)
	@$(BIN)/python -m tests.soak $(if $(SECONDS),--seconds $(SECONDS))

clean:
	rm -rf $(VENV) build dist *.egg-info tests/interop/node_modules vendor/node_modules var
	rm -rf benchmarks/rpcload benchmarks/.venv $(PEERS)/node/node_modules
	rm -rf .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
