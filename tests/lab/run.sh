#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Boots real guests by tests/lab/boot and walks through what they do with their root file system:
#   tests/lab/run.sh KERNEL [BUILD]       BUILD: the build folder (default build)
# Needs libgaol.a there. When LAB_USER is set (and we are root), walks again as that user.
set -eu
kernel=$(readlink -f "${1:?usage: run.sh KERNEL [BUILD]}")
build=${2:-build}
here=$(dirname "$0")
out=$(mktemp -d /tmp/gaol-lab-run-XXXXXX)
trap 'rm -rf "$out"' EXIT
chmod 755 "$out"
flags="-std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314 -O2 -g -Wall -I."
[ -f "$build/libgaol.a" ] || make -s "$build/libgaol.a"
${CC:-gcc} $flags -static -o "$out/init" "$here/init.c"
${CC:-gcc} $flags ${LAB_FLAGS:-} -o "$out/boot" "$here/boot.c" "$build/libgaol.a" \
	$(pkg-config --libs fuse3 jansson libgit2 zlib libseccomp) -lpthread
cp "$here/walk.sh" "$kernel" "$out/"
chmod 755 "$out"/*
walk="cd '$out' && timeout 300 ./boot -k './$(basename "$kernel")' -i ./init -e 1000000 -c \"\$(cat walk.sh)\""
sh -c "$walk"
[ -z "${LAB_USER:-}" ] || su "$LAB_USER" -c "$walk"
