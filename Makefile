PYTHON := .venv/bin/python
OTHER :=
PROOFS :=

# What is compiled is kept, whatever the environment says: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check prove docs node system compiled bench clean

# `make run` and `make test` need a machine with Python 3.11 or newer, and nothing else.
run: .venv/ready  # break an ensemble for half a minute, judge it, and say where the report is
	.venv/bin/zabtest run --nodes 5 --nemesis partition,kill --time 30 --store build/store

test: .venv/ready check  # the whole suite, as CI runs it
	$(PYTHON) -m pytest -m "not prove" -n auto --dist loadfile --no-loadscope-reorder

check: .venv/ready  # style and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

prove: .venv/ready  # the full counts of every long proof, with a table of results in the docs; some by PROOFS=…
	$(PYTHON) -m tests.prove $(PROOFS)

docs: .venv/ready  # reference pages that are made from the code
	$(PYTHON) -m docs.reference

node: .venv/ready  # the node as one file that runs on a bare Python: build/zab-node.pyz
	@mkdir -p build
	@$(PYTHON) -c "from pathlib import Path; from harness.pack import pack; \
		print(pack(Path('build/zab-node.pyz')))"

system:  # the system packages that the tests use (Debian; as root)
	apt-get update
	apt-get install -y --no-install-recommends $$(grep -v '^#' docs/system-packages.txt)

.venv/ready: pyproject.toml setup.py
	python3 -m venv .venv
	$(PYTHON) -m pip install -q --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build

compiled:  # a copy of the packages with compiled inner loops: PYTHONPATH=build/compiled zabtest ...
	rm -rf build/compiled
	ZABTEST_COMPILE=1 $(PYTHON) setup.py -q build --build-lib build/compiled
	PYTHONPATH=build/compiled $(PYTHON) -P -m checker.compiled

bench: compiled  # every row, ours and OTHER='command of another checker' in turns; r1M takes long
	$(PYTHON) -m benchmarks.checker $(if $(OTHER),--against '$(OTHER)') --cache build/histories
	$(PYTHON) -m benchmarks.startup
