#!/usr/bin/env bash
# Unpacks the containerd of three Debian releases side by side, and prints the bin folder of each line asked for.
# Usage: containerd-lines.sh [1.6|1.7|2]...        (all three without arguments)
# The host's apt sources stay as they are: apt runs on a private folder with the host's own mirror and proxy settings.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${BERTH_TEST_CACHE:-$here/.cache}
apt_dir=$cache/apt

release_of() {
	case $1 in
	1.6) echo bookworm ;;
	1.7) echo trixie ;;
	2) echo sid ;;
	*) echo "containerd-lines: no such line: $1 (1.6, 1.7 or 2)" >&2 && return 1 ;;
	esac
}

debian_mirror() {
	local mirror
	# shellcheck disable=SC2016 # the names in $() are apt's, not the shell's
	mirror=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian|//p' | head -n 1)
	echo "${mirror:-http://mirror.invalid/debian/}"
}

private_apt() {
	"$1" -qq -o Dir::Etc::SourceList="$apt_dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State="$apt_dir/state" -o Dir::Cache="$apt_dir/cache" -o APT::Sandbox::User=root \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::Languages=none "${@:2}"
}

# The index of all three is some 30 MB, so it is fetched once and again only when a package is no longer where it says.
update_index() {
	mkdir -p "$apt_dir/state/lists/partial" "$apt_dir/cache/archives/partial"
	local mirror release
	mirror=$(debian_mirror)
	for release in bookworm trixie sid; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main"
	done >"$apt_dir/sources.list"
	private_apt apt-get update >&2
}

download() {
	local version
	version=$(private_apt apt-cache madison containerd | awk -F' *[|] *' -v release=" $1/" '$3 ~ release { print $2; exit }')
	[ -n "$version" ] && (cd "$2" && private_apt apt-get download "containerd=$version" >&2)
}

unpack() {
	local line=$1 release tmp
	release=$(release_of "$line")
	mkdir -p "$cache/containerd"
	tmp=$(mktemp -d "$cache/containerd/tmp.XXXXXX")
	[ -f "$apt_dir/sources.list" ] || update_index
	download "$release" "$tmp" || { update_index && download "$release" "$tmp"; }
	dpkg -x "$tmp"/containerd_*.deb "$tmp"
	"$tmp/usr/bin/containerd" --version >&2
	mkdir -p "$cache/containerd/$line"
	rm -rf "$cache/containerd/$line/bin"
	mv "$tmp/usr/bin" "$cache/containerd/$line/bin"
	rm -rf "$tmp"
}

[ $# -gt 0 ] || set -- 1.6 1.7 2
for line in "$@"; do
	release_of "$line" >/dev/null
	[ -x "$cache/containerd/$line/bin/containerd" ] || unpack "$line"
	echo "$cache/containerd/$line/bin"
done
