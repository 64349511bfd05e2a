# Everything here works on a fresh machine with Go and make; what else is
# needed (PostgreSQL's programs) `make setup` finds or installs.
# Scripts do the work, so that each can be run and checked by itself.

SHELL := /bin/sh
GO ?= go
FUZZTIME ?= 5s
TOOLS := .cache/tools

# A go.work of somebody's machine must not decide what we build.
export GOWORK := off
export GO

.DEFAULT_GOAL := help
.PHONY: help setup browser demo test check fuzz bench e2e build generate fmt clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

setup: ## find or install what the machine lacks (PostgreSQL)
	@scripts/setup

browser: ## find or install Chromium: the tests of the console walk in it
	@scripts/setup browser

demo: setup ## set up, then 90 days of a generated portfolio before your eyes
	@echo "building; the first time this takes some minutes (a whole Temporal server is linked)"
	$(GO) run -C standalone . demo $(ARGS)

test: setup browser ## all tests of both modules, with the race detector
	@scripts/test

check: setup $(TOOLS)/stamp ## format, vet, lint, determinism, walls, docs, generated code
	@scripts/check

fuzz: ## every fuzz target for FUZZTIME (default 5s) each
	@FUZZTIME=$(FUZZTIME) scripts/fuzz

bench: setup ## benchmarks of everything; a million accounts take 20 GB and long (DULY_BENCH_ACCOUNTS=10000: little)
	@scripts/bench

e2e: setup ## the long ones: full replays, kills, restarts (about an hour)
	@scripts/e2e

build: ## static binaries of both modules into bin/
	@scripts/build

generate: $(TOOLS)/sqlc-stamp ## write generated code and schemas anew
	@scripts/generate

fmt: $(TOOLS)/stamp ## format all Go files
	@scripts/sources go | xargs $(TOOLS)/gofumpt -w

clean: ## remove what builds left behind
	rm -rf bin .cache

$(TOOLS)/stamp: tools/go.mod tools/go.sum
	@scripts/tools

$(TOOLS)/sqlc-stamp: tools/sqlc/go.mod tools/sqlc/go.sum
	@scripts/tools sqlc
