# `make help` lists the targets. Go and Node suffice for all above the line "needs root" there.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION ?= $(shell sed -n 's/^appVersion: //p' charts/realtime-operator/Chart.yaml)
IMAGE ?= realtime-operator/realtime:$(VERSION)
NATS_IMAGE ?= realtime-operator/nats:e2e
TRAEFIK_IMAGE ?= realtime-operator/traefik:e2e
# The commit from which tests of updates start, and the image of its gateways.
PREVIOUS ?= HEAD~1
PREVIOUS_IMAGE ?= realtime-operator/realtime:previous
FUZZTIME ?= 30s
E2E_FLAGS ?=
SEED ?= 1
DURATION ?= 1h
CHAOS_FLAGS ?=
RACE_SUFFIX := $(if $(RACE),-race)

BIN := $(CURDIR)/bin
CLUSTER := hack/cluster/cluster
PEER := hack/bench/peers/socketio-redis-streams
# Built like the tools, so that the build cache holds each package once. The version is ours to set: git, asked for it,
# refuses to look at a checkout of another user.
BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Develop

.PHONY: dev
dev: ## Run the chat sample at http://localhost:3000/; it reloads when the manifest changes.
	go run . dev

.PHONY: build
build: dist/realtime ## Build the program, statically, into dist/.

.PHONY: generate
generate: $(BIN)/controller-gen ## Write what is made from markers: deepcopy, CRD, RBAC, the chart's copies, and the field reference.
	CONTROLLER_GEN=$(BIN)/controller-gen hack/generate

.PHONY: fmt
fmt: $(BIN)/golangci-lint ## Format the Go code.
	$(BIN)/golangci-lint fmt

.PHONY: tools
tools: $(BIN)/controller-gen $(BIN)/golangci-lint $(BIN)/helm $(BIN)/helm3 ## Build the tools into bin/: controller-gen, golangci-lint, helm, helm3.

##@ Check

.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/helm ## Lint the Go code and the chart.
	$(BIN)/golangci-lint run --allow-parallel-runners
	go vet . && go vet -tags operator,nodev .
	$(BIN)/helm lint --strict charts/realtime-operator

# It reads the Go project's database of vulnerabilities, so it is no stage of CI, which needs nothing but module proxies.
.PHONY: vuln
vuln: ## Look for known vulnerabilities in what the program calls.
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

.PHONY: verify
verify: $(BIN)/controller-gen ## Fail if generated files are not what make generate writes, or a link in the documentation leads nowhere.
	go test -count 1 ./hack/docs/...
	before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; cp -r api config charts docs "$$before"; \
	CONTROLLER_GEN=$(BIN)/controller-gen hack/generate; \
	for folder in api config charts docs; do diff --recursive --unified "$$before/$$folder" "$$folder"; done

.PHONY: test
test: test-go test-clients ## Run the unit tests, those against a real API server, and stock Node clients.

.PHONY: test-go
test-go: ## Run the Go tests, with the race detector and an API server built from its module.
	KUBEBUILDER_ASSETS="$$($(CLUSTER) envtest-assets)" go test -race ./...
	go test -run '^TestMemory' ./gateway ./gateway/recovery ./gateway/engineio # built without the race detector, which takes memory of its own

.PHONY: test-previous
test-previous: dist/realtime-previous ## Run gateways together with one of PREVIOUS, as in a rollout.
	PREVIOUS_PROGRAM=$(CURDIR)/dist/realtime-previous go test -race -tags previous -run Previous -count 1 ./gateway

.PHONY: test-samples
test-samples: ## Run the tests of the samples, which must cover 90% of each.
	go run . test --min 90 -f config/samples

.PHONY: test-clients
test-clients: dist/realtime dist/clustered dist/handlers dist/nats-server node-modules ## Run stock Node clients against the gateway.
	npm test --prefix test/clients

.PHONY: test-chart
test-chart: $(BIN)/helm $(BIN)/helm3 $(BIN)/kubectl ## Render the chart, compare it with config/default, and install both into an API server.
	KUBEBUILDER_ASSETS="$$($(CLUSTER) envtest-assets)" HELM=$(BIN)/helm HELM3=$(BIN)/helm3 KUBECTL=$(BIN)/kubectl go test -tags chart -count 1 ./charts/...

.PHONY: test-browser
test-browser: dist/realtime node-modules ## Run the chat page in headless Chromium.
	npm run test:browser --prefix test/clients

.PHONY: test-matrix
test-matrix: dist/realtime node-modules ## Run every stock client (Node, Bun, Deno, Python, Chromium) over every transport.
	npm run test:matrix --prefix test/clients

