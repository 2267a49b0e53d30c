#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The layer at the host's door beside kernel overlayfs and fuse-overlayfs, on one disk, in turns:
#   bench/layer.sh [ROUNDS] [ROW...]       (root; default 5 rounds of all rows)
# fuse-overlayfs is installed when it is missing: a peer here, nothing that gaol needs.
set -eu
source "$(dirname "$0")/lib.sh"
own_mounts "$@"
rounds=${1:-5}
shift || true
gaol=${GAOL:-$top/gaol}
peers=(overlayfs fuse-overlayfs gaol)
contenders=(ext4 "${peers[@]}")

[ "$(id -u)" = 0 ] || fail "overlayfs needs root"
[ -x "$gaol" ] || fail "$gaol is missing: make first"
command -v fuse-overlayfs >/dev/null || apt-get install -qq -y fuse-overlayfs >/dev/null

cleanup() {
	cd /
	for c in "${peers[@]}"; do
		umount "$scratch/$c/mnt" 2>/dev/null || umount -l "$scratch/$c/mnt" 2>/dev/null || true
	done
	drop_scratch
}

# The lower layer: what the read rows look at, and a project to compile.
make_lower() {
	local low=$scratch/lower
	mkdir -p "$low/many" "$low/project" "$scratch/tree"
	"$work" tree "$low/many" 48000 >/dev/null
	"$work" write "$low/big" $((256 << 20)) $((1 << 20)) >/dev/null
	cp -r "$top/guest" "$low/project/guest"
	mkdir "$low/project/core"
	cp "$top/core/chanproto.h" "$low/project/core/"
	"$work" tree "$scratch/tree" 9000 >/dev/null
	tar -C "$scratch/tree" -cf "$scratch/tree.tar" .
}

mount_one() {
	local d=$scratch/$1 low=$scratch/lower
	mkdir -p "$d/upper" "$d/work" "$d/mnt"
	case $1 in
	ext4) [ -d "$d/mnt/project" ] || { cp -r "$low/project" "$d/mnt/" && ln -s "$low/many" "$low/big" "$d/mnt/"; } ;;
	overlayfs) mount -t overlay overlay -o "lowerdir=$low,upperdir=$d/upper,workdir=$d/work" "$d/mnt" ;;
	fuse-overlayfs) fuse-overlayfs -o "lowerdir=$low,upperdir=$d/upper,workdir=$d/work" "$d/mnt" ;;
	gaol) "$gaol" layer -o "lowerdir=$low,upperdir=$d/upper,workdir=$d/work,allow_other" "$d/mnt" ;;
	esac
}

umount_one() {
	[ "$1" = ext4 ] || umount "$scratch/$1/mnt" || { sleep 0.2 && umount "$scratch/$1/mnt"; }
}

compile() {
	cd "$1/project"
	mkdir -p out
	for f in guest/*.c; do
		gcc -D_GNU_SOURCE -I. -Os -c -o "out/$(basename "$f" .c).o" "$f"
	done
	gcc -static -o out/init out/*.o
	rm -r out
}
export -f compile

# measure ROW CONTENDER: one sample; "cold" rows begin with a new mount and empty caches.
measure() {
	local row=$1 c=$2 m=$scratch/$2/mnt t
	case $row in
	*cold)
		umount_one "$c"
		drop_caches
		mount_one "$c"
		;;
	*) sync ;;
	esac
	case $row in
	create)
		mkdir "$m/new"
		t=$("$work" create "$m/new" 5000 4096)
		rm -r "$m/new"
		;;
	create_any_owner)
		mkdir "$m/new"
		t=$("$work" createany "$m/new" 5000 4096)
		rm -r "$m/new"
		;;
	untar)
		mkdir "$m/tar"
		t=$("$work" run tar -xf "$scratch/tree.tar" -C "$m/tar")
		;;
	rm) t=$("$work" run rm -r "$m/tar") ;;
	walk_cold) t=$("$work" walk "$m/many/") ;;
	read_cold) t=$("$work" read "$m/big") ;;
	# Another's cold row has emptied all caches, and a file that any of them reads is warm on the
	# disk's side for all: warm is what one has read just now, at its own door.
	walk_warm)
		"$work" walk "$m/many/" >/dev/null
		t=$("$work" walk "$m/many/")
		;;
	read_warm)
		"$work" read "$m/big" >/dev/null
		t=$("$work" read "$m/big")
		;;
	write_fsync)
		t=$("$work" write "$m/out" $((256 << 20)) $((1 << 20)) fsync)
		rm "$m/out"
		;;
	compile) t=$("$work" run bash -c 'compile "$1"' compile "$m") ;;
	esac
	sample "$row" "$c" "$t"
}

make_scratch
trap cleanup EXIT
make_work
make_lower
for c in "${contenders[@]}"; do mount_one "$c"; done
rows=("$@")
[ $# -gt 0 ] || rows=(create create_any_owner untar rm walk_cold walk_warm read_cold read_warm write_fsync compile)
for ((i = 1; i <= rounds; i++)); do
	say "layer: round $i of $rounds"
	for row in "${rows[@]}"; do
		for c in $(turn "$i" "${contenders[@]}"); do measure "$row" "$c"; done
	done
done

cat >"$scratch/bars" <<'END'
create overlayfs 2.5
create_any_owner overlayfs 3.5
untar overlayfs 2.5
rm overlayfs 2.5
walk_cold overlayfs 2.0
walk_warm overlayfs 1.2
read_cold overlayfs 1.2
read_warm overlayfs 1.1
write_fsync overlayfs 1.3
compile overlayfs 1.2
create fuse-overlayfs 0.6
create_any_owner fuse-overlayfs 0.6
untar fuse-overlayfs 1.0
rm fuse-overlayfs 1.0
walk_cold fuse-overlayfs 1.0
walk_warm fuse-overlayfs 1.0
read_cold fuse-overlayfs 1.0
read_warm fuse-overlayfs 1.0
write_fsync fuse-overlayfs 1.0
compile fuse-overlayfs 1.0
END
table ms "$scratch/bars" "${contenders[@]}" | tee "$scratch/table"
[ $# -gt 0 ] || publish layer "The layer at the host's door (medians of $rounds rounds)" <"$scratch/table"
