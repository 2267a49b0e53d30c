# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared between the files
# SPDX-License-Identifier: GPL-2.0-or-later
# From a source tree to a static, stripped image, and what that needs of the machine.

# Objects of a whole build with our configuration: the percentage is an estimate.
objects=760
# Unpacked source 1.2 GB, archive 0.35 GB, objects 0.1 GB, and room to breathe.
need_mb=3000

need_machine() {
	[ "$(uname -m)" = x86_64 ] || die "User-Mode Linux needs an x86-64 host" "use another machine"
}

# "tool:package" for all that is run; the packages are those of build-deps.
need_tools() {
	local pair missing=
	command -v apt-get >/dev/null ||
		die "there is no apt here" "build on a Debian machine and set GAOL_KERNEL to the image"
	for pair in gcc:gcc make:make flex:flex bison:bison bc:bc xz:xz-utils ld:binutils patch:patch; do
		command -v "${pair%%:*}" >/dev/null || missing+=" ${pair#*:}"
	done
	[[ $missing == *" gcc"* ]] || links_static || missing+=" libc6-dev"
	[ -r "$keyring" ] || missing+=" debian-archive-keyring"
	[ -z "$missing" ] || die "missing packages" "apt-get install$missing"
}

links_static() {
	echo 'int main(void) { return 0; }' | gcc -static -x c -o /dev/null - 2>/dev/null
}

need_space() {
	local free
	free=$(df --output=avail -B 1M "$1" | tail -n 1)
	[ "$free" -ge $need_mb ] ||
		die "only $free MB free in $1, a build takes $need_mb" "free some, or set GAOL_CACHE"
}

# wishes FILE: its options as lines "NAME VALUE", unless they are unchecked; "not set" and n are
# the same.
wishes() {
	awk '/^# unchecked: / { skip[$3] = 1 }
		$0 ~ /^CONFIG_/ && substr($0, 1, index($0, "=") - 1) in skip { next }
		/^CONFIG_[A-Za-z0-9_]+=/ { i = index($0, "="); print substr($0, 1, i - 1), substr($0, i + 1) }
		/^# CONFIG_[A-Za-z0-9_]+ is not set$/ { print $2, "n" }' "$1"
}

# refused FRAGMENT CONFIG: the options that did not get the value asked for. kconfig drops in
# silence what a dependency forbids, and a guest without, say, ACLs would look healthy.
refused() {
	awk 'NR == FNR { got[$1] = substr($0, length($1) + 2); next }
		{ want = substr($0, length($1) + 2); have = ($1 in got) ? got[$1] : "n" }
		want != have { printf "%s%s (asked %s, got %s)", sep, $1, want, have; sep = ", " }' \
		<(wishes "$2"; echo "# end") <(wishes "$1")
}

# kernel_make NAME PERCENT TARGET...: a clean environment, because flags and job servers of an
# outer make would leak in; fixed names, because the guest can read them in /proc/version.
kernel_make() {
	local name=$1 percent=$2
	shift 2
	phase "$name" "$percent" env -i PATH="$PATH" HOME="$work" TMPDIR="$work" LC_ALL=C \
		KBUILD_BUILD_USER=gaol KBUILD_BUILD_HOST=gaol KBUILD_BUILD_VERSION=1 \
		KBUILD_BUILD_TIMESTAMP="$stamp" KCONFIG_ALLCONFIG="$here/uml.fragment" \
		make -C "$work/src" ARCH=um -j"$(nproc)" "$@"
}

compiled() { share "$(grep -cE '^  (CC|AS) ' "$log")" $objects; }

# compile VERSION: work/src to work/out/{linux,config}; status 1 and why, if this version is to
# blame; a machine that ran out of something ends the run.
compile() {
	local bad
	stamp=$(date -u -r "$work/src/Makefile")
	if ! kernel_make "configuring" unknown allnoconfig; then
		failed_build "configuration"
		return 1
	fi
	cp "$work/src/.config" "$work/out/config"
	bad=$(refused "$here/uml.fragment" "$work/out/config")
	if [ -n "$bad" ]; then
		why="configuration: it refused $bad"
		return 1
	fi
	if ! kernel_make "compiling" compiled linux; then
		failed_build "compilation"
		return 1
	fi
	{ strip -o "$work/out/linux" "$work/src/linux" && chmod 0755 "$work/out/linux"; } ||
		die "the image cannot be written" "free some space, then run it again"
}

failed_build() {
	cp "$log" "$kdir/build.log"
	if grep -qE 'No space left on device|Killed signal|Cannot allocate memory|Disk quota' "$log"; then
		die "the machine ran out of memory or disk space" "free some, then run it again"
	fi
	why="$1: $(grep -m 1 -E 'error|\*\*\*' "$log" || echo 'no reason given') (see $kdir/build.log)"
}
