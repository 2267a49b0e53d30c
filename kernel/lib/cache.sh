# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared between the files
# SPDX-License-Identifier: GPL-2.0-or-later
# The cache of finished images:
#   CACHE/kernel/VERSION-HASH/{linux,config,info,booted}   a checked image
#   CACHE/kernel/current -> VERSION-HASH                   the one in use
#   CACHE/kernel/failed/VERSION-HASH/{reason,log,...}      a version that did not make it
#   CACHE/kernel/.work.*                                   a build that runs, or was killed
# An image appears by one rename, so a directory with a plain name is always whole.

system_cache=/var/cache/gaol
# Raise it when the way of building changes the image; fragment and patches count by themselves.
recipe=1
cache=		# the cache of this user: choose_cache
config_hash=	# load_hash
found=		# the image that find_cached or a build came to
kdir=		# CACHE/kernel, once open_cache holds the lock

choose_cache() {
	if [ -n "${GAOL_CACHE-}" ]; then
		cache=$GAOL_CACHE
	elif [ "$EUID" -eq 0 ]; then
		cache=$system_cache
	elif [[ ${XDG_CACHE_HOME-} == /* ]]; then
		cache=$XDG_CACHE_HOME/gaol
	else
		cache=${HOME-}/.cache/gaol
	fi
	[[ $cache == /* ]] || die "the cache $cache has no absolute path" "mend GAOL_CACHE or HOME"
}

# key_of IMAGE: VERSION-HASH
key_of() {
	local dir=${1%/*}
	printf '%s\n' "${dir##*/}"
}

is_current() { [ "$(readlink "$cache/kernel/current")" = "$1" ]; }

# Sets patches: the files in the order in which they apply.
list_patches() {
	local p
	patches=()
	for p in "$here"/patches/*.patch; do
		[ ! -f "$p" ] || patches+=("$p")
	done
}

# Sets config_hash from all that shapes the image; 12 hex digits are plenty among a handful of builds.
load_hash() {
	[ -z "$config_hash" ] || return 0
	list_patches
	config_hash=$(cat "$here/uml.fragment" "${patches[@]}" - <<<"recipe $recipe" | sha256sum) ||
		die "cannot read $here/uml.fragment" "check the installation"
	config_hash=${config_hash:0:12}
}

# trusted OWNER PATH...: all are OWNER's and nobody else may write them. What we start as the
# guest's kernel runs with the caller's rights.
trusted() {
	local owner=$1 uid mode
	shift
	while read -r uid mode; do
		[ "$uid" = "$owner" ] && [ $((8#$mode & 8#22)) -eq 0 ] || return 1
	done < <(stat -L -c '%u %a' -- "$@" 2>/dev/null || echo none 777)
}

# complete CACHE KEY: a whole image that may be used.
complete() {
	local dir=$1/kernel/$2 owner=$EUID
	[ "$1" != "$system_cache" ] || owner=0
	[ -x "$dir/linux" ] && [ -s "$dir/linux" ] && [ -s "$dir/config" ] && [ -s "$dir/info" ] &&
		trusted "$owner" "$1" "$1/kernel" "$dir" "$dir/linux"
}

# wanted KEY: right configuration, and the version asked for.
wanted() {
	[[ $1 == */* || $1 != *-$config_hash ]] && return 1
	is_pinned "$1"
}

is_pinned() {
	local pin=${GAOL_KERNEL_VERSION-}
	[ -z "$pin" ] || [[ $1 == "$pin" || $1 == "$pin"[.-]* ]]
}

# Keys of the right configuration, newest first.
keys_in() {
	local dir
	for dir in "$1"/kernel/[0-9]*-"$config_hash"; do
		[ ! -d "$dir" ] || printf '%s\n' "${dir##*/}"
	done | sort -rV
}

# Sets found, from one's own cache or else from what root built for everybody. Needs no lock, no
# network and a few milliseconds.
find_cached() {
	load_hash
	find_in "$cache" && return
	[ -z "${GAOL_CACHE-}" ] && [ "$cache" != "$system_cache" ] && find_in "$system_cache"
}

# find_in CACHE: the current image, else the newest that will do.
find_in() {
	local key
	found=
	[ -d "$1/kernel" ] || return 1
	use_key "$1" "$(readlink "$1/kernel/current")" && return
	while read -r key; do
		use_key "$1" "$key" && return
	done < <(keys_in "$1")
	return 1
}

use_key() {
	wanted "$2" && complete "$1" "$2" && found=$1/kernel/$2/linux
}

# Makes the cache, takes its lock for the rest of the run and clears what killed builds left.
open_cache() {
	kdir=$cache/kernel
	mkdir -p "$kdir" 2>/dev/null || die "cannot make $kdir" "set GAOL_CACHE to a place of yours"
	chmod go-w "$cache" "$kdir" 2>/dev/null
	exec 9>>"$kdir/.lock" || die "cannot write to $kdir" "set GAOL_CACHE to a place of yours"
	if ! flock -n 9; then
		say "another build is running (process $(<"$kdir/.lock")): waiting for it"
		flock 9
	fi
	echo $$ >"$kdir/.lock"
	rm -rf "$kdir"/.work.* "$kdir"/.current.*
	load_hash
}

# make_work DIR: the private directory of this run.
make_work() {
	[ -z "$work" ] || return 0
	work=$(mktemp -d "$1/.work.XXXXXX") || die "cannot write to $1" "free some space"
	log=$work/log
	: >"$log"
	# apt downloads as its own user, who has to pass.
	chmod 0755 "$work"
}

write_info() {
	{
		echo "version=$1"
		echo "package=$2"
		echo "hash=$config_hash"
		echo "built=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
		echo "seconds=$SECONDS"
		echo "compiler=$(gcc --version | head -n 1)"
		echo "bytes=$(stat -c %s "$work/out/linux")"
	} >"$work/out/info"
}

# note_booted DIR: how it was checked; the first word is looked for by owes_check.
note_booted() {
	printf '%s %s on %s\n' "$checked" "$(date -u +%Y-%m-%d)" "$(uname -r)" >"$1/booted"
}

# install_out KEY: what is in work/out becomes the current image.
install_out() {
	sync "$work/out"/* 2>/dev/null
	rm -rf "${kdir:?}/$1" "$kdir/failed/$1"
	mv -T "$work/out" "$kdir/$1" || die "cannot write to $kdir" "free some space"
	found=$kdir/$1/linux
	point_current "$1"
}

point_current() {
	{ ln -s "$1" "$kdir/.current.$$" && mv -fT "$kdir/.current.$$" "$kdir/current"; } ||
		die "cannot write to $kdir" "free some space"
}

# put_aside KEY DIR REASON: remembers a failure with all that helps to understand it.
put_aside() {
	mkdir -p "$kdir/failed"
	rm -rf "$kdir/failed/$1"
	echo "$3" >"$2/reason"
	cp "$log" "$2/log"
	mv -T "$2" "$kdir/failed/$1"
	if is_current "$1"; then rm -f "$kdir/current"; fi
}

# bring_back KEY: a failed image that boots by now.
bring_back() {
	rm -f "$kdir/failed/$1/reason" "$kdir/failed/$1/log"
	note_booted "$kdir/failed/$1"
	rm -rf "${kdir:?}/$1"
	mv -T "$kdir/failed/$1" "$kdir/$1" || return 1
	found=$kdir/$1/linux
	point_current "$1"
}

remove_others() {
	local dir
	for dir in "$kdir"/[0-9]*; do
		is_current "${dir##*/}" || rm -rf "$dir"
	done
	rm -rf "$kdir/failed" "$kdir/build.log"
}
