# make lab    set everything up and open the course in JupyterLab
# make test   set everything up and run the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
EXTRAS := speech,lab,dev
# JupyterLab refuses to start as root (in a container, say) unless it is told to.
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

# Two test processes with one thread each are faster on two cores than one process with two threads.
TEST := OMP_NUM_THREADS=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest

.PHONY: setup lab test test-long benchmark lint notebooks clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed. Name one, for example: make setup PYTHON=python3.12" >&2; exit 2; }
	@# A Python without ensurepip leaves half an environment behind; pip tells a whole one.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(EXTRAS)]"
	@# JupyterLab without a question about news, and without the teachers' menus of nbgrader.
	@for extension in "@jupyterlab/apputils-extension:announcements" "@jupyter/nbgrader"; do \
		$(BIN)/jupyter labextension disable --log-level=ERROR --level=sys_prefix "$$extension" || exit 1; \
	done
	touch $@

# A login shell, JupyterLab's choice where its output is no terminal, may set PATH anew and so lose
# the course's commands; hence the plain shell.
lab: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter lab $(ROOT) --ServerApp.root_dir="$(CURDIR)" \
		--ServerApp.terminado_settings="shell_command=$${SHELL:-/bin/sh}" \
		--LabApp.default_url=/lab/tree/notebooks/00_welcome.ipynb $(ARGS)

test: setup lint
	$(TEST) -n 2 --dist loadscope -m "not slow" --nbval tests notebooks $(ARGS)

test-long: setup
	$(TEST) -m slow tests $(ARGS)

benchmark: setup
	for script in tests/benchmarks/bench_*.py; do echo "$$script"; $(BIN)/python $$script || exit 1; done

# Build every notebook from its source and run it, in order, on a fresh kernel.
notebooks: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/talking-heads course execute

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
