# Everything a user needs; each target does its own set-up.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Hundreds of tests start the program: compiled once, even where the machine is told to keep nothing compiled.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-slow studies lint rooms bench-model bench-looks styles bench-records endurance ablation faults field setup clean
.DEFAULT_GOAL := demo

demo: $(READY)              ## cloth moving with defects outlined
	@scripts/demo.sh $(BIN)/station

test: $(READY) lint         ## lint and the fast tests, on two cores
	$(BIN)/pytest -n 2 --dist worksteal

test-slow: $(READY)         ## the tests that take minutes, on two cores; each file in one piece
	$(BIN)/pytest -n 2 --dist loadfile -m 'slow and not study' --timeout 1800 -o faulthandler_timeout=1830

studies: $(READY)           ## the tests that take longer than CI has
	$(BIN)/pytest -m study --timeout 4800 -o faulthandler_timeout=4830

lint: $(READY)              ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

rooms: $(READY)             ## the modules of every room, with their lines
	@$(BIN)/python scripts/rooms.py

bench-model: $(READY)       ## MFRNet beside the baselines on real fabric -> docs/results/model.md
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.bench_model

bench-looks: $(READY)       ## what each look of MFRNet is worth on real fabric -> docs/results/looks.md
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.looks

styles: $(READY)            ## every fabric of the simulator taught and inspected (hours; goes on where it was) -> docs/results/styles.md
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.styles

ablation: $(READY)          ## what each idea of MFRNet is worth -> docs/results/ablation.md
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.ablation

faults: $(READY)            ## every fault, seen and recovered when -> docs/results/faults.md
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.faults

field: $(READY)             ## every situation met in the field, before and now -> docs/results/field.md
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.field

bench-records: $(READY)     ## how fast years of rolls answer -> docs/results/records.md
	$(BIN)/python -m benchmarks.records

endurance: $(READY)         ## a station is killed 200 times and loses nothing -> docs/results/endurance.md
	$(BIN)/python -m benchmarks.endurance

setup: $(READY)

$(READY): pyproject.toml scripts/system_libraries.sh scripts/find_python.sh
	@python="$$(scripts/find_python.sh)" && scripts/system_libraries.sh "$$python" && \
	{ [ -x $(BIN)/python ] || "$$python" -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
