#!/bin/sh
# The long form of test/integration/host/soak.test.ts, which CI runs for some seconds: ten minutes of flushes, kills, full disks,
# updates, secrets and scaling, all at once, at 100 calls a second to ten functions.
#   sudo test/soak/all-at-once.sh [SECONDS]
# Put the figures that it prints into the message of the commit that it was run for.
set -eu
cd "$(dirname "$0")/../.."
BERTH_TEST_SOAK_SECONDS=${1:-600} test/run integration 2 test/integration/host/soak.test.ts
