#!/bin/sh
# The long form of test/integration/async/memory.test.ts, which CI runs with 5000 calls: so many calls of 1 KiB are queued while
# their function stands still, and then drained, with both stores. Prints the daemon's resident memory, and what it needs without
# garbage, at 1000, 10 000, 50 000 and all calls queued and after the drain; fails where it grew by 300 bytes a call.
#   sudo test/soak/async.sh [CALLS]     50 000 at least, else resident memory is not judged
# Put the figures that it prints into the message of the commit that it was run for.
set -eu
cd "$(dirname "$0")/../.."
BERTH_TEST_ASYNC_CALLS=${1:-100000} BERTH_TEST_LIMIT=60m \
	test/run integration 2 test/integration/async/memory.test.ts
