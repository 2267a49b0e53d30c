#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The layer at the guest's door: real jails beside the same kernel on Debian's newest virtiofsd,
# and the bare host, in turns:
#   bench/guest.sh [ROUNDS] [LOAD...]      (root; default 3 rounds of all loads)
# virtiofsd and what it is linked with are unpacked into a folder that goes again: a peer here,
# nothing that gaol needs. It gets its best case: one processor with its guest (as gaol's), a plain
# ext4 below, no sandbox.
set -eu
source "$(dirname "$0")/lib.sh"
own_mounts "$@"
rounds=${1:-3}
shift || true
gaol=${GAOL:-$top/gaol}
kernel=${GAOL_KERNEL:-$(bash "$top/kernel/build.sh" path)}
contenders=(host virtiofsd-auto virtiofsd-always gaol)
memory=512M
cpu=$(($(nproc) - 1))

[ "$(id -u)" = 0 ] || fail "bind mounts for virtiofsd need root"
[ -x "$gaol" ] || fail "$gaol is missing: make first"
command -v gcc >/dev/null && command -v git >/dev/null || fail "gcc and git are part of the load"

vfs=
cleanup() {
	cd /
	[ -z "$vfs" ] || kill "$vfs" 2>/dev/null || true
	drop_scratch
}

make_base() {
	base=$scratch/base
	mkdir -p "$base/first" "$base/tree" "$base/src"
	cp "$work" "$bench/guest-load.sh" "$base/"
	"$work" create "$base/first" 2000 4096 >/dev/null
	"$work" tree "$base/tree" 3000 >/dev/null
	tar -C "$base/tree" -cf "$base/tree.tar" .
	"$work" write "$base/large" $((128 << 20)) $((1 << 20)) >/dev/null
	for ((i = 0; i < 20; i++)); do
		printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\nint f%d(char *s)\n{\n\tprintf("%%s\\n", s);\n\treturn (int)strlen(s) + %d;\n}\n' $i $i \
			>"$base/src/f$i.c"
	done
	git init -q "$base/repo"
	cp -r "$base/tree/package-1" "$base/tree/package-2" "$top/core" "$top/tui" "$base/repo/"
	git -C "$base/repo" add -A
	git -C "$base/repo" -c user.name=bench -c user.email=bench@localhost commit -q -m all
	rm -r "$base/tree"
	chmod -R a+rX "$base"
}

