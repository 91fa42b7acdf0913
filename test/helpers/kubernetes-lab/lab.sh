#!/usr/bin/env bash
# A Kubernetes cluster of one node, in network, mount and process namespaces of its own: the control plane, the kubelet, etcd and
# kubectl as one program (main.go), and Debian's containerd, runc, CNI plugins and registry. Needs root and cgroup v1.
#   lab.sh build      builds the program into the cache where it is not there yet, and prints its path; 6 minutes at first
#   lab.sh up         starts the cluster, with its state in the folder $LAB; 5 s
#   lab.sh sh CMD...  runs a command in it, where its addresses and processes are, with KUBECONFIG set and kubectl in PATH
#   lab.sh down       ends it and all that runs in it; then $LAB may be deleted
# The API is at https://10.200.0.1, for Pods at https://10.96.0.1; images come from the registry at 127.0.0.1:5000, which is empty
# at each start: push-images.ts has the first ones. A part that is killed comes back, once no file $LAB/held/NAME is there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${BERTH_TEST_CACHE:-$(realpath "$here/../../../.cache")}
hierarchies=/sys/fs/cgroup
address=10.200.0.1
service_address=10.96.0.1

die() { echo "lab: $*" >&2 && exit 1; }

# ---- the program

# Kubernetes 1.34 wants Go 1.24: Debian's newer one, unpacked, where the machine's is older.
go_folder() {
	local minor
	minor=$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p') || true
	if [ "${minor:-0}" -ge 24 ]; then dirname "$(command -v go)"; else "$here/../unpack.sh" go; fi
}

compile() {
	local version variables=k8s.io/component-base/version
	PATH=$(go_folder):$PATH
	version=$(sed -n 's/^\tk8s\.io\/kubernetes //p' "$here/go.mod")
	cd "$here"
	CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' go build -trimpath -o "$1" \
		-ldflags "-s -w -X $variables.gitVersion=$version -X $variables.gitMajor=1 -X $variables.gitMinor=$(cut -d . -f 2 <<<"$version")" .
}

