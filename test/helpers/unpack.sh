#!/usr/bin/env bash
# Unpacks Debian packages into the cache without installing them, and prints the folder of the binaries, or libraries, of each.
# Usage: unpack.sh [1.6|1.7|2|registry|faketime|prometheus|alertmanager|nats|go]...   (all but go by default; 1.6 to 2 are
# containerd's)
# The host's apt sources stay as they are: apt runs on a private folder with the host's own mirror and proxy settings.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${BERTH_TEST_CACHE:-$here/.cache}
mkdir -p "$cache"
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# What is asked for -> the Debian release that has it, and its packages.
source_of() {
	case $1 in
	1.6) echo bookworm containerd ;;
	1.7) echo trixie containerd ;;
	2) echo sid containerd ;;
	registry) echo bookworm docker-registry ;;
	faketime) echo bookworm libfaketime ;;
	prometheus) echo bookworm prometheus ;;
	alertmanager) echo bookworm prometheus-alertmanager ;;
	nats) echo trixie nats-server ;;
	go) echo trixie golang-1.24-go golang-1.24-src ;;
	*) echo "unpack: no such thing: $1 (1.6, 1.7, 2, registry, faketime, prometheus, alertmanager, nats or go)" >&2 && return 1 ;;
	esac
}

bin_folder() {
	case $1 in
	registry | prometheus | alertmanager | nats) echo "$cache/$1/bin" ;;
	faketime) echo "$cache/faketime/lib" ;;
	go) echo "$cache/go/lib/go-1.24/bin" ;;
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

# download RELEASE PACKAGE..., into the current folder
download() {
	[ -f "$cache/apt/$1/sources.list" ] && private_apt "$1" apt-get download "${@:2}" >&2
}

unpack() {
	local target release packages deb
	target=$(bin_folder "$1")
	read -ra packages < <(source_of "$1")
	release=${packages[0]}
	packages=("${packages[@]:1}")
	mkdir -p "$(dirname "$target")" "$tmp/$1"
	cd "$tmp/$1"
	download "$release" "${packages[@]}" || { update_index "$release" && download "$release" "${packages[@]}"; }
	for deb in ./*.deb; do dpkg -x "$deb" .; done
	[ ! -d usr/sbin ] || mv usr/sbin usr/bin
	if [ "$1" = go ]; then
		# As a whole: its programs look for the rest from where they are.
		usr/lib/go-1.24/bin/go version >&2
		rm -rf "$cache/go"
		mv usr "$cache/go"
	elif [ -d usr/bin ]; then
		"usr/bin/${packages[0]}" --version >&2
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
