#!/bin/sh
# The long form of test/integration/async/scale.test.ts, which CI runs with 100 calls: a thousand slow asynchronous calls for a
# function of type queue with five replicas at most. Prints the replicas that it had while it was called; fails where a call was
# lost, tried again or made twice.
#   sudo test/soak/async-scale.sh [CALLS]     1000 at most
# Put the figures that it prints into the message of the commit that it was run for.
set -eu
cd "$(dirname "$0")/../.."
BERTH_TEST_ASYNC_CALLS=${1:-1000} test/run integration 2 test/integration/async/scale.test.ts --match '*slow calls*'
