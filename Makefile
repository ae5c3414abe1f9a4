# Thin names over go commands. `make` alone prints this list.

# Two sets of build flags, no third: each change of one rebuilds everything.
# What is shipped, and what is merely looked at, is built without cgo.
export CGO_ENABLED = 0
# Tests run once, under the race detector, which needs cgo and a C compiler.
# SQLite translated from C and the drawing of QR codes are not ours to search for
# races, and watching each of their memory accesses makes the suite ten times as
# slow. Nothing else is left out: a package that has copies of generic code, such as
# sync.Map's, would lend them unwatched to all others.
RACE = -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=github.com/boombuler/barcode/...=-race=false

PKG ?= ./...
EXAMPLE = examples/crm
INTEROP = interop

.DEFAULT_GOAL := help
.PHONY: help run build test format vet unit example interop lint bench long cover fuzz generate vuln docker clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and serve on 127.0.0.1:8080, SQLite in ./data
	@exec bin/rolegate serve

build: ## build bin/rolegate, one static binary
	@go build -o bin/rolegate ./cmd/rolegate

test: format vet unit example interop ## everything that must be green: format, vet, tests on SQLite and PostgreSQL with the race detector

format:
	@echo "== format"
	@files=$$(gofmt -l .) && test -z "$$files" || { echo "gofmt -w these:"; echo "$$files"; exit 1; }

vet:
	@echo "== vet"
	@go vet $(PKG)
	@cd $(EXAMPLE) && go vet ./...
	@cd $(INTEROP) && go vet ./...

unit:
	@echo "== tests, race detector on"
	@CGO_ENABLED=1 go test -vet=off $(RACE) -timeout 45m $(PKG)

example: ## tests of the CRM in examples/crm, a module of its own, against a real Rolegate
	@echo "== example"
	@cd $(EXAMPLE) && CGO_ENABLED=1 go test -vet=off $(RACE) -timeout 20m ./...

interop: ## programs that are not ours verify the log of a running Rolegate, in a module of their own
	@echo "== interop"
	@cd $(INTEROP) && CGO_ENABLED=1 go test -vet=off $(RACE) -timeout 20m ./...

lint: format vet ## format, vet and staticcheck
	@echo "== staticcheck"
	@go tool staticcheck $(PKG)
	@staticcheck=$$(go tool -n staticcheck) && cd $(EXAMPLE) && "$$staticcheck" ./... && cd ../../$(INTEROP) && "$$staticcheck" ./...

bench: ## measure every bar of docs/benchmarks.md and write that page; BENCH=quick only sees that it still runs
	@go run ./internal/testkit/bench $(if $(filter quick,$(BENCH)),-o '')

cover: ## test coverage of the whole module, in coverage.out
	@go test -vet=off -coverpkg=./... -coverprofile=coverage.out -timeout 15m ./...
	@go tool cover -func=coverage.out | tail -n 1

long: ## the property tests of decisions, conditions and filters at ten times their length, and the times of refused logins
	@go test -vet=off -run 'TestDecideMeansTheSpec|TestMonotone|TestAnyRecord|TestLive|Witness|FilterIs|AllAnswersAgree|^Test(SQLite|PostgreSQL|MySQL)$$' -timeout 60m -v ./internal/policy ./internal/policy/condition ./api/filter -args -rapid.checks=1000
	@go test -vet=off -run 'TestChecklist/H13[678]' -timeout 60m -v ./internal/checklist -args -timing
	@go test -vet=off -run 'TestRequirement/R24' -v ./internal/requirements -args -timing

fuzz: ## fuzz every target for FUZZTIME (default 30s) each
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $${FUZZTIME:-30s} $$pkg || exit 1; \
		done; \
	done

generate: ## write generated files anew
	@go generate ./...

vuln: ## look for known vulnerabilities (needs vuln.go.dev)
	@go run golang.org/x/vuln/cmd/govulncheck@latest ./...

docker: ## build the container image rolegate
	@docker build -t rolegate .

clean: ## remove what was built; data stays
	@rm -rf bin coverage.out