.PHONY: test-monitoring
test-monitoring: ## Judge the alerts by promtool, and let Debian's Prometheus scrape a gateway.
	go test -count 1 ./hack/monitoring
	go test -race -tags prometheus -count 1 -run Prometheus ./gateway

.PHONY: test-recovery
test-recovery: dist/realtime dist/library dist/nats-server dist/chaos node-modules ## Lose connections and gateways under stock Node clients; with TARGET=reference, those of Node.
	npm run test:recovery --prefix test/clients
	if [ -z "$(TARGET)" ]; then TARGET=library npm run test:recovery --prefix test/clients; fi

.PHONY: test-proxies
test-proxies: ## Run gateways behind Debian's proxies, as documented and with one thing wrong, and realtime doctor in front.
	go test -race -tags proxies -count 1 ./test/proxies

.PHONY: chaos
chaos: chaos-programs dist/realtime-previous ## Fail gateways, broker and connections under 1,000 clients: nothing may get lost. CHAOS_FLAGS=-help lists more, RACE=1 finds races.
	dist/chaos$(RACE_SUFFIX) -realtime dist/realtime$(RACE_SUFFIX) -previous dist/realtime-previous -seed $(SEED) $(CHAOS_FLAGS)

.PHONY: chaos-long
chaos-long: CHAOS_FLAGS += -duration $(DURATION)
chaos-long: chaos ## The same for DURATION (1h), by faults that SEED draws.

.PHONY: chaos-cluster
chaos-cluster: override CHAOS_FLAGS += -nats-servers 3 -faults broker
chaos-cluster: chaos ## The same with the log on three NATS servers, and the faults of these alone.

.PHONY: chaos-programs
chaos-programs: dist/realtime$(RACE_SUFFIX) dist/chaos$(RACE_SUFFIX) dist/nats-server node-modules

.PHONY: chaos-reference
chaos-reference: dist/chaos $(PEER)/node_modules ## Do the same to Node's server over Redis Streams, and in memory, and only measure. Needs redis-server.
	dist/chaos -target reference -measure -seed $(SEED) $(CHAOS_FLAGS)
	dist/chaos -target reference-in-memory -measure -seed $(SEED) $(CHAOS_FLAGS)

.PHONY: fuzz
fuzz: ## Fuzz each parser for FUZZTIME (30s).
	hack/fuzz $(FUZZTIME)

##@ Measure

# Ratios of `make bench-diff` are to this commit.
BASE ?= HEAD
BENCH ?= .
BENCH_COUNT ?= 6
BENCH_PACKAGES ?= ./gateway/...
BENCH_FLAGS ?=
SCALE_FLAGS ?=
RELOAD_FLAGS ?=
OPERATOR_FLAGS ?=
BENCH_PEERS := hack/bench/peers
OURS := ours,ours-nats,previous,previous-nats
BENCH_PROGRAMS := dist/realtime dist/load dist/bench dist/tlsproxy dist/profiled $(BENCH_PEERS)/socketio/node_modules

.PHONY: bench
bench: $(BENCH_PROGRAMS) dist/nats-server dist/bun dist/centrifuge ## Measure gateways and their peers, 25 minutes, and write docs/measured/benchmarks.md. Needs redis-server. BENCH_FLAGS=-help lists more.
	dist/bench -docs docs/measured/benchmarks.md $(BENCH_FLAGS)

.PHONY: bench-quick
bench-quick: $(BENCH_PROGRAMS) ## Measure ours and Node briefly, and print the ratios, which it does not judge.
	dist/bench -runs 1 -duration 2s -peer node,ours -suite goals $(BENCH_FLAGS)

.PHONY: bench-previous
bench-previous: $(BENCH_PROGRAMS) dist/nats-server dist/realtime-previous ## Measure ours in turn with the gateways of PREVIOUS, 10 minutes; none may take 5% more CPU.
	dist/bench -runs 5 -duration 2s -peer $(OURS) -suite goals -previous dist/realtime-previous -slower 5 $(BENCH_FLAGS)

.PHONY: bench-hostile
bench-hostile: dist/hostile ## Measure what hostile clients cost, 20 minutes, and write docs/measured/hostile.md. HOSTILE_FLAGS=-help lists more.
	dist/hostile -docs docs/measured/hostile.md $(HOSTILE_FLAGS)
	dist/hostile -crowd 500 -for 5s -docs docs/measured/hostile.md

.PHONY: bench-reload
bench-reload: dist/reload ## Replace rules and keys 20 times under 2,000 clients, 2 minutes: nobody may notice. Writes docs/measured/reload.md. RELOAD_FLAGS=-help lists more.
	dist/reload -pace 200ms -docs docs/measured/reload.md $(RELOAD_FLAGS)

