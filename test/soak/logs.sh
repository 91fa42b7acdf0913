#!/bin/sh
# The long form of test/integration/host/log-soak.test.ts, which CI runs for 15 seconds: ten minutes of a function that writes
# 50 MB/s, beside one that writes a line now and then and one that is followed and silent until the end. Prints how long lines
# and calls took, the daemon's memory in MB and what logs take on disk; fails where a line of the others is missing.
#   sudo test/soak/logs.sh [SECONDS]
# Put the figures that it prints into the message of the commit that it was run for.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-600}
BERTH_TEST_SOAK_SECONDS=$seconds BERTH_TEST_LIMIT=$((seconds + 600)) \
	test/run integration 2 test/integration/host/log-soak.test.ts
