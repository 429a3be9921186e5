# Whisperer. `make lab` is all a new user needs; `make help` lists the rest.
# Kept to what make 3.81 knows, which is what macOS ships.

SHELL := /bin/bash
VENV := .venv
UI := jupyter_ext/ui
PYTEST := $(VENV)/bin/python -m pytest
# Most tests wait for a browser, a kernel or a server: on two cores two processes take a third off the time. Files stay whole and in
# order, so that each process starts a JupyterLab once. JOBS=0 runs all in one process (for --pdb, -s).
JOBS := 2
SHARED_OUT = -n $(JOBS) --dist loadfile --no-loadscope-reorder
STEP := @tools/step.sh
PIP_INSTALL := $(VENV)/bin/python -m pip install --disable-pip-version-check --constraint constraints/python.txt

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# What an install depends on. Sources are not among it: the install is editable.
PACKAGING := pyproject.toml constraints/python.txt hatch_build.py $(shell find jupyter-config -type f)
UI_SOURCES := $(shell find $(UI) \( -name node_modules -o -name build -o -name lib \) -prune -o -type f -print)
UI_BUILT := $(UI)/node_modules/.built
UI_OUTPUT := whisperer_kernel/notebook/static/widget.js

# Whoever deleted the output wants it built again.
ifeq ($(wildcard $(UI_OUTPUT)),)
$(shell rm -f $(UI_BUILT))
endif

# JupyterLab refuses to run as root unless told to; in a container there is often nobody else.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

# Named as a file it would be opened by the browser that Jupyter starts, but not stand in the address that it prints.
QUICKSTART := --ServerApp.root_dir=notebooks --LabApp.default_url=/lab/tree/quickstart.ipynb

.PHONY: help lab test check lint soak build docs lock clean browser

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: $(VENV)/.lab $(UI_BUILT) ## Open the quick start in JupyterLab (more arguments: ARGS=--no-browser)
	@$(VENV)/bin/jupyter lab $(AS_ROOT) $(QUICKSTART) $(ARGS)

test: $(VENV)/.dev $(UI_BUILT) browser ## Run all tests but the long ones (a choice of them: ARGS="-k cells")
	$(STEP) "Front-end tests" npm --prefix $(UI) test
	@WHISPERER_CHROMIUM="$$(tools/browser.sh)" $(PYTEST) $(SHARED_OUT) -m "not soak" $(ARGS)

check: lint ## Format, lint, types and the fast tests
	@$(PYTEST) tests/unit -m "not (slow or embedded or browser or soak)" $(ARGS)

lint: $(VENV)/.dev $(UI)/node_modules/.installed ## Format, lint and types
	$(STEP) "Format (ruff)" ruff format --check .
	$(STEP) "Lint (ruff)" ruff check .
	$(STEP) "Types (mypy)" mypy
	$(STEP) "Front-end types and lint" npm --prefix $(UI) run check

soak: $(VENV)/.dev $(UI_BUILT) browser ## Run the tests that take minutes
	@WHISPERER_CHROMIUM="$$(tools/browser.sh)" $(PYTEST) -m soak $(ARGS)

build: $(VENV)/.dev $(UI_BUILT) ## Make the sdist and the wheel in dist/
	@rm -rf dist
	$(STEP) "sdist and wheel" python -m build
	@ls -l dist

docs: $(VENV)/.dev ## Make the documentation in build/docs
	$(STEP) "Documentation" sphinx-build -W --keep-going -q -b html docs build/docs
	@echo "open build/docs/index.html"

lock: ## Write constraints/python.txt anew, from the newest versions
	$(STEP) "Resolve the newest versions" tools/lock.sh

clean: ## Delete builds, caches and the environment
	rm -rf $(VENV) $(UI)/node_modules $(UI)/build .logs dist
	rm -rf whisperer_kernel/notebook/static jupyter_ext/labextension
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find whisperer_kernel jupyter_ext tests -name __pycache__ -prune -exec rm -rf {} +

# pip is the last thing that venv puts in, so its presence says that the environment is whole.
$(VENV)/bin/pip:
	@tools/python.sh >/dev/null
	@rm -rf $(VENV)
	$(STEP) "Python environment in $(VENV)" "$$(tools/python.sh)" -m venv $(VENV)

$(VENV)/.lab: $(PACKAGING) | $(VENV)/bin/pip
	$(STEP) "Whisperer and JupyterLab" $(PIP_INSTALL) --editable '.[lab]'
	@touch $@

$(VENV)/.dev: $(PACKAGING) | $(VENV)/bin/pip
	$(STEP) "Whisperer and its tools" $(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.lab

$(UI)/node_modules/.installed: $(UI)/package-lock.json | $(VENV)/bin/pip
	$(STEP) "Node" tools/node.sh
	$(STEP) "Front-end packages" npm --prefix $(UI) ci --no-audit --no-fund
	@touch $@

$(UI_BUILT): $(UI)/node_modules/.installed $(UI_SOURCES)
	$(STEP) "Front end" npm --prefix $(UI) run build
	@$(VENV)/bin/python tools/link_labextension.py
	@touch $@

browser: $(VENV)/.dev
	$(STEP) "Browser" tools/browser.sh --install
