# `make demo` and `make test` set everything up on a machine with Python 3.11 and pip.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
# More arguments for pip, such as --extra-index-url https://download.pytorch.org/whl/cpu
PIP_ARGS ?=
# More arguments for pytest, such as -k opt
PYTEST_ARGS ?=
# Processes that share the tests; each takes up to 2 GB. 0: none beside pytest itself.
TEST_JOBS ?= 2
BENCH_ARGS ?=
FUZZ_SECONDS ?= 60
FUZZ_TALLY ?= build/fuzz/tally.jsonl

# torch, scikit-learn and BLAS each bring a thread pool; two busy pools on the same cores cost
# 10x and more. The code that gains from threads asks for them itself.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
# pyright's launcher looks for a newer release on the network otherwise.
export PYRIGHT_PYTHON_IGNORE_WARNINGS ?= 1

# A file's tests stay together, as they share what they make; those end to end, the longest, begin.
SHARED = -n $(TEST_JOBS) --dist loadfile --no-loadscope-reorder

PACKAGES := dialects frontend lowering backend tools tests docs examples notebooks

.DEFAULT_GOAL := help
.PHONY: help demo test bench-networks bench-ops bench-tasks bench-compression bench-palettize bench-engine bench-widths bench-real bench-budgets bench-memory bench-chip bench-install train-tasks compare-revisions fuzz check-pages docs readme lint format clean distclean

help:
	@echo "make demo    train, convert and run the digits network on the simulated chip (build/demo)"
	@echo "make test    ruff, pyright, lit and pytest"
	@echo "make bench-networks  bring 46 full-size networks to the chip (build/bench/networks.json)"
	@echo "make bench-ops       import PyTorch's operator database (build/bench/ops.json, docs/operators.md)"
	@echo "make bench-tasks     score four perception tasks at every level (build/bench/tasks.json)"
	@echo "make bench-compression  score the tasks at 16x, 29x and 40x (build/bench/compression.json); TUNE=1"
	@echo "                     tunes them anew, up to 20 minutes each"
	@echo "make bench-palettize   cluster the tasks' weights beside coremltools (build/bench/palettize.json)"
	@echo "make bench-engine    time the arithmetic beside torch float32 (build/bench/engine.json)"
	@echo "make bench-widths    time layers of wide codes beside those of 8 bits (build/bench/widths.json)"
	@echo "make bench-real      score networks with published weights beside int8 (build/bench/real.json)"
	@echo "make bench-budgets   ResNet-50 in 3.5 MB and a stereo detector in 8.2 MB (build/bench/budgets.json)"
	@echo "make bench-memory    hold the conversion of 16 frames of 1080x1920 to 4 GB"
	@echo "make bench-chip      say what networks cost on the described chips (build/bench/chip.json)"
	@echo "make bench-install   say what installing takes, into empty environments"
	@echo "make train-tasks     train the four tasks' networks anew, in place of those in the package: hours"
	@echo "make compare-revisions BASE=COMMIT  hold IR and programs to those of another commit"
	@echo "make fuzz    random layers, networks and schedules, damaged programs and IR, for FUZZ_SECONDS"
	@echo "make readme  measure the numbers of README.md and write them there"
	@echo "make check-pages  open reports in headless Chromium (Debian: apt install chromium)"
	@echo "make docs    build the documentation (build/site/index.html); its links are checked"
	@echo "make lint    ruff and pyright alone"
	@echo "make format  let ruff rewrite the sources"
	@echo "make clean   remove build outputs and caches; make distclean: the environment too"
	@echo
	@echo "The environment is made in $(VENV) with the versions of constraints.txt."
	@echo "On Linux, PIP_ARGS='--extra-index-url https://download.pytorch.org/whl/cpu'"
	@echo "saves a download of gigabytes of GPU libraries."

demo: $(VENV)/.installed
	$(BIN)/python -m recog.tools.demo --out build/demo

readme: demo
	$(BIN)/python docs/readme_numbers.py build/demo/report.json

# All checks run even if one fails; pytest comes last.
test: $(VENV)/.installed-test
	@status=0; \
	$(MAKE) --no-print-directory lint || status=1; \
	test $$status = 0 || echo "make test: lint FAILED, see above; the tests follow"; \
	echo "$(BIN)/python -m pytest $(SHARED) $(PYTEST_ARGS)"; \
	$(BIN)/python -m pytest $(SHARED) $(PYTEST_ARGS) || status=1; \
	exit $$status

# BENCH_ARGS='--only resnet50 unet' selects networks, --no-chip stops after batch norm folding.
bench-networks: $(VENV)/.installed-networks
	$(BIN)/python tests/benchmarks/bench_networks.py $(BENCH_ARGS)

# BENCH_ARGS='--only nn.functional' selects operators, and leaves the documentation as it is.
bench-ops: $(VENV)/.installed-test
	$(BIN)/python tests/benchmarks/bench_ops.py $(or $(BENCH_ARGS),--docs docs/operators.md)

# BENCH_ARGS='--only stereo3d --frames 60' selects tasks and held-out frames.
bench-tasks: $(VENV)/.installed-test
	$(BIN)/python tests/benchmarks/bench_tasks.py $(BENCH_ARGS)