# Kept by what it is made of, and compressed: 34 MB of 138.
build() {
	local folder=$cache/kubernetes program
	program=$folder/$(cat "$here"/main.go "$here"/go.{mod,sum} | sha256sum | cut -c -12).zst
	if [ ! -e "$program" ]; then
		mkdir -p "$folder"
		rm -f "$folder"/*
		(compile "$folder/k8s")
		zstd -q -12 -T0 --rm "$folder/k8s" -o "$program.new"
		mv "$program.new" "$program"
	fi
	echo "$program"
}

# ---- what its parts are given

# sign NAME SUBJECT ALTERNATIVE-NAMES: makes a key, and a certificate of the cluster's authority for it. The configuration is its
# own, as the host's adds extensions.
sign() {
	openssl req -x509 -config conf/openssl -CA pki/ca.crt -CAkey pki/ca.key -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
		-keyout "pki/$1.key" -out "pki/$1.crt" -days 3650 -subj "$2" -addext "subjectAltName=$3" \
		-addext keyUsage=digitalSignature -addext extendedKeyUsage=serverAuth,clientAuth 2>/dev/null
}

certificates() {
	printf '[req]\ndistinguished_name = none\n[none]\n' >conf/openssl
	openssl req -x509 -config conf/openssl -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout pki/ca.key -out pki/ca.crt \
		-days 3650 -subj /CN=lab -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
	sign apiserver /CN=kube-apiserver "IP:$address,IP:$service_address,DNS:kubernetes.default.svc"
	sign admin /O=system:masters/CN=admin DNS:admin
	# The name by which a node may change what is its own, and nothing else.
	sign kubelet "/O=system:nodes/CN=system:node:$name" "IP:$address,DNS:$name"
	openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out pki/accounts.key
	openssl pkey -in pki/accounts.key -pubout -out pki/accounts.pub
}

# Certificates are within: what reads it may be in a container.
kubeconfig() {
	cat >"conf/$1.kubeconfig" <<-END
		apiVersion: v1
		kind: Config
		current-context: lab
		contexts: [{ name: lab, context: { cluster: lab, user: $1 } }]
		clusters: [{ name: lab, cluster: { server: 'https://$address', certificate-authority-data: $(base64 -w0 pki/ca.crt) } }]
		users:
		  - name: $1
		    user: { client-certificate-data: $(base64 -w0 "pki/$1.crt"), client-key-data: $(base64 -w0 "pki/$1.key") }
	END
}

configurations() {
	kubeconfig admin
	kubeconfig kubelet
	# Without CAP_SYS_RESOURCE, as in a container, no process may be made less likely to be killed than its parent is.
	cat >conf/containerd.toml <<-END
		version = 2
		root = "$LAB/state/containerd"
		state = "/run/containerd"
		[grpc]
		address = "/run/containerd/containerd.sock"
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "127.0.0.1:5000/pause:1"
		restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "/usr/lib/cni"
		conf_dir = "$LAB/conf/cni"
	END
	mkdir -p conf/cni
	cat >conf/cni/lab.conflist <<-END
		{ "cniVersion": "0.4.0", "name": "lab", "plugins": [{ "type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "hairpinMode": true,
		  "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.244.0.0/24" }]] } }] }
	END
	# cgroupRoot keeps all Pods where \`down\` finds them. Debian 12's containerd cannot say which cgroup driver it has. Secrets that
	# change are seen within syncFrequency.
	cat >conf/kubelet.yaml <<-END
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		address: $address
		containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
		cgroupDriver: cgroupfs
		cgroupRoot: /$name
		failCgroupV1: false
		failSwapOn: false
		oomScoreAdj: 0
		makeIPTablesUtilChains: false
		authentication: { anonymous: { enabled: false }, webhook: { enabled: false }, x509: { clientCAFile: $LAB/pki/ca.crt } }
		authorization: { mode: AlwaysAllow }
		tlsCertFile: $LAB/pki/kubelet.crt
		tlsPrivateKeyFile: $LAB/pki/kubelet.key
		resolvConf: ''
		serializeImagePulls: false
		maxPods: 200
		syncFrequency: 10s
		nodeStatusUpdateFrequency: 4s
		imageGCHighThresholdPercent: 100
		evictionHard: { memory.available: 64Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1% }
	END
	cat >conf/registry.yml <<-END
		version: 0.1
		log: { level: error, accesslog: { disabled: true } }
		storage: { delete: { enabled: true }, filesystem: { rootdirectory: $LAB/state/registry } }
		http: { addr: '127.0.0.1:5000' }
	END
}

# ---- within its namespaces

# Folders that its parts have by heart are its own, in memory: they go with it. The kubelet shares its mounts with containers.
own_folders() {
	local folder
	for folder in /run /var/lib /var/log "$LAB/state"; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
	mkdir -p /run/netns /run/lock /run/containerd /var/lib/kubelet
	mount --make-rshared /var/lib
}

# The kubelet would set these for the whole machine: it finds files that say them already.
own_sysctls() {
	local setting path
	for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
		kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
		path=${setting%=*}
		mkdir -p "/run/sysctl/${path%/*}"
		echo "${setting#*=}" >"/run/sysctl/$path"
		mount --bind "/run/sysctl/$path" "/proc/sys/$path"
	done
}

# On lo, as the kubelet takes no address of 127.0.0.0/8 and not every kernel has dummy devices. Nothing routes to addresses of
# Services here, as kube-proxy would: the API listens on every address, so Pods find it at that of its Service.
own_addresses() {
	ip link set lo up
	ip address add $address/32 dev lo
	ip address add $service_address/32 dev lo
}

# keep PROGRAM [arguments]: starts it again when it has ended.
keep() {
	while :; do
		"$@" >>"$LAB/log/$1" 2>&1 || echo "$1 ended: $?"
		sleep .5
		while [ -e "$LAB/held/$1" ]; do sleep .1; done
	done &
}

api_server() {
	keep kube-apiserver --etcd-servers=http://127.0.0.1:2379 --secure-port=443 --advertise-address=$address \
		--service-cluster-ip-range=10.96.0.0/16 --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
		--tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key --client-ca-file=pki/ca.crt \
		--service-account-issuer=https://kubernetes.default.svc --service-account-key-file=pki/accounts.pub \
		--service-account-signing-key-file=pki/accounts.key --kubelet-client-certificate=pki/admin.crt \
		--kubelet-client-key=pki/admin.key --kubelet-certificate-authority=pki/ca.crt \
		--kubelet-preferred-address-types=InternalIP --profiling=false
}

# Is process 1 of its namespaces, and reaps what has lost its parent.
inside() {
	own_folders
	own_sysctls
	own_addresses
	keep docker-registry serve conf/registry.yml
	keep containerd --config conf/containerd.toml --log-level warn
	keep etcd --data-dir state/etcd --log-level warn --unsafe-no-fsync
	until (exec 3<>/dev/tcp/127.0.0.1/2379) 2>/dev/null; do sleep .05; done
	api_server
	# These would give up, or wait for long, without it.
	until kubectl get --raw /readyz >/dev/null 2>&1; do sleep .1; done
	local alone=(--leader-elect=false --bind-address=127.0.0.1 --profiling=false)
	# As the administrator: an account for each of its controllers takes 4 s more at the start.
	keep kube-controller-manager --kubeconfig=conf/admin.kubeconfig --root-ca-file=pki/ca.crt \
		--service-account-private-key-file=pki/accounts.key --node-monitor-period=1s "${alone[@]}"
	keep kube-scheduler --kubeconfig=conf/admin.kubeconfig "${alone[@]}"
	keep kubelet --config=conf/kubelet.yaml --kubeconfig=conf/kubelet.kubeconfig --hostname-override="$name" --node-ip=$address
	wait
}

# ---- from outside

# The kubelet wants its cgroup in every hierarchy.
make_cgroups() {
	local hierarchy file
	[ -d $hierarchies/cpuset ] || die "this host has cgroup v2 alone, the lab is for v1"
	for hierarchy in "$hierarchies"/*/; do mkdir -p "$hierarchy$name"; done
	for file in cpuset.cpus cpuset.mems; do cat $hierarchies/cpuset/$file >"$hierarchies/cpuset/$name/$file"; done
}

