#!/usr/bin/env bash
# Unpacks Debian packages into the cache without installing them, and prints the folder of the binaries of each.
# Usage: unpack.sh [1.6|1.7|2|registry]...     (containerd of three Debian releases, docker-registry; all by default)
# The host's apt sources stay as they are: apt runs on a private folder with the host's own mirror and proxy settings.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${BERTH_TEST_CACHE:-$here/.cache}
apt_dir=$cache/apt

# What is asked for -> package and the Debian release that has it.
source_of() {
	case $1 in
	1.6) echo containerd bookworm ;;
	1.7) echo containerd trixie ;;
	2) echo containerd sid ;;
	registry) echo docker-registry bookworm ;;
	*) echo "unpack: no such thing: $1 (1.6, 1.7, 2 or registry)" >&2 && return 1 ;;
	esac
}

bin_folder() {
	case $1 in
	registry) echo "$cache/registry/bin" ;;
	*) echo "$cache/containerd/$1/bin" ;;
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
	local package=$1 release=$2 version
	version=$(private_apt apt-cache madison "$package" | awk -F' *[|] *' -v release=" $release/" '$3 ~ release { print $2; exit }')
	[ -n "$version" ] && private_apt apt-get download "$package=$version" >&2
}

unpack() {
	local target package release tmp
	target=$(bin_folder "$1")
	read -r package release < <(source_of "$1")
	mkdir -p "$(dirname "$target")"
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	cd "$tmp"
	[ -f "$apt_dir/sources.list" ] || update_index
	download "$package" "$release" || { update_index && download "$package" "$release"; }
	dpkg -x ./*.deb .
	"usr/bin/$package" --version >&2
	rm -rf "$target"
	mv usr/bin "$target"
	cd "$here"
	rm -rf "$tmp"
}

[ $# -gt 0 ] || set -- 1.6 1.7 2 registry
for wanted in "$@"; do
	source_of "$wanted" >/dev/null
	[ -d "$(bin_folder "$wanted")" ] || unpack "$wanted"
	bin_folder "$wanted"
done
