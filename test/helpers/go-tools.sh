#!/usr/bin/env bash
# Builds the Go programs that end-to-end tests drive into the cache, at the versions of go-tools/go.mod.
# A module of its own and not `go install PACKAGE@VERSION`: that needs a module's list of versions, which not every module proxy has.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/go-tools"
bin=${BERTH_TEST_CACHE:-$(realpath ../../../.cache)}/go-bin

build() {
	[ "$bin/$1" -nt go.mod ] || CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -ldflags='-s -w' -o "$bin/$1" "$2"
}

build faas-cli github.com/openfaas/faas-cli
echo "$bin"
