#!/usr/bin/env bash
# Builds the Go programs that end-to-end tests need into the cache and prints its folder: faas-cli at the version of
# go-tools/go.mod, and the stand-in for the watchdogs (see there).
# A module of its own and not `go install PACKAGE@VERSION`: that needs a module's list of versions, which not every module proxy has.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
bin=${BERTH_TEST_CACHE:-$(realpath ../../.cache)}/go-bin

# build PROGRAM FOLDER PACKAGE
build() {
	(cd "$2" && CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags='-s -w' -o "$bin/$1" "$3")
}

[ "$bin/faas-cli" -nt go-tools/go.mod ] || build faas-cli go-tools github.com/openfaas/faas-cli
build fwatchdog ../fixtures/watchdog ./fwatchdog
build redirector ../fixtures/watchdog ./redirector
echo "$bin"
