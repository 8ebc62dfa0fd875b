# The front door. `make help` lists the targets.
#
#   make pipeline                                     the synthetic demo, from audio to an answer
#   make pipeline CONFIG=configs/mine.yaml            an archive of your own
#   make pipeline CONFIG=configs/survey.yaml ARCHIVE=/data/ponds RUN=runs/ponds SET="train.epochs=40 split.group=site"
#   make featurize CONFIG=configs/mine.yaml           a single stage
#   make query SQL="SELECT * FROM metrics LIMIT 5"

CONFIG ?= configs/demo.yaml
ARCHIVE ?=
RUN ?=
SET ?=
# The question after `make pipeline`. A run that applies a model (model.path) has no table thresholds.
SQL_LABELLED := SELECT a.class, SUM(a.windows_detected) AS windows_detected, ROUND(SUM(a.windows_detected) * 1.0 / SUM(a.windows), 3) AS share_of_windows, ROUND(MAX(t.validation_f1), 2) AS f1_in_validation FROM activity a JOIN thresholds t ON a.class = t.class AND t.site IS NULL GROUP BY a.class ORDER BY f1_in_validation DESC NULLS LAST LIMIT 10
SQL_APPLIED := SELECT class, COUNT(DISTINCT site) AS sites, SUM(windows_detected) AS windows_detected, ROUND(SUM(windows_detected) * 1.0 / SUM(windows), 3) AS share_of_windows FROM activity GROUP BY class ORDER BY windows_detected DESC LIMIT 10
APPLIES = $(findstring model.path=,$(SET))$(shell grep -s '^model:' $(CONFIG))
SQL ?= $(if $(APPLIES),$(SQL_APPLIED),$(SQL_LABELLED))
# cpu (1.2 GB), cuda (4.7 GB), or auto: cuda where an NVIDIA driver is found.
TORCH ?= auto

TARGET := $(or $(CARGO_TARGET_DIR),target)
CHORUS := $(TARGET)/release/chorus
STAGES := ingest segment annotate split featurize train predict evaluate detect report
OPTIONS = -c $(CONFIG) $(if $(ARCHIVE),--set archive.path=$(ARCHIVE)) $(if $(RUN),--set run.path=$(RUN)) $(foreach pair,$(SET),--set $(pair))
# The folder of libtorch, found (and got from PyPI) when it is first needed.
LIBTORCH_FOLDER = $(eval LIBTORCH_FOLDER := $(shell pipeline/libtorch.sh $(TORCH)))$(or $(LIBTORCH_FOLDER),$(error libtorch is missing, see above))
CARGO = LIBTORCH="$(LIBTORCH_FOLDER)" cargo

.PHONY: help setup build pipeline demo test test-older lint bench query status clean $(STAGES)
.DEFAULT_GOAL := help

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'
	@echo "  make STAGE      A single stage: $(STAGES)"
	@echo "Variables: CONFIG= ARCHIVE= RUN= SET=\"key=value …\" SQL= TORCH=auto|cpu|cuda"

setup: ## Get libtorch from PyPI into the user's cache (or use LIBTORCH)
	@command -v cargo > /dev/null || { echo "cargo is needed: install Rust from https://rustup.rs" >&2; exit 2; }
	@command -v c++ > /dev/null || { echo "a C++ compiler is needed; on Debian: apt-get install g++" >&2; exit 2; }
	@echo "libtorch: $(LIBTORCH_FOLDER)"

build: setup ## Build chorus and its worker chorus-torch
	@$(CARGO) build --release --workspace

pipeline: build $(if $(ARCHIVE),,$(if $(filter configs/demo.yaml,$(CONFIG)),demo)) ## Make every stage fresh, then answer SQL
	@$(CHORUS) run $(OPTIONS) --query "$(SQL)"

demo: demo/README.txt ## Write the synthetic survey into demo/

# Its last file.
demo/README.txt: | build
	@$(CHORUS) demo demo

$(STAGES): build ## A single stage
	@$(CHORUS) run $@ $(OPTIONS)

status: build ## What is fresh, what is not, and why
	@$(CHORUS) status $(OPTIONS)

query: build ## Ask a run: SQL="SELECT …"
	@$(CHORUS) query $(if $(RUN),--run $(RUN),-c $(CONFIG)) "$(SQL)"

test: build ## Run all tests
	@$(CARGO) test --release --workspace

# Tests whose numbers come from floating-point kernels. ATEN and oneDNN are libtorch's, CHORUS_INSTRUCTIONS is ours
# (stages/audio/src/dsp/instructions.rs), and GLIBC_TUNABLES keeps the C library's exp and log from fused multiply-add.
NUMERIC_TESTS := --lib --test golden --test parity --test training --test calibration_golden --test metrics_golden --test logmel_golden --test windows

test-older: build ## Run the tests of numbers as older processors compute them: AVX2, and SSE4.1 with baseline kernels
	@ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 CHORUS_INSTRUCTIONS=avx2 \
		$(CARGO) test --release --workspace $(NUMERIC_TESTS)
	@ONEDNN_MAX_CPU_ISA=SSE41 ATEN_CPU_CAPABILITY=default CHORUS_INSTRUCTIONS=baseline GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA \
		$(CARGO) test --release --workspace $(NUMERIC_TESTS)

lint: setup ## Formatting and lints
	@cargo fmt --all -- --check
	@$(CARGO) clippy --release --workspace --all-targets -- --deny warnings

bench: build ## Compare speed and memory with peers in one run (about half an hour)
	@tests/python.sh tests/bench/featurize.py $(CHORUS)
	@tests/python.sh tests/bench/learn.py $(CHORUS)
	@tests/python.sh tests/bench/memory.py $(CHORUS)
	@tests/python.sh tests/bench/query.py $(CHORUS)

clean: ## Remove what was built; runs/ and demo/ stay
	@cargo clean
