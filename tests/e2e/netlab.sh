# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# netlab.sh: a small world for tests of jails' networks: nothing outside is needed or reached.
# Source it in front of lib.sh and call lab_enter "$@": the test is run again inside new network and
# mount namespaces, which takes root. Where a function as_user is exported (test_user.sh), it is what
# runs the test in there, with a /dev/net/tun that users may open.
#
#	the host: 203.0.113.1, 192.168.77.1, 2001:db8:1::1
#	    |
#	the servers, in a network namespace of their own (tests/e2e/netlab.py): 203.0.113.10,
#	198.51.100.10, 2001:db8:1::10, and what no jail should reach: 192.168.77.10, 169.254.169.254
#
# $LAB is a directory: www/ is served on port 80, log has a line per request.
LAB4=203.0.113.10 LAB6=2001:db8:1::10 LAB_PRIVATE=192.168.77.10 LAB_META=169.254.169.254

lab_enter() {
	case ${LAB_STEP-} in
	test) return 0 ;;
	wires) lab_world "$@" ;;
	esac
	if [ "$(id -u)" != 0 ]; then
		echo 'ok    the network is tested as root, for root and for users'
		echo '1 passed, 0 failed'
		exit 0
	fi
	if [ ! -e /dev/net/tun ] || ! unshare -n true 2>/dev/null; then
		echo 'ok    this host has no taps or network namespaces: nothing to test'
		echo '1 passed, 0 failed'
		exit 0
	fi
	LAB_STEP=wires exec unshare -n -m bash "$0" "$@"
}

lab_wires() {
	ip link set lo up
	# As on Debian; a new namespace lets nobody.
	echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range
	unshare -n sleep infinity >/dev/null 2>&1 &
	LAB_PID=$!
	until [ "$(readlink /proc/$LAB_PID/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
	ip link add wire type veth peer name net netns $LAB_PID
	ip addr add 203.0.113.1/24 dev wire
	ip addr add 192.168.77.1/24 dev wire
	ip -6 addr add 2001:db8:1::1/64 dev wire nodad
	ip link set wire up
	ip route add default via 203.0.113.10
	ip route add 169.254.169.254/32 dev wire
	ip -6 route add default via 2001:db8:1::10
	nsenter -t $LAB_PID -n bash -c '
		ip link set lo up
		for a in 203.0.113.10/24 192.168.77.10/24 169.254.169.254/32 198.51.100.10/32; do
			ip addr add $a dev net; done
		ip -6 addr add 2001:db8:1::10/64 dev net nodad
		ip link set net up
		ip route add default via 203.0.113.1'
}

lab_servers() {
	mkdir -p "$LAB/www"
	printf 'nameserver %s\nsearch lab.test\n' $LAB4 >"$LAB/resolv"
	mount --bind "$LAB/resolv" /etc/resolv.conf
	nsenter -t $LAB_PID -n python3 "${BASH_SOURCE[0]%/*}/netlab.py" "$LAB" >/dev/null 2>&1 &
	LAB_SERVER=$!
	until [ -e "$LAB/ready" ]; do
		kill -0 $LAB_SERVER 2>/dev/null || { echo "FAIL  the servers did not start"; exit 1; }
		sleep 0.02
	done
}

# A server on the host's side too, on every address: what the wall before it is for.
lab_host_server() {
	python3 "${BASH_SOURCE[0]%/*}/netlab.py" "$LAB" host >/dev/null 2>&1 &
	LAB_HOST=$!
	until [ -e "$LAB/ready.host" ]; do sleep 0.02; done
}

lab_world() {
	local status
	LAB=$(mktemp -d /tmp/gl.XXXXXX) || exit 1
	export LAB LAB_STEP=test
	trap 'kill $LAB_SERVER $LAB_HOST $LAB_PID 2>/dev/null; rm -rf "$LAB"' EXIT
	trap 'exit 143' TERM INT HUP
	set -e
	lab_wires
	lab_servers
	lab_host_server
	set +e
	: >"$LAB/log"
	chmod 755 "$LAB" && chmod 777 "$LAB/www" && chmod 666 "$LAB/log"
	if declare -F as_user >/dev/null; then
		mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && chmod 666 /dev/net/tun
		(as_user LAB="$LAB" LAB_STEP=test bash "$0" "$@")
	else
		bash "$0" "$@"
	fi
	status=$?
	exit $status
}
