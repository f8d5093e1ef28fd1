# Everything a user or contributor types. `make` alone prints this list.

# The program reads the same variables from the environment, so MODEL=llama3.2:1b make run works as it looks.

# The machine's own vector instructions reach Swift's code generator through the Clang importer: with them a multiply-add
# is one instruction. `make build MARCH=` builds for any machine of the architecture, several times slower.
ifeq ($(shell uname -m),x86_64)
MARCH ?= native
ARCH_FLAGS := $(if $(MARCH),-Xcc -march=$(MARCH))
endif
# Without debug information the binary has less than half the size; names for backtraces stay.
SWIFT_BUILD := swift build -c release --product minilm -debug-info-format none $(ARCH_FLAGS)
SWIFT_TEST := swift test $(ARCH_FLAGS)
SOURCES := Package.swift Sources Tests Examples Scripts

MINILM := .build/release/minilm
FILE ?= Examples/faro.md
TITLE ?= faro
URL ?=
USER_ID ?= example
QUESTIONS ?= Examples/questions.txt
# What the index is measured with when VECTORS= does not say: lines of this machine's texts, embedded by bench-vectors.
COUNT ?= 50000
BENCH_VECTORS := Benchmarks/vectors/$(COUNT)
INDEX_VECTORS = $(or $(VECTORS),$(BENCH_VECTORS)/base.npy)
INDEX_QUERIES = $(if $(VECTORS),$(QUERIES),$(or $(QUERIES),$(BENCH_VECTORS)/queries.npy))
# Debian's python3 comes without what `python3 -m venv` needs.
PYTHON_VENV := python3 -c 'import venv, ensurepip' 2>/dev/null || Scripts/deps.sh python3 python3-venv

.DEFAULT_GOAL := help
.PHONY: help deps weights build run up-n-wait up-n-wait-cpu down create-index ask-script pull test test-threads test-portable examples measure bench-texts \
	bench-embed bench-embed-peers bench-embed-accuracy bench-vectors bench-index bench-index-peers bench-store bench-qdrant lint format clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: MODEL=$(or $(MODEL),llama3.2) OLLAMA_HOST= DATA_DIR=data PORT=5002 LLM_PORT=5003 MARCH=$(MARCH)"

deps: ## install the system packages the build needs (silent when all are there)
	@Scripts/deps.sh

weights: deps ## fetch and check the model's weights (91 MB, once)
	@Scripts/weights.sh

build: deps ## build .build/release/minilm
	@$(SWIFT_BUILD)

run: weights build ## set everything up and serve in the foreground
	@exec $(MINILM) serve

up-n-wait: weights build ## serve in the background, return when ready; Ollama decides about the GPU
	@Scripts/up.sh up

up-n-wait-cpu: weights build ## the same with the language model on the CPU
	@Scripts/up.sh up --cpu

down: ## stop the server in the background
	@Scripts/up.sh down

create-index: ## index a document: FILE= TITLE= URL= USER_ID= (default: the sample)
	@$(MINILM) index "$(FILE)" --title "$(TITLE)" --url "$(URL)" --user-id "$(USER_ID)"

ask-script: ## ask every question of a file: QUESTIONS= TITLE=
	@$(MINILM) ask --questions "$(QUESTIONS)" --title "$(TITLE)"

pull: ## let Ollama fetch the model: MODEL=llama3.2
	@$(MINILM) pull $(or $(MODEL),llama3.2)

test: weights ## run every test
	@Scripts/check_openapi.sh
	@$(SWIFT_TEST)
	@$(MAKE) --no-print-directory test-threads

test-threads: deps ## run the index's concurrent load and the encoder's under the thread sanitizer
	@TSAN_OPTIONS=halt_on_error=1 $(SWIFT_TEST) --sanitize=thread --package-path Tests/ThreadSanitizer \
		--filter 'HNSWConcurrency|WorkerPool|SpinBarrier|SharedSlice'

test-portable: weights ## build the encoder for other processors and run its kernels' tests: SSE2, AVX2; aarch64 compiled only
	@Scripts/test_portable.sh

examples: build ## run the examples with Qdrant's real clients, LangChain, LlamaIndex and the MCP server from PyPI
	@$(PYTHON_VENV)
	@Scripts/qdrant_clients.sh

measure: build ## measure the binary's size, start-up and memory
	@Scripts/measure.sh

bench-texts: weights build ## make the texts that embedding is measured with
	@command -v python3 >/dev/null || Scripts/deps.sh python3
	@test -d Benchmarks/texts || { rm -rf Benchmarks/texts.unfinished; \
		Scripts/make_bench_texts.py --out Benchmarks/texts.unfinished && mv Benchmarks/texts.unfinished Benchmarks/texts; }