remove_cgroups() {
	find "$hierarchies"/*/"$name" -depth -type d -exec rmdir {} + 2>/dev/null || true
	! compgen -G "$hierarchies/*/$name" >/dev/null
}

# wait_for WHAT COMMAND...: polls for 60 s, as long as the lab runs.
wait_for() {
	local tries
	for ((tries = 0; tries < 600; tries++)); do
		("${@:2}") >/dev/null 2>&1 && return
		kill -0 "$(cat pid)" 2>/dev/null || break
		sleep .1
	done
	tail -n 20 log/* >&2
	die "$1 did not come up"
}

is_node_ready() {
	local state='{.items[0].spec.taints}{.items[0].status.conditions[?(@.type=="Ready")].status}'
	[ "$(enter kubectl get nodes -o jsonpath="$state")" = True ]
}

up() {
	[ ! -e pid ] || die "$LAB has a cluster already: lab.sh down"
	local part program
	program=$(build)
	rm -rf bin pki conf log held
	mkdir -p bin pki conf log held state
	zstd -q -d "$program" -o bin/k8s
	chmod +x bin/k8s
	for part in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do ln -s k8s bin/$part; done
	certificates
	configurations
	make_cgroups
	# One signal to the outer process ends everything.
	setsid unshare --net --mount --pid --fork --kill-child --mount-proc bash "$here/lab.sh" inside >log/lab 2>&1 </dev/null &
	echo $! >pid
	wait_for 'the API' enter kubectl get --raw /readyz
	wait_for 'the node' is_node_ready
	wait_for 'the service account of Pods' enter kubectl get serviceaccount default
}

enter() {
	local outer inner
	outer=$(cat "$LAB/pid")
	inner=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null) || die "no cluster runs in $LAB: lab.sh up"
	# shellcheck disable=SC2016 # expanded by the inner shell
	nsenter --target "${inner% }" --net --mount --pid bash -c 'cd "$1" && exec "${@:2}"' bash "$PWD" "$@"
}

down() {
	local outer tries
	[ -e pid ] || return 0
	outer=$(cat pid)
	kill -KILL "$outer" 2>/dev/null || true
	for ((tries = 0; tries < 200; tries++)); do
		remove_cgroups && rm pid && return
		sleep .1
	done
	die "cgroups of $name are left"
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
build) build ;;
up | down | sh | inside)
	[ -n "${LAB:-}" ] || die 'LAB must name a folder'
	mkdir -p "$LAB"
	LAB=$(realpath "$LAB")
	# Of the node, its certificate and its cgroups.
	name=lab-$(cksum <<<"$LAB" | cut -d ' ' -f 1)
	export LAB KUBECONFIG=$LAB/conf/admin.kubeconfig
	PATH=$LAB/bin:$("$here/../unpack.sh" 1.6):$("$here/../unpack.sh" registry):$PATH
	if [ "$command" = sh ]; then enter "$@"; else cd "$LAB" && "$command"; fi
	;;
*) sed -n 2,9p "$0" && exit 2 ;;
esac
