PYTHON := .venv/bin/python
OTHER :=

.PHONY: compiled bench

compiled:  # a copy of the packages with compiled inner loops: PYTHONPATH=build/compiled zabtest ...
	rm -rf build/compiled
	ZABTEST_COMPILE=1 $(PYTHON) setup.py -q build --build-lib build/compiled
	PYTHONPATH=build/compiled $(PYTHON) -P -m checker.compiled

bench: compiled  # every row, ours and OTHER='command of another checker' in turns; r1M takes long
	$(PYTHON) -m benchmarks.checker $(if $(OTHER),--against '$(OTHER)') --cache build/histories
	$(PYTHON) -m benchmarks.startup