.PHONY: bench-operator
bench-operator: dist/realtime dist/operator ## Measure the operator with 10, 100 and 1,000 services, 30 minutes, and write docs/measured/operator.md. OPERATOR_FLAGS=-help lists more.
	KUBEBUILDER_ASSETS="$$($(CLUSTER) envtest-assets)" dist/operator -docs docs/measured/operator.md $(OPERATOR_FLAGS)

.PHONY: scale
scale: dist/realtime dist/load dist/bench dist/scale dist/nats-server ## Measure ours at three sizes, 5 minutes, and write docs/measured/scale.md: what a million connections take. SCALE_FLAGS=-help lists more.
	dist/bench -suite scale -runs 1 -duration 5s -raw hack/bench/scale/measured.jsonl
	dist/scale -docs docs/measured/scale.md $(SCALE_FLAGS)

.PHONY: scale-again
scale-again: dist/scale ## Write docs/measured/scale.md from the measurements that are kept.
	dist/scale -docs docs/measured/scale.md $(SCALE_FLAGS)

.PHONY: bench-go
bench-go: ## Run the Go benchmarks of BENCH_PACKAGES that match BENCH, BENCH_COUNT times.
	@go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCH_COUNT) $(BENCH_PACKAGES)

.PHONY: bench-diff
bench-diff: $(BIN)/benchstat ## Compare the Go benchmarks of BASE (HEAD) with those of the working tree.
	BENCHSTAT=$(BIN)/benchstat BENCH='$(BENCH)' BENCH_COUNT=$(BENCH_COUNT) BENCH_PACKAGES='$(BENCH_PACKAGES)' hack/bench/diff $(BASE)

##@ Release, image and cluster

# Of the commit that is checked out; the checkout may be another user's, as in CI.
GIT := git -c safe.directory=$(CURDIR)

.PHONY: release
release: dist/client dist/ca-certificates.crt ## Make a release in dist/release: images, chart, SBOMs, provenance, checksums. It pushes nothing.
	go run -C hack/release . -source $(CURDIR) -out $(CURDIR)/dist/release \
	  -client $(CURDIR)/dist/client -certificates $(CURDIR)/dist/ca-certificates.crt \
	  -revision "$$($(GIT) rev-parse HEAD)$$([ -z "$$($(GIT) status --porcelain)" ] || echo -dirty)" \
	  -created "$$($(GIT) log -1 --format=%ct)"

.PHONY: test-release
test-release: dist/client dist/ca-certificates.crt $(BIN)/helm ## Make a release twice, which must be equal, and look at all that is in it.
	HELM=$(BIN)/helm go test -C hack/release -tags release -count 1 -timeout 20m ./...

.PHONY: image
image: dist/realtime.tar ## Build the image IMAGE, by docker or buildah, into dist/realtime.tar.

.PHONY: cluster
cluster: ## Bring up a real Kubernetes on this machine; needs root and Debian.
	$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## Take it down; nothing of it is left.
	$(CLUSTER) down

.PHONY: e2e
e2e: dist/realtime dist/realtime.tar dist/previous.tar dist/nats.tar dist/traefik.tar $(BIN)/helm $(BIN)/kubectl node-modules ## Test on the cluster of make cluster, or on that of KUBECONFIG.
	IMAGE=$(IMAGE) PREVIOUS_IMAGE=$(PREVIOUS_IMAGE) PREVIOUS_CHART=$(CURDIR)/dist/previous-chart NATS_IMAGE=$(NATS_IMAGE) TRAEFIK_IMAGE=$(TRAEFIK_IMAGE) \
	PLUGIN=$(CURDIR)/dist/realtime HELM=$(BIN)/helm KUBECTL=$(BIN)/kubectl hack/e2e $(E2E_FLAGS)

# What follows are files.

# The tools' versions are pinned in hack/tools/go.mod.
$(BIN)/controller-gen: PACKAGE := sigs.k8s.io/controller-tools/cmd/controller-gen
# golangci-lint with the Kubernetes API conventions built in, as a module plugin.
$(BIN)/golangci-lint: PACKAGE := sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter
$(BIN)/helm: PACKAGE := helm.sh/helm/v4/cmd/helm
$(BIN)/controller-gen $(BIN)/golangci-lint $(BIN)/helm: hack/tools/go.mod
	CGO_ENABLED=0 go build -C hack/tools -trimpath -buildvcs=false -o $@ $(PACKAGE)

