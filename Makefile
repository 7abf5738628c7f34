# make demo      the default workflow on Babel, no network: environment, data, encoder, runs, then the table on the screen
# make test      every check: lint, types, generated files in step, tests
# make lint      the first half of `make test`
# make coverage  how often the intervals of tables hold the truth, by size: docs/tables.md (minutes)
# make rules     the workflow as a module, without a network, under the profile for Kubernetes: whole, each (minutes)
# make slurm     what needs a Slurm, on one that is started for it (as root; Debian's slurm-wlm and munge; minutes)
# make faults    kills, full disks, flipped bits, two at once, and what became of each: docs/integrity.md (half an hour); fuzz, whole
# make real ENCODER=FOLDER   what only a pretrained encoder can show, on a folder of one, as multilingual-e5-small (minutes)
# make clean     what the checks leave behind (results, resources and the environment stay)
#
# Other interpreter: `make demo PYTHON=python3.12`. Fewer cores: `make demo CORES=1`.

PYTHON ?= python3
CORES ?= all
WORKERS ?= 2
VENV := .venv
STAMP := $(VENV)/.installed

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: demo test lint coverage rules slurm faults real clean
.DELETE_ON_ERROR:

demo: $(STAMP)
	snakemake --cores $(CORES)
	@for table in results/tables/*.md; do echo; cat "$$table"; done

test: lint
	pytest -n $(WORKERS) --dist loadgroup

lint: $(STAMP)
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile rules
	snakemake --lint
	python -m pipeline.config.documentation --check

coverage: $(STAMP)
	pytest -m long tests/results/statistics

rules: $(STAMP)
	pytest -m long -n $(WORKERS) --dist loadgroup tests/rules

faults: $(STAMP)
	pytest -n $(WORKERS) --dist loadgroup -m long tests/faults
	python -m tests.faults --json benchmarks/records/faults.json

# One environment for everything; made again when what it is made of changes.
$(STAMP): pyproject.toml envs/constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	python -m pip install --quiet -c envs/constraints.txt -e ".[test,slurm,cluster]"
	@touch $@

slurm: $(STAMP)
	tests/rules/slurm-node.sh up
	pytest tests/rules/test_slurm.py; status=$$?; tests/rules/slurm-node.sh down; exit $$status

real: $(STAMP)
	pytest -m real --real-encoder $(ENCODER) tests/training/test_real.py

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find pipeline tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
