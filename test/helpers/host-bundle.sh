#!/usr/bin/env bash
# Unpacks a bundle of this checkout into the cache, by which a clean host is installed without a network, and prints its folder.
# Usage: host-bundle.sh [bookworm|trixie]   (trixie by default). Its Debian packages are fetched once.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export BERTH_SUITE=${1:-trixie}
cache=${BERTH_TEST_CACHE:-$here/.cache}/host
folder=$cache/bundle-$BERTH_SUITE
mkdir -p "$cache"
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

[ ! -d "$folder/packages" ] || export BERTH_OFFLINE=$folder
npm_config_cache=${npm_config_cache:-$HOME/.npm} sh "$here/install.sh" bundle "$tmp/berth.tar" >&2
tar -xf "$tmp/berth.tar" -C "$tmp"
rm -rf "$folder"
mv "$tmp/berth" "$folder"
echo "$folder"
