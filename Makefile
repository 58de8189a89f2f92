# Works from a bare clone with Python 3.11 or later and make; everything else is installed below .venv and node_modules,
# at the versions and hashes of uv.lock and package-lock.json. `make PYTHON=python3.12 test` chooses the interpreter.

VENV := .venv
PYPI ?= https://pypi.org/simple
# A company's CA bundle, for the one call of pip; uv reads SSL_CERT_FILE and npm NODE_EXTRA_CA_CERTS themselves.
CA := $(firstword $(PIP_CERT) $(SSL_CERT_FILE))

# The first interpreter that is new enough. Asked only when .venv has to be made.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)

# The interpreter, Node and every tool of .venv before those of the system.
IN_VENV := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
# Nothing that lies around on the machine changes what is installed: no configuration file, and no UV_* variable but those
# that say how to reach the network and where to keep what was fetched.
UV = env -u VIRTUAL_ENV $$(env | sed -nE '/^UV_(CACHE_DIR|LINK_MODE|OFFLINE|HTTP_.*|SYSTEM_CERTS|NATIVE_TLS)=/d; s/^(UV_[A-Z0-9_]*)=.*/-u \1/p') \
	UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT="$(CURDIR)/$(or $(INTO),$(VENV))" $(VENV)/bin/uv
CDK := CDK_DISABLE_CLI_TELEMETRY=1 CDK_DISABLE_VERSION_CHECK=1 node_modules/.bin/cdk

BOOTSTRAPPED := $(VENV)/.bootstrapped
SYNCED := $(VENV)/.synced
DRAWING := $(VENV)/.drawing
NODE_MODULES := node_modules/.installed
TOOLS := .tools/.synced

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: synth
synth: $(SYNCED) $(NODE_MODULES) ## synthesise the example app into cdk.out, its layers really built
	@$(IN_VENV) $(CDK) synth --quiet $(ARGS)
	@echo "synthesised into cdk.out"

.PHONY: test
test: $(SYNCED) $(NODE_MODULES) $(TOOLS) ## run the tests; ARGS="-k lock" is passed on to pytest
	@$(IN_VENV) python -m pytest $(ARGS)

.PHONY: lint
lint: $(SYNCED) ## ruff, mypy, the import contract and the lock's freshness: all of them, even if one fails
	@failed=0; check() { echo "lint: $$*"; $(IN_VENV) "$$@" || failed=1; }; \
	check ruff check .; \
	check ruff format --check .; \
	check mypy $(wildcard layer_constructs tests app.py benchmarks); \
	check mypy examples/many_regions/app.py; \
	check lint-imports; \
	echo "lint: uv lock --check"; $(UV) lock --check --quiet || failed=1; \
	exit $$failed

.PHONY: bench
bench: $(DRAWING) $(NODE_MODULES) ## measure, into docs/benchmarks.md with ARGS="--write"
	@$(IN_VENV) python benchmarks/run.py $(ARGS)

.PHONY: clean
clean: ## remove everything that make made
	rm -rf $(VENV) .tools node_modules build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find cdk.out -mindepth 1 -maxdepth 1 ! -name .gitignore -exec rm -rf {} +
	find layer_constructs tests -name __pycache__ -prune -exec rm -rf {} +

# pip is needed once, for uv itself: at the version and with the hashes of uv.lock, and without pip.conf and PIP_*.
$(BOOTSTRAPPED):
	@if [ -z "$(PYTHON)" ]; then echo "no Python 3.11 or later found: say which one with make PYTHON=..." >&2; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed, $(PYTHON) is " + sys.version.split()[0])'
	@echo "creating $(VENV)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(VENV)/bin/python -c 'import tomllib; uv = next(p for p in tomllib.load(open("uv.lock", "rb"))["package"] if p["name"] == "uv"); print("uv==" + uv["version"], *("--hash=" + wheel["hash"] for wheel in uv["wheels"]))' > $(VENV)/uv.txt
	@$(VENV)/bin/python -m pip --isolated --disable-pip-version-check --quiet install \
		$(if $(CA),--cert "$(CA)") --index-url $(PYPI) --only-binary :all: --require-hashes --no-deps -r $(VENV)/uv.txt
	@touch $@

# Without build isolation for this project only: its build backend is a locked development dependency.
$(SYNCED): uv.lock pyproject.toml $(BOOTSTRAPPED)
	@echo "installing what uv.lock says"
	@$(UV) sync --frozen --quiet --no-build-isolation-package layer-constructs
	@touch $@

# What the benchmarks draw with: seldom needed, and large.
$(DRAWING): $(SYNCED)
	@$(UV) sync --frozen --quiet --inexact --group bench --no-build-isolation-package layer-constructs
	@touch $@

# pipenv, poetry and sam, which some tests run: apart, since they would change what the library is tested with.
$(TOOLS): private INTO := .tools
$(TOOLS): uv.lock pyproject.toml | $(SYNCED)
	@echo "installing the tools that some tests run"
	@$(UV) sync --frozen --quiet --only-group tools --python "$(CURDIR)/$(VENV)/bin/python"
	@touch $@

$(NODE_MODULES): package.json package-lock.json | $(SYNCED)
	@echo "installing what package-lock.json says"
	@$(IN_VENV) npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@
