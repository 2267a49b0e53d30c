#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs the Debian packages that building, running and testing gaol needs, and only those that
# are missing. Each line of the lists is a package and why it is there (HACKING.md says more).
set -u -o pipefail
for=${1-} # "fuzz", "bench", "long": also what only the fuzzers, the benches, check-long need
here=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd) || exit 1

list() {
	cat <<-'EOF'
	gcc            compiler
	make           build
	pkg-config     finds the libraries
	libc6-dev      C library, also static for the guest's init
	libfuse3-dev   FUSE protocol of both doors
	libgit2-dev    checkpoints are a git repository
	libncurses-dev the screen
	libreadline-dev command line of the console program
	libvterm-dev   terminal of the guest inside a pane
	libseccomp-dev walls
	libjansson-dev JSON
	zlib1g-dev     packs of the repository
	libslirp-dev   network of jails, without privileges
	libmnl-dev     netlink: interfaces, routes, verdicts
	iptables       packet filter of a jail's own namespace
	check          unit tests
	bubblewrap     walls of the guest
	fuse3          fusermount3, windows of ordinary users
	git            stock git reads what gaol writes
	tmux           screen tests, pictures
	iproute2       tests of the network: namespaces with servers
	curl           tests of the network
	python3        tests of the network: servers and raw frames
	attr           tests of attributes
	acl            tests of ACLs
	libcap2-bin    tests of capabilities
	vim            tests of the console: programs that want a whole terminal
	less           likewise
	htop           likewise
	zsh            tests of its completion
	fish           tests of its completion
	EOF
	sed 's/$/ kernel build/' "$here/kernel/build-deps"
	case $for in
	fuzz) printf '%s\n' 'clang fuzzers' 'libclang-rt-14-dev fuzzers' ;;
	bench) printf '%s\n' 'tig its diff is the bar' 'strace counts of system calls' 'fuse-overlayfs a peer' 'slirp4netns a peer' ;;
	long) printf '%s\n' 'valgrind a thousand keys without a leak' ;;
	esac
}

missing() {
	local have
	have=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }')
	list | awk -v have="$have" '
		BEGIN { n = split(have, h, "\n"); for (i = 1; i <= n; i++) there[h[i]] = 1; there["pkg-config"] = there["pkg-config"] || there["pkgconf"] }
		!there[$1] && !seen[$1]++ { print }'
}

main() {
	local lines names as_root=()
	lines=$(missing)
	[ -n "$lines" ] || return 0
	names=$(awk '{ print $1 }' <<<"$lines")
	if ! command -v apt-get >/dev/null; then
		echo "gaol: deps: these packages are missing and there is no apt-get: install" $names >&2
		return 1
	fi
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || {
			echo "gaol: deps: these packages are missing: as root run: apt-get install" $names >&2
			return 1
		}
		as_root=(sudo)
	fi
	echo "gaol: installing what is missing (apt-get):" >&2
	sed 's/^/  /' <<<"$lines" >&2
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $names \
			>/dev/null && return 0
	echo "gaol: deps: apt-get failed: see above; install by hand:" $names >&2
	return 1
}

main
