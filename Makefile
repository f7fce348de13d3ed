# Every target works from a fresh clone: it makes .venv, installs into it and runs.
PYTHON ?= python3
TORCH := torch==2.13.0 # the one pin: a bare "torch" would pull the newest build with gigabytes of CUDA libraries
BIN := .venv/bin
LIBRARY := .venv/.library
INSTALLED := .venv/.installed
LOWEST := .venv-lowest
LOWEST_KERNELS := aggregated_posterior boosted_trees dispatch gaussian_kl image_batch joint_histogram \
	marginal_density packed_images permute_dims strided_convolution total_correlation

.PHONY: help demo test test-lowest bench bench-gpu lint types docs build smoke clean

help: ## print the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | awk -F'\t' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: $(LIBRARY) ## train and score a small model in minutes
	$(BIN)/fastdis demo

test: $(INSTALLED) ## run all tests, in two processes
	OMP_WAIT_POLICY=passive $(BIN)/pytest -n 2 --dist worksteal

test-lowest: $(LOWEST)/.installed ## run the tests of kernels, metrics and command line with the lowest versions
	OMP_WAIT_POLICY=passive $(LOWEST)/bin/pytest -n 2 --dist worksteal tests/metrics \
		$(addprefix tests/cli/test_, $(addsuffix .py, main refusals scores train)) \
		$(addprefix tests/kernels/test_, $(addsuffix .py, $(LOWEST_KERNELS))) \
		-m "not slow" -k "not interpreter and not processes and not cover"

bench: test ## run all tests, then measure on the CPU: no speed is reported while a test is red
	mkdir -p build
	$(BIN)/pytest benchmarks --benchmark-only --benchmark-json=build/benchmarks.json
	$(BIN)/python benchmarks/render.py build/benchmarks.json cpu

bench-gpu: ## check the numbers and measure on this machine's GPU, with its own torch and triton
	$(PYTHON) benchmarks/gpu --out benchmarks/results/gpu.json

lint: $(INSTALLED) types ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED) ## check types, over the package as it is installed
	rm -rf build/package && $(BIN)/pip install --quiet --no-deps --target build/package .
	cd build/package && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p fastdis

docs: $(INSTALLED) ## build the documentation in build/docs
	rm -rf build/package && $(BIN)/pip install --quiet --no-deps --target build/package .
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir build/docs # --quiet would let warnings pass
	@echo "Open build/docs/index.html"

build: $(INSTALLED) ## make the wheel and the source archive in dist/
	$(BIN)/pip install --quiet build
	rm -rf dist && $(BIN)/python -m build

smoke: build ## install wheel and source archive into empty environments, and try each there
	for archive in dist/*.whl dist/*.tar.gz; do \
		rm -rf build/smoke && $(PYTHON) -m venv build/smoke \
		&& build/smoke/bin/pip install --quiet $(TORCH) && build/smoke/bin/pip install --quiet $$archive \
		&& build/smoke/bin/python -I tests/smoke.py || exit 1; \
	done
	build/smoke/bin/fastdis demo --quick --out build/smoke/demo

$(LIBRARY): pyproject.toml Makefile # all that the demo needs
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable .
	touch $@

$(INSTALLED): $(LIBRARY)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

$(LOWEST)/.installed: pyproject.toml tests/lowest.txt Makefile
	rm -rf $(LOWEST) && $(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/pip install --quiet $(TORCH)
	$(LOWEST)/bin/pip install --quiet --editable '.[torchmetrics,lightgbm]' pytest pytest-xdist hypothesis --constraint tests/lowest.txt
	touch $@

clean: ## remove environments, builds and runs
	rm -rf .venv $(LOWEST) build dist runs
