#!/bin/sh
# The long form of test/integration/async/kills.test.ts, which CI runs with 1000 calls: so many calls are queued while the
# daemon, their function and the NATS server are killed in turn, once each 250 calls. Prints the seed of the moments, how many
# calls ended as what, and how many were made or told more than once; fails where one was lost, not made or not told.
#   sudo test/soak/async-kills.sh [CALLS] [SEED]
# Put the figures that it prints into the message of the commit that it was run for.
set -eu
cd "$(dirname "$0")/../.."
[ $# -lt 2 ] || export BERTH_TEST_SEED="$2"
BERTH_TEST_ASYNC_CALLS=${1:-10000} BERTH_TEST_LIMIT=60m \
	test/run integration 2 test/integration/async/kills.test.ts
