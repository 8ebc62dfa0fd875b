# `make help` lists the targets.
#
#   make pipeline                                     the synthetic demo, from audio to an answer
#   make pipeline CONFIG=configs/mine.yaml            your own archive
#   make pipeline CONFIG=configs/survey.yaml ARCHIVE=/data/ponds RUN=runs/ponds SET="train.epochs=40 split.group=site"
#   make featurize CONFIG=configs/mine.yaml           one stage
#   make query SQL="SELECT * FROM metrics LIMIT 5"

CONFIG ?= configs/demo.yaml
ARCHIVE ?=
RUN ?=
SET ?=
# The query that `make pipeline` runs at the end. A run that applies a model (model.path) has no table thresholds.
SQL_LABELLED := SELECT a.class, SUM(a.windows_detected) AS windows_detected, ROUND(SUM(a.windows_detected) * 1.0 / SUM(a.windows), 3) AS share_of_windows, ROUND(MAX(t.validation_f1), 2) AS f1_in_validation FROM activity a JOIN thresholds t ON a.class = t.class AND t.site IS NULL GROUP BY a.class ORDER BY f1_in_validation DESC NULLS LAST LIMIT 10
SQL_APPLIED := SELECT class, COUNT(DISTINCT site) AS sites, SUM(windows_detected) AS windows_detected, ROUND(SUM(windows_detected) * 1.0 / SUM(windows), 3) AS share_of_windows FROM activity GROUP BY class ORDER BY windows_detected DESC LIMIT 10
APPLIES = $(findstring model.path=,$(SET))$(shell grep -s '^model:' $(CONFIG))
SQL ?= $(if $(APPLIES),$(SQL_APPLIED),$(SQL_LABELLED))
# Which libtorch to get: cpu (1.2 GB), cuda (4.7 GB), or auto: cuda if an NVIDIA driver is found.
TORCH ?= auto

TARGET := $(or $(CARGO_TARGET_DIR),target)
CHORUS := $(TARGET)/release/chorus
# Where the site is built: pages lie there as they do in the repository, so that their links hold.
SITE := $(TARGET)/site
STAGES := ingest segment annotate split featurize soundscape speech embed pseudo_label pretrain distill train predict evaluate unknown detect report
OPTIONS = -c $(CONFIG) $(if $(ARCHIVE),--set archive.path=$(ARCHIVE)) $(if $(RUN),--set run.path=$(RUN)) $(foreach pair,$(SET),--set $(pair))
# The folder of libtorch. It is found, or downloaded from PyPI, when it is first needed.
LIBTORCH_FOLDER = $(eval LIBTORCH_FOLDER := $(shell pipeline/libtorch.sh $(TORCH)))$(or $(LIBTORCH_FOLDER),$(error found no libtorch; see the message above))
CARGO = LIBTORCH="$(LIBTORCH_FOLDER)" cargo

.PHONY: help setup build pipeline demo wheel test test-older lint bench bench-quick docs query status clean $(STAGES)
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'
	@echo "  make STAGE       Run one stage: $(STAGES)"
	@echo "Variables: CONFIG= ARCHIVE= RUN= SET=\"key=value …\" SQL= TORCH=auto|cpu|cuda"

setup: ## Download libtorch and ONNX Runtime from PyPI to the user's cache, unless LIBTORCH and CHORUS_ONNXRUNTIME name them
	@command -v cargo > /dev/null || { echo "found no cargo; install Rust from https://rustup.rs" >&2; exit 2; }
	@command -v c++ > /dev/null || { echo "found no C++ compiler (c++); on Debian: apt-get install g++" >&2; exit 2; }
	@echo "libtorch: $(LIBTORCH_FOLDER)"
	@echo "ONNX Runtime: $$(pipeline/onnxruntime.sh $(TORCH))"

build: setup ## Build chorus and its workers, chorus-torch and chorus-onnx
	@$(CARGO) build --release --workspace

pipeline: build $(if $(ARCHIVE),,$(if $(filter configs/demo.yaml,$(CONFIG)),demo)) ## Run all stages, then the query SQL
	@$(CHORUS) run $(OPTIONS) --query "$(SQL)"

demo: demo/README.txt ## Write the synthetic survey to demo/

# The last file that `chorus demo` writes.
demo/README.txt: | build
	@$(CHORUS) demo demo

wheel: build ## Make wheels of chorus and its workers for pip: target/wheels/*.whl
	@tests/python.sh packaging/wheels.py $(TARGET)/release $(TARGET)/wheels

$(STAGES): build ## Run one stage
	@$(CHORUS) run $@ $(OPTIONS)

status: build ## Show which stages are fresh (up to date), and why others are not
	@$(CHORUS) status $(OPTIONS)

query: build ## Query a run: SQL="SELECT …"
	@$(CHORUS) query $(if $(RUN),--run $(RUN),-c $(CONFIG)) "$(SQL)"

test: build ## Run all tests
	@$(CARGO) test --release --workspace

# Tests whose results depend on floating-point kernels. ATEN_* and ONEDNN_* limit the instructions of libtorch,
# CHORUS_INSTRUCTIONS those of Chorus (stages/audio/src/dsp/instructions.rs), and GLIBC_TUNABLES those of exp and log.
NUMERIC_TESTS := --lib --test golden --test parity --test training --test calibration_golden --test metrics_golden --test logmel_golden --test windows

test-older: build ## Run the numeric tests with the instructions of older processors: AVX2, then SSE4.1
	@ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 CHORUS_INSTRUCTIONS=avx2 \
		$(CARGO) test --release --workspace $(NUMERIC_TESTS)
	@ONEDNN_MAX_CPU_ISA=SSE41 ATEN_CPU_CAPABILITY=default CHORUS_INSTRUCTIONS=baseline GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA \
		$(CARGO) test --release --workspace $(NUMERIC_TESTS)

lint: setup ## Check formatting and lints
	@cargo fmt --all -- --check
	@$(CARGO) clippy --release --workspace --all-targets -- --deny warnings

bench: build ## Compare speed and memory with other programs (about half an hour), and with the last run; BENCH="query search" for some
	@tests/python.sh tests/bench/main.py $(CHORUS) $(BENCH)

bench-quick: build ## Count the instructions of hot paths, and fail on a loss of 1 % (one to two minutes); ACCEPT=1 accepts today's counts
	@python3 tests/bench/quick.py $(CHORUS) $(if $(ACCEPT),--accept $(ACCEPT))

docs: ## Build the documentation as a site in target/site/html, with mdBook
	@command -v mdbook > /dev/null || { echo "found no mdbook; get it with: cargo install mdbook (the pages in docs/ can be read without it)" >&2; exit 2; }
	@rm -rf $(SITE) && mkdir -p $(SITE)/pages && cp -R README.md ARCHITECTURE.md CHANGELOG.md docs $(SITE)/pages/
	@mv $(SITE)/pages/docs/book.toml $(SITE)/pages/docs/site.css $(SITE)/
	@sed -e 's#](#](docs/#' -e 's#](docs/\.\./#](#' docs/SUMMARY.md > $(SITE)/pages/SUMMARY.md && rm $(SITE)/pages/docs/SUMMARY.md
	@sed 's#docs/SUMMARY.md)#toc.html)#' README.md > $(SITE)/pages/README.md
	@mdbook build $(SITE)
	@echo "the site: $(SITE)/html/index.html"

clean: ## Remove build outputs; runs/ and demo/ stay
	@cargo clean
