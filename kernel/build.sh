#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's kernel: finds the cached image, or makes it from Debian's newest linux-source.
# The image's path is the only line on stdout; everything else goes to stderr.
# README.md beside this file says how cache, boot check and fallback work.
set -u -o pipefail
export LC_ALL=C
unset CDPATH

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd) || exit 1

# shellcheck source=kernel/lib/say.sh
. "$here/lib/say.sh"
# shellcheck source=kernel/lib/cache.sh
. "$here/lib/cache.sh"
# shellcheck source=kernel/lib/source.sh
. "$here/lib/source.sh"
# shellcheck source=kernel/lib/compile.sh
. "$here/lib/compile.sh"
# shellcheck source=kernel/lib/boot.sh
. "$here/lib/boot.sh"

# Builds in one call. A check that refuses three kernels is more likely wrong itself.
max_builds=3

usage() {
	cat <<-EOF
	usage: build.sh [ensure|update|path|check IMAGE|clean]

	  ensure       print the path of a guest kernel, building it when there is none (default)
	  update       the same, but first ask the mirror for a newer version
	  path         print the path if one is cached, else exit 1; builds nothing
	  check IMAGE  boot IMAGE and say whether it works
	  clean        remove cached images but the current one, and what is known of failures

	  GAOL_KERNEL=FILE          use this image, ask nothing
	  GAOL_KERNEL_VERSION=N.M   only this version (a prefix: 7, 7.2, 7.2.12)
	  GAOL_BOOTCHECK=PROGRAM    run as PROGRAM IMAGE: 0 boots, 77 cannot say, else fails
	  GAOL_MIRROR=URI           a Debian mirror, instead of the one apt uses
	  GAOL_CACHE=DIR            instead of /var/cache/gaol (root) or \$XDG_CACHE_HOME/gaol
	EOF
}

# Prints the image named by GAOL_KERNEL; status 1 when the variable is not set.
override() {
	[ -n "${GAOL_KERNEL-}" ] || return 1
	is_program "$GAOL_KERNEL" ||
		die "GAOL_KERNEL=$GAOL_KERNEL is not an executable file" "name another or unset it"
	printf '%s\n' "$GAOL_KERNEL"
}

is_program() { [ -f "$1" ] && [ -x "$1" ]; }

cmd_path() {
	override && return
	find_cached && printf '%s\n' "$found"
}

cmd_ensure() {
	override && return
	if find_cached && is_settled "$found"; then
		printf '%s\n' "$found"
		return
	fi
	make_image ask_cache
}

cmd_update() {
	override && return
	make_image ask_mirror
}

cmd_check() {
	[ $# -eq 1 ] || die "check takes one image" "see --help"
	is_program "$1" || die "$1 is not an executable file" "name a kernel image"
	make_work "${TMPDIR:-/tmp}"
	boot_check "$(realpath "$1")" || die "$1 does not boot ($why)" "try another version or host"
	say "$1 boots (checked: $checked)"
}

cmd_clean() {
	[ -d "$cache/kernel" ] || return 0
	open_cache
	remove_others
}

# make_image ask_cache|ask_mirror: everything that needs the lock.
make_image() {
	open_cache
	while [ "$1" = ask_cache ] && find_cached; do
		settle "$found" || continue
		printf '%s\n' "$found"
		return
	done
	need_machine
	need_tools
	need_space "$kdir"
	make_work "$kdir"
	list_candidates
	try_candidates || die "no version boots here ($tried)" \
		"see $kdir/failed/*/log; build.sh clean forgets them"
	printf '%s\n' "$found"
}

# An image that had only the bare check is booted by the hook as soon as there is one.
owes_check() {
	[ -n "${GAOL_BOOTCHECK-}" ] && ! grep -q '^hook' "${1%/*}/booted" 2>/dev/null
}

# Nothing to do for this image: not ours to change, or checked and the current one.
is_settled() {
	[[ $1 != "$cache"/* ]] && return 0
	is_current "$(key_of "$1")" && ! owes_check "$1"
}

# settle IMAGE: pays the owed check and makes it current; status 1 when it failed and was put aside.
settle() {
	local key
	is_settled "$1" && return 0
	key=$(key_of "$1")
	make_work "$kdir"
	if ! owes_check "$1" || boot_check "$1"; then
		[ -z "$checked" ] || note_booted "${1%/*}"
		point_current "$key"
		return 0
	fi
	say "$key does not boot ($why): looking for another version"
	put_aside "$key" "${1%/*}" boot
	return 1
}

# Newest first, until one is there and boots. Sets found, or tried.
try_candidates() {
	local version package key builds=0
	tried=
	while read -r version package <&3; do
		key=$version-$config_hash
		if try_cached "$key"; then return 0; fi
		if [ -e "$kdir/failed/$key/reason" ]; then
			say "$version failed before ($(<"$kdir/failed/$key/reason")): trying an older one"
			tried+="${tried:+, }$version"
			continue
		fi
		[ $((builds++)) -lt $max_builds ] || break
		if build_one "$version" "$package" "$key"; then return 0; fi
		tried+="${tried:+, }$version"
	done 3<<<"$candidates"
	return 1
}

# What is in the cache already: good as it is, or failed once and perhaps good by now (another
# host CPU, another hook); a second boot costs less than a second build.
try_cached() {
	local image=$kdir/failed/$1/linux
	if complete "$cache" "$1"; then
		found=$kdir/$1/linux
		settle "$found"
		return
	fi
	is_program "$image" && boot_check "$image" && bring_back "$1"
}

# build_one VERSION PACKAGE KEY: source to checked image in the cache.
build_one() {
	say "building guest kernel $1"
	rm -rf "$work/out" "$work/src"
	mkdir "$work/out" || die "cannot write to $work" "free some space"
	: >"$log"
	fetch_source "$1" "$2"
	if ! compile "$1"; then
		say "$1: $why: trying an older one"
		put_aside "$3" "$work/out" "${why%%:*}"
		return 1
	fi
	if ! boot_check "$work/out/linux"; then
		say "$1 does not boot ($why): trying an older one"
		write_info "$1" "$2"
		put_aside "$3" "$work/out" boot
		return 1
	fi
	is_tested "$1" || say "$1 is not in kernel/tested yet (checked: $checked)"
	write_info "$1" "$2"
	note_booted "$work/out"
	install_out "$3"
}

is_tested() {
	awk -v v="$1" '$1 == v { found = 1 } END { exit !found }' "$here/tested"
}

main() {
	umask 022
	ulimit -c 0
	choose_cache
	trap tidy EXIT
	trap 'interrupted' INT TERM HUP
	case ${1-ensure} in
	ensure) cmd_ensure ;;
	update) cmd_update ;;
	path) cmd_path ;;
	check) shift; cmd_check "$@" ;;
	clean) cmd_clean ;;
	-h | --help | help) usage ;;
	*) die "unknown command: $1" "see --help" ;;
	esac
}

# Tests read this file for its functions and put others in their place.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	main "$@"
fi
