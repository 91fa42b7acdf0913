#!/bin/sh
# The long form of test/integration/host/call-soak.test.ts, which CI runs for 30 seconds: half an hour of calls at half of what
# one function gets through berth, with updates, wakes, callers that leave and slow ones. Prints, 30 times, what was called,
# what failed, and the daemon's memory in MB and open files; fails where a call failed or one of these grew.
#   sudo test/soak/calls.sh [SECONDS] [fast|http-proxy]
# Put the figures that it prints into the message of the commit that it was run for.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-1800}
BERTH_TEST_SOAK_SECONDS=$seconds BERTH_TEST_PROXY=${2:-fast} BERTH_TEST_LIMIT=$((seconds + 600)) \
	test/run integration 2 test/integration/host/call-soak.test.ts
