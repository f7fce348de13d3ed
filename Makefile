# Every target works from a fresh clone: it makes .venv, installs into it and runs.
PYTHON ?= python3
TORCH := torch==2.13.0 # the one pin: a bare "torch" would pull the newest build with gigabytes of CUDA libraries
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test bench bench-gpu lint clean

demo: $(INSTALLED)
	$(BIN)/fastdis demo

test: $(INSTALLED)
	$(BIN)/pytest

bench: test # no speed is reported while a test is red
	mkdir -p build
	$(BIN)/pytest benchmarks --benchmark-only --benchmark-json=build/benchmarks.json
	$(BIN)/python benchmarks/render.py build/benchmarks.json cpu

bench-gpu: # with the torch and triton of the machine that has the GPU; checks the numbers first
	$(PYTHON) benchmarks/gpu --out benchmarks/results/gpu.json

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/lint && $(BIN)/pip install --quiet --no-deps --target build/lint .
	cd build/lint && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p fastdis

$(INSTALLED): pyproject.toml Makefile
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv build runs
