#!/usr/bin/env bash
# Makes the root of a clean Debian with systemd in the cache, with nothing of berth's needs in it, and prints its folder.
# Usage: host-root.sh [bookworm|trixie]   (trixie by default)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
suite=${1:-trixie}
root=${BERTH_TEST_CACHE:-$here/.cache}/host/$suite
if [ ! -d "$root" ]; then
	rm -rf "$root.new"
	mkdir -p "${root%/*}"
	mirror=$("$here/test/helpers/debian-mirror.sh")
	debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,procps,sudo "$suite" "$root.new" "$mirror" \
		>"$root.log" 2>&1 || { echo "host-root: debootstrap failed, see $root.log" >&2 && exit 1; }
	rm -f "$root.new/etc/resolv.conf" "$root.new"/var/cache/apt/archives/*.deb
	mv "$root.new" "$root"
fi
echo "$root"
