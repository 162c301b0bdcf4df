# Style Tuner: `make app` is all a newcomer needs; CONTRIBUTING.md explains the rest.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
# One thread each: two processes with two threads each slow one another down many times over.
PYTEST := OMP_NUM_THREADS=1 $(RUN) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: app setup check format test test-all demo vllm gguf browser clean

app: setup ## start the page on http://127.0.0.1:7860
	@$(RUN) app.py

setup: $(INSTALLED) ## make .venv and install requirements.txt into it, if it is not there yet

$(INSTALLED): requirements.txt scripts/install_progress.awk
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Style Tuner needs Python 3.11 or later; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "First start: installing into $(VENV) (a few minutes, about 3 GB; 10 GB with CUDA)."
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment: install python3-venv."; exit 1; }
	@$(RUN) -m pip install --disable-pip-version-check -r requirements.txt 2>&1 \
	  | tee $(VENV)/install.log | awk -f scripts/install_progress.awk \
	  || { tail -n 20 $(VENV)/install.log; echo "The installation failed; the whole output is in $(VENV)/install.log."; exit 1; }
	@touch $@

check: setup ## lint and types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

format: setup ## let ruff order imports and lay out the code
	@$(VENV)/bin/ruff check --fix --quiet .
	@$(VENV)/bin/ruff format --quiet .

test: setup browser vllm gguf ## everything that must hold, file by file on two cores
	@$(PYTEST) -m "not slow"

test-all: setup browser vllm gguf ## the slow tests too
	@$(PYTEST)

demo: setup ## the whole pipeline on the sample author, without the page
	@$(RUN) -m style_tuner demo

vllm: setup ## make .venv-vllm: the GPU wheel where there is a GPU, else the CPU build
	@$(RUN) scripts/make_vllm_environment.py

gguf: setup ## fetch llama.cpp's converter, to export voices as GGUF files
	@$(RUN) scripts/get_gguf_converter.py

browser: setup ## find or install the browser that the tests drive
	@$(RUN) tests/browser.py

clean: ## remove what `make` made here; the author's workspace is elsewhere and stays
	@rm -rf $(VENV) .venv-vllm .llama.cpp .pytest_cache .mypy_cache .ruff_cache