# BENCH_ARGS='--only detection2d --ratios 29 --seeds 0 --frames 320' selects tasks, ratios, seeds and
# held-out frames. TUNE=1 tunes the networks here and goes on where it was interrupted; with SHIP=1
# they then take the place of those that come with the package.
bench-compression: $(VENV)/.installed-test
	$(BIN)/python tests/benchmarks/bench_compression.py $(if $(TUNE),--tune) $(if $(SHIP),--ship) $(BENCH_ARGS)

# TASKS=detection2d trains one. Their tuned programs then come of bench-compression TUNE=1 SHIP=1.
TASKS := classification segmentation detection2d stereo3d
train-tasks: $(VENV)/.installed
	@set -e; for task in $(TASKS); do \
	    echo "recog train $$task"; \
	    resume=; test ! -d build/train/$$task.partial || resume=--resume; \
	    $(BIN)/recog train $$task --out build/train/$$task $$resume; \
	    cp build/train/$$task/$$task.safetensors frontend/tasks/checkpoints/; \
	done

# BENCH_ARGS='--only classification --frames 360' is quicker.
bench-palettize: $(VENV)/.installed-test $(VENV)/.installed-peers
	$(BIN)/python tests/benchmarks/bench_palettize.py $(BENCH_ARGS)

# BENCH_ARGS='--only resnet18 --threads 2 --quick' selects networks and threads; --quick leaves out
# single layers, --peers names the other engines to run beside.
bench-engine: $(VENV)/.installed-networks $(VENV)/.installed-peers
	$(BIN)/python tests/benchmarks/bench_engine.py $(BENCH_ARGS)

# BENCH_ARGS='--path avx2 --turns 50' selects kernels and turns.
bench-widths: $(VENV)/.installed
	$(BIN)/python tests/benchmarks/bench_widths.py $(BENCH_ARGS)

# BENCH_ARGS='--only ppocr_v4_det --methods recog int8_per_channel --frames 16' is quicker.
bench-real: $(VENV)/.installed-real $(VENV)/.installed-peers
	$(BIN)/python tests/benchmarks/bench_real.py $(BENCH_ARGS)

# BENCH_ARGS='--only resnet50 --budget 5MB' selects networks and bytes.
bench-budgets: $(VENV)/.installed-networks
	$(BIN)/python tests/benchmarks/bench_budgets.py $(BENCH_ARGS)

# BENCH_ARGS='--dense --size 540x960' is quicker.
bench-memory: $(VENV)/.installed-test
	$(BIN)/python tests/benchmarks/bench_memory.py $(BENCH_ARGS)

# BENCH_ARGS='--only resnet50 segmentation --targets recog-1 mine.toml' selects networks and chips.
bench-chip: $(VENV)/.installed-test $(VENV)/.installed-networks $(VENV)/.installed-peers
	$(BIN)/python tests/benchmarks/bench_chip.py $(BENCH_ARGS)

# BENCH_ARGS="--extras '' torch" selects sets of extras.
bench-install: $(VENV)/.installed
	$(BIN)/python tests/benchmarks/bench_install.py --pip-args="$(PIP_ARGS)" $(BENCH_ARGS)

# BENCH_ARGS='--only digits' selects conversions; several minutes each for the large ones.
compare-revisions: $(VENV)/.installed-test $(VENV)/.installed-networks
	$(BIN)/python tests/benchmarks/compare_revisions.py $(BASE) $(BENCH_ARGS)

# FUZZ_SECONDS=3600 goes on for an hour, shared by the five. FUZZ_TALLY sums up all runs.
fuzz: $(VENV)/.installed-test
	@set -e; options="--seconds $$(($(FUZZ_SECONDS) / 5)) --tally $(FUZZ_TALLY)"; \
	for each in engine programs ir graphs schedules; do \
	    echo "$(BIN)/python tests/fuzz/fuzz_$$each.py $$options"; \
	    $(BIN)/python tests/fuzz/fuzz_$$each.py $$options; \
	done; \
	echo "all runs so far ($(FUZZ_TALLY)):"; \
	$(BIN)/python tests/fuzz/tally.py $(FUZZ_TALLY)

# PAGES='build/digits/report.html' are opened too; CHROMIUM names the browser.
check-pages: $(VENV)/.installed-pages
	$(BIN)/python -m pytest -q -s tests/pages/check_pages.py $(PYTEST_ARGS)

# Warnings, dead links among them, are errors.
docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -b html -d build/doctrees -W --keep-going -q docs build/site
	@echo "build/site/index.html"

lint: $(VENV)/.installed-test
	$(BIN)/ruff check $(PACKAGES)
	$(BIN)/ruff format --check $(PACKAGES)
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix $(PACKAGES)
	$(BIN)/ruff format $(PACKAGES)

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "no Python found: set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is older than Python 3.11: set PYTHON=/path/to/python3.11"; exit 1; }
# An environment of the user's own is kept, half of one is not.
# Debian keeps what venv installs pip with in a package of its own.
	$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || \
	    { $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	      $(PYTHON) -m pip --python $(BIN)/python install -c constraints.txt pip; }
	touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[tasks]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[test]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-pages: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[pages]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[docs]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-networks: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[networks]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-real: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[real]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-peers: $(VENV)/.created pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[peers]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf build .pytest_cache .ruff_cache .hypothesis
	find $(PACKAGES) -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) *.egg-info
