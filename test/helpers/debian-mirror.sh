#!/usr/bin/env bash
# Prints the Debian mirror that this host's apt has, so that tests ask no other.
set -euo pipefail
# shellcheck disable=SC2016 # the names in $() are apt's, not the shell's
mirror=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian|//p' | head -n 1)
[ -n "$mirror" ] || { echo "debian-mirror: the host's apt knows no Debian mirror" >&2 && exit 1; }
echo "$mirror"