# Releases of the chart that Helm 3 has installed are upgraded by Helm 4. It has a module of its own, since both want other
# versions of the same modules.
$(BIN)/helm3: hack/helm3/go.mod
	CGO_ENABLED=0 go build -C hack/helm3 -trimpath -buildvcs=false -o $@ helm.sh/helm/v3/cmd/helm

$(BIN)/benchstat: hack/tools/go.mod
	CGO_ENABLED=0 go build -C hack/tools -trimpath -buildvcs=false -o $@ golang.org/x/perf/cmd/benchstat

# The cluster's own, of the same version as its API server.
$(BIN)/kubectl: hack/cluster/kubernetes/go.mod
	mkdir -p $(BIN)
	cp "$$($(CLUSTER) build kubectl)" $@

# By their short names too, such as `make bin/kubectl`.
bin/%: $(BIN)/% ;

.PHONY: force
# With all commands; go run . has no operator (docs/decisions/0043).
dist/realtime: force
	$(BUILD) -tags operator -ldflags "-s -w -X main.version=$(VERSION)" -o $@ .

# What goes into the image: without realtime dev (docs/decisions/0033).
dist/realtime-pod: force
	$(BUILD) -tags operator,nodev -ldflags "-s -w -X main.version=$(VERSION)" -o $@ .

.PHONY: node-modules
node-modules: test/clients/node_modules
test/clients/node_modules: test/clients/package-lock.json
	npm ci --prefix test/clients --no-audit --no-fund --ignore-scripts --loglevel=error
	touch $@

# The chaos test, and with RACE=1 what it drives too, under the race detector.
dist/chaos: force
	$(BUILD) -o $@ ./test/chaos/cmd/chaos
dist/library: force
	$(BUILD) -o $@ ./test/chaos/cmd/library
dist/clustered: force
	$(BUILD) -o $@ ./docs/examples/clustered
dist/handlers: force
	$(BUILD) -o $@ ./test/handlers
dist/chaos-race: force
	go build -race -o $@ ./test/chaos/cmd/chaos
dist/realtime-race: force
	go build -race -o $@ .

dist/load dist/tlsproxy dist/profiled dist/scale dist/hostile dist/reload dist/operator: force
	$(BUILD) -o $@ ./hack/bench/$(@F)
dist/bench: force
	$(BUILD) -o $@ ./hack/bench/run
dist/centrifuge: force
	CGO_ENABLED=0 go build -C $(BENCH_PEERS)/centrifuge -trimpath -buildvcs=false -o $(CURDIR)/$@ .

$(BENCH_PEERS)/%/node_modules: $(BENCH_PEERS)/%/package-lock.json
	npm ci --prefix $(@D) --no-audit --no-fund --ignore-scripts --loglevel=error
	touch $@

# npm's package holds the binary in one for each kind of machine.
dist/bun: $(BENCH_PEERS)/bun/node_modules
	mkdir -p dist
	ln -sf "$$(ls -d $(CURDIR)/$</@oven/bun-*/bin/bun | head -n 1)" $@

dist/client: hack/client/package-lock.json hack/client/compress.mjs
	npm ci --prefix hack/client --no-audit --no-fund --ignore-scripts --loglevel=error
	rm -rf $@ && mkdir -p $@
	cp hack/client/node_modules/socket.io-client/dist/* $@
	node hack/client/compress.mjs $@
	touch $@

# The public certificate authorities, so that gateways can trust a NATS elsewhere: those that Node ships.
dist/ca-certificates.crt:
	mkdir -p dist
	node --print 'require("node:tls").rootCertificates.join("\n")' > $@

dist/realtime.tar: dist/realtime-pod dist/client dist/ca-certificates.crt Dockerfile
	hack/images/build Dockerfile $(IMAGE) $@

dist/realtime-previous: force
	hack/previous $(PREVIOUS) $@ dist/previous-chart

dist/previous.tar: dist/realtime-previous dist/client dist/ca-certificates.crt hack/images/previous/Dockerfile
	hack/images/build hack/images/previous/Dockerfile $(PREVIOUS_IMAGE) $@

dist/nats-server: go.mod
	$(BUILD) -ldflags "-s -w" -o $@ github.com/nats-io/nats-server/v2

dist/nats.tar: dist/nats-server hack/images/nats/Dockerfile
	hack/images/build hack/images/nats/Dockerfile $(NATS_IMAGE) $@

dist/traefik: $(wildcard hack/cluster/traefik/* hack/cluster/traefik/*/*)
	mkdir -p dist
	cp "$$($(CLUSTER) build traefik)" $@

dist/traefik.tar: dist/traefik hack/images/traefik/Dockerfile
	hack/images/build hack/images/traefik/Dockerfile $(TRAEFIK_IMAGE) $@
