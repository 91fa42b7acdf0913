#!/usr/bin/env bash
# Unpacks Debian packages into the cache without installing them, and prints the folder of the binaries, or libraries, of each.
# Usage: unpack.sh [1.6|1.7|2|registry|faketime|prometheus|alertmanager|nats]...   (all by default; 1.6 to 2 are containerd's)
# The host's apt sources stay as they are: apt runs on a private folder with the host's own mirror and proxy settings.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${BERTH_TEST_CACHE:-$here/.cache}
mkdir -p "$cache"
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# What is asked for -> package and the Debian release that has it.
source_of() {
	case $1 in
	1.6) echo containerd bookworm ;;
	1.7) echo containerd trixie ;;
	2) echo containerd sid ;;
	registry) echo docker-registry bookworm ;;
	faketime) echo libfaketime bookworm ;;
	prometheus) echo prometheus bookworm ;;
	alertmanager) echo prometheus-alertmanager bookworm ;;
	nats) echo nats-server trixie ;;
	*) echo "unpack: no such thing: $1 (1.6, 1.7, 2, registry, faketime, prometheus, alertmanager or nats)" >&2 && return 1 ;;
	esac
}

bin_folder() {
	case $1 in
	registry | prometheus | alertmanager | nats) echo "$cache/$1/bin" ;;
	faketime) echo "$cache/faketime/lib" ;;
	*) echo "$cache/containerd/$1/bin" ;;
	esac
}

# private_apt RELEASE PROGRAM [arguments]. The age of an index says nothing here: a test machine may have a frozen mirror.
private_apt() {
	local dir=$cache/apt/$1
	"$2" -qq -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State="$dir/state" -o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root \
		-o Acquire::Check-Valid-Until=false -o Acquire::Languages=none \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "${@:3}"
}

# The index is some 10 MB, so it is fetched once and again only when a package is no longer where it says.
update_index() {
	local dir=$cache/apt/$1 mirror
	mirror=$("$here/test/helpers/debian-mirror.sh")
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$dir/sources.list"
	private_apt "$1" apt-get update >&2
}

# download RELEASE PACKAGE, into the current folder
download() {
	[ -f "$cache/apt/$1/sources.list" ] && private_apt "$1" apt-get download "$2" >&2
}

unpack() {
	local target package release
	target=$(bin_folder "$1")
	read -r package release < <(source_of "$1")
	mkdir -p "$(dirname "$target")" "$tmp/$1"
	cd "$tmp/$1"
	download "$release" "$package" || { update_index "$release" && download "$release" "$package"; }
	dpkg -x ./*.deb .
	[ ! -d usr/sbin ] || mv usr/sbin usr/bin
	if [ -d usr/bin ]; then
		"usr/bin/$package" --version >&2
		# Debian's Alertmanager reads a template there at its start.
		if [ -d usr/share/prometheus ]; then rm -rf "${target%/*}/share" && mv usr/share "${target%/*}"; fi
		mv usr/bin "$target"
	else
		mv usr/lib/*/faketime "$target"
	fi
	cd "$here"
}

[ $# -gt 0 ] || set -- 1.6 1.7 2 registry faketime prometheus alertmanager nats
for wanted in "$@"; do
	source_of "$wanted" >/dev/null
	if [ ! -d "$(bin_folder "$wanted")" ]; then unpack "$wanted"; fi
	bin_folder "$wanted"
done
