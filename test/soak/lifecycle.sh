#!/bin/sh
# The long forms of tests in test/integration/lifecycle, which CI runs with smaller counts. Takes about half an hour.
#   sudo test/soak/lifecycle.sh [1.6|1.7|2]
# Put the figures that it prints into the message of the commit that it was run for.
set -eu
cd "$(dirname "$0")/../.."
line=${1:-2}

soak() {
	file=$1
	shift
	env "$@" test/run integration "$line" "test/integration/lifecycle/$file.test.ts"
}

soak update-under-load BERTH_TEST_UPDATES=30
soak disk BERTH_TEST_UPDATES=30
soak reboot BERTH_TEST_FUNCTIONS=20
soak crash-cycles BERTH_TEST_CRASHES=1000
