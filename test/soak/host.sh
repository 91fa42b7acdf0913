#!/bin/sh
# The long form of test/host, which CI runs on Debian 13 alone: all of it on Debian 12 too, the install on roots of Debian that
# say they are Ubuntu 24.04 or Raspberry Pi OS, an install killed after each of its steps, and an upgrade and a downgrade within MINUTES of 100 calls a second.
#   sudo test/soak/host.sh [MINUTES]
# Put the figures that it prints into the message of the commit that it was run for.
set -eu
cd "$(dirname "$0")/../.."
minutes=${1:-10}
for suite in trixie bookworm; do BERTH_TEST_SUITE=$suite test/run host; done
BERTH_TEST_DISTRIBUTION=ubuntu test/run host test/host/install.test.ts
BERTH_TEST_DISTRIBUTION=raspbian BERTH_TEST_SUITE=bookworm test/run host test/host/install.test.ts
BERTH_TEST_KILLS=20 BERTH_TEST_LIMIT=3600 test/run host test/host/killed-install.test.ts
BERTH_TEST_UPGRADE="100 $((minutes * 60000 / 4))" BERTH_TEST_LIMIT=$((minutes * 60 + 600)) \
	test/run host test/host/upgrade.test.ts --match='an upgrade and a downgrade*'