# Debian's virtiofsd of a later release with its libraries, through kernel/'s apt state.
fetch_virtiofsd() (
	source "$top/kernel/lib/say.sh"
	source "$top/kernel/lib/source.sh"
	work=$scratch/apt log=$scratch/apt.log
	mkdir "$work"
	cd /
	write_apt_conf
	while read -r mirror <&4; do
		# shellcheck disable=SC2119
		phase() { shift 2 && "$@" >>"$log" 2>&1 </dev/null; }
		refresh "$mirror" trixie || continue
		for package in virtiofsd libc6 libgcc-s1 libseccomp2 libcap-ng0; do
			env -C "$work/deb" APT_CONFIG="$work/apt/conf" apt-get download "$package" >>"$log" 2>&1 ||
				exit 1
		done
		for deb in "$work"/deb/*.deb; do dpkg-deb -x "$deb" "$scratch/debian"; done
		exit 0
	done 4< <(mirrors)
	exit 1
)

# What virtiofsd shares: the host's system read-only by bind mounts, and room to write.
make_share() {
	share_root=$scratch/share
	mkdir -p "$share_root$base" "$share_root"/{proc,sys,dev,run,tmp,root,lab}
	for d in usr etc bin sbin lib lib64; do
		if [ -L "/$d" ]; then
			ln -s "$(readlink "/$d")" "$share_root/$d"
		elif [ -d "/$d" ]; then
			mkdir "$share_root/$d"
			mount --bind "/$d" "$share_root/$d"
			mount -o remount,bind,ro "$share_root/$d"
		fi
	done
	mount --bind "$base" "$share_root$base"
	"${CC:-gcc}" -std=c17 -D_GNU_SOURCE -O2 -static -o "$share_root/lab-init" "$top/tests/lab/init.c"
	boot=$scratch/boot
	# shellcheck disable=SC2046
	"${CC:-gcc}" -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O2 -I"$top" -o "$boot" "$top/tests/lab/boot.c" \
		"$build/libgaol.a" $(pkg-config --libs fuse3 jansson libgit2 zlib libseccomp) -lpthread
}

in_virtiofsd() {
	local lib=$scratch/debian/usr/lib/x86_64-linux-gnu sock=$scratch/vfs.sock
	rm -f "$sock"
	taskset -c "$cpu" "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$scratch/debian/usr/libexec/virtiofsd" \
		--socket-path "$sock" --tag gaolfs --shared-dir "$share_root" --cache="$1" --sandbox=none --xattr \
		--log-level=error 2>>"$scratch/virtiofsd.log" &
	vfs=$!
	until [ -S "$sock" ] || ! kill -0 "$vfs" 2>/dev/null; do sleep 0.05; done
	taskset -c "$cpu" "$boot" -k "$kernel" -S "$sock" -m "$memory" -c "$2" 2>>"$scratch/boot.log"
	wait "$vfs" || true
	vfs=
}

run_one() {
	local load="sh $base/guest-load.sh $base /lab/new ${*:2}"
	case $1 in
	host) taskset -c "$cpu" sh "$base/guest-load.sh" "$base" "$scratch/host/$i" "${@:2}" ;;
	virtiofsd-*)
		in_virtiofsd "${1#*-}" "$load"
		rm -rf "$share_root/lab"/*
		;;
	gaol)
		GAOL_HOME=$scratch/home GAOL_RUN=$scratch/run "$gaol" run -q --root --memory "$memory" -C "$base" -- \
			sh -c "$load" </dev/null
		;;
	esac | tr -d '\r' | awk -v c="$1" 'NF == 2 && $2 ~ /^[0-9.]+$/ { print $1, c, $2 }' >>"$samples"
}

make_scratch
trap cleanup EXIT
make_work
make_base
fetch_virtiofsd || fail "no Debian mirror has virtiofsd: $(tail -n 1 "$scratch/apt.log")"
make_share
for ((i = 1; i <= rounds; i++)); do
	for c in $(turn "$i" "${contenders[@]}"); do
		say "guest: round $i of $rounds: $c"
		run_one "$c" "$@"
	done
done

cat >"$scratch/bars" <<'END'
create_2000 virtiofsd-auto+virtiofsd-always 0.5
untar_3000 virtiofsd-auto+virtiofsd-always 0.6
find virtiofsd-auto+virtiofsd-always 1.0
rm_r virtiofsd-auto+virtiofsd-always 1.0
lstat_first virtiofsd-auto+virtiofsd-always 1.0
lstat_warm virtiofsd-auto+virtiofsd-always 1.05
open_read_first virtiofsd-auto+virtiofsd-always 0.6
open_read_again virtiofsd-auto+virtiofsd-always 1.0
enoent_warm virtiofsd-auto+virtiofsd-always 0.3
write_4k_64M virtiofsd-auto+virtiofsd-always 1.0
append_100 virtiofsd-auto+virtiofsd-always 1.0
write_128M virtiofsd-auto+virtiofsd-always 1.0
read_128M virtiofsd-auto+virtiofsd-always 1.0
npm_10000 virtiofsd-auto+virtiofsd-always 1.0
gcc_20 virtiofsd-auto+virtiofsd-always 1.05
git_clone virtiofsd-auto+virtiofsd-always 1.0
git_status virtiofsd-auto+virtiofsd-always 1.0
true_500 virtiofsd-auto+virtiofsd-always 1.05
END
rows=$(awk '!seen[$1]++ { print $1 }' "$samples")
for row in $rows; do echo "$row host -"; done >>"$scratch/bars"
table ms "$scratch/bars" "${contenders[@]}" | sed 's/virtiofsd-auto+virtiofsd-always/virtiofsd/g' | tee "$scratch/table"
[ $# -gt 0 ] || publish guest "The layer at the guest's door (medians of $rounds rounds)" <"$scratch/table"
