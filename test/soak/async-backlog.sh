#!/bin/sh
# The long form of test/integration/async/backlog.test.ts, which CI runs with 3000 calls: so many calls wait, on the disk and at
# NATS. Prints the MB that the daemon needs and has after a tenth, a half and all of them; fails where it needs more for more.
#   sudo test/soak/async-backlog.sh [CALLS]
# Put the figures that it prints into the message of the commit that it was run for.
set -eu
cd "$(dirname "$0")/../.."
BERTH_TEST_ASYNC_CALLS=${1:-100000} test/run integration 2 test/integration/async/backlog.test.ts