bench-embed: bench-texts ## measure embedding: TEXTS=file PRECISION=f32|i16|i8 GEMM=swift|openblas THREADS=
	@$(MINILM) bench embed $(or $(TEXTS:%=--texts %),--texts Benchmarks/texts/small.txt \
		--texts Benchmarks/texts/medium.txt --texts Benchmarks/texts/large.txt) --out Benchmarks/results

bench-embed-peers: bench-texts ## the same beside PyTorch, ONNX Runtime, OpenVINO, … from PyPI, in one run: ENGINES= OURS= ROUNDS=5
	@$(PYTHON_VENV)
	@Scripts/bench_embed_peers.py --venv .build/embed-peers --models .build/embed-peers/models \
		$(if $(ENGINES),--engines $(ENGINES)) $(if $(OURS),--ours $(OURS)) --rounds $(or $(ROUNDS),5)

bench-embed-accuracy: bench-texts ## how far vectors are from float32 PyTorch's, over the 2,000 mixed texts: OURS= ENGINES= (default: ours only)
	@$(PYTHON_VENV)
	@Scripts/bench_embed_peers.py --venv .build/embed-peers --models .build/embed-peers/models --accuracy-only \
		--engines "$(ENGINES)" $(if $(OURS),--ours $(OURS))

bench-vectors: weights build ## make the vectors that the index is measured with: COUNT=50000 lines of this machine's texts
	@command -v python3 >/dev/null || Scripts/deps.sh python3
	@test -d $(BENCH_VECTORS) || { rm -rf $(BENCH_VECTORS).unfinished; \
		Scripts/make_bench_lines.py --lines $(COUNT) --out $(BENCH_VECTORS).unfinished && \
		for name in lines:base lines-queries:queries; do \
			$(MINILM) embed --precision i16 --input $(BENCH_VECTORS).unfinished/$${name%:*}.txt \
				--output $(BENCH_VECTORS).unfinished/$${name#*:}.npy || exit 1; \
		done && mv $(BENCH_VECTORS).unfinished $(BENCH_VECTORS); }

bench-index: build $(if $(VECTORS),,bench-vectors) ## measure the index: VECTORS=base.npy QUERIES=queries.npy TRUTH=nearest.npy, or COUNT= as bench-vectors
	@$(MINILM) bench index --vectors "$(INDEX_VECTORS)" $(if $(INDEX_QUERIES),--queries "$(INDEX_QUERIES)") $(if $(TRUTH),--truth "$(TRUTH)") \
		--out Benchmarks/results

bench-index-peers: build $(if $(VECTORS),,bench-vectors) ## the same vectors given to hnswlib, usearch, faiss, Qdrant Edge and SVS: VECTORS= QUERIES= COUNT= BUILDS=3
	@$(PYTHON_VENV)
	@python3 -m venv .build/peers
	@.build/peers/bin/pip install --quiet numpy hnswlib==0.8.0 usearch==2.26.6 faiss-cpu==1.15.1 qdrant-edge-py==0.9.0
	@.build/peers/bin/pip install --quiet scalable-vs==0.5.0 || echo "scalable-vs cannot be installed here: it is left out"
	@.build/peers/bin/python Scripts/bench_index_peers.py --base "$(INDEX_VECTORS)" $(if $(INDEX_QUERIES),--queries "$(INDEX_QUERIES)") --minilm $(MINILM) \
		--builds $(or $(BUILDS),3)

bench-store: build ## measure the store: POINTS=100000 VECTORS=base.npy
	@$(MINILM) bench store --points $(or $(POINTS),100000) $(if $(VECTORS),--vectors "$(VECTORS)")

bench-qdrant: build ## measure the Qdrant API beside chromadb, qdrant-client's local mode and Qdrant Edge: POINTS=100000 LOCAL_POINTS=2000 VECTORS=
	@$(PYTHON_VENV)
	@python3 -m venv .build/qdrant-peers
	@.build/qdrant-peers/bin/pip install --quiet numpy qdrant-client==1.20.0 qdrant-edge-py==0.9.0 chromadb
	@.build/qdrant-peers/bin/python Scripts/bench_qdrant.py --minilm $(MINILM) --points $(or $(POINTS),100000) \
		$(if $(LOCAL_POINTS),--local-points $(LOCAL_POINTS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(VECTORS),--vectors "$(VECTORS)")

lint: deps ## check the formatting
	@swift format lint --strict --parallel --recursive $(SOURCES)

format: deps ## format the sources
	@swift format --in-place --parallel --recursive $(SOURCES)

clean: ## remove what was built (weights and data stay)
	@rm -rf .build
