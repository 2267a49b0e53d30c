# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared between the files
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's kernel source, through an apt state of our own: the system's lists, cache, sources
# and hooks are neither used nor changed, and no mirror is named here. Signatures are checked
# against Debian's archive keys as always.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# Older kernels panic at the first user instruction on hosts with AMX registers.
minimum=7.0
# Backports first: small lists, newest kernels. Names of releases to come cost one miss each.
backports="stable-backports duke-backports forky-backports trixie-backports"
releases="stable testing unstable"
candidates=	# lines "VERSION PACKAGE", newest first
deb_size=0

# apt's configuration, and nothing of the system's but how to reach the net.
write_apt_conf() {
	mkdir -p "$work/apt/state/lists/partial" "$work/apt/cache/archives/partial" "$work/deb"
	cat >"$work/apt/conf" <<-EOF
	Dir::State "$work/apt/state";
	Dir::State::Lists "$work/apt/state/lists";
	Dir::State::status "/dev/null";
	Dir::Cache "$work/apt/cache";
	Dir::Log "$work/apt";
	Dir::Etc::Main "/dev/null";
	Dir::Etc::Parts "/dev/null";
	Dir::Etc::Preferences "/dev/null";
	Dir::Etc::PreferencesParts "/dev/null";
	Dir::Etc::SourceList "$work/apt/sources";
	Dir::Etc::SourceParts "/dev/null";
	Acquire::Languages "none";
	Acquire::Retries "2";
	Acquire::http::Timeout "20";
	Acquire::https::Timeout "20";
	EOF
	apt-config dump | grep -iE '^Acquire::(https?|socks[a-z0-9]*|ForceIPv[46])::?' >>"$work/apt/conf"
	# Downloading is left to apt's unprivileged user where there is one.
	if [ "$EUID" -eq 0 ] && id _apt >/dev/null 2>&1; then chown _apt "$work/deb"; fi
}

# The mirrors the system uses, Debian's own archive first.
mirrors() {
	if [ -n "${GAOL_MIRROR-}" ]; then
		printf '%s\n' "$GAOL_MIRROR"
		return
	fi
	# shellcheck disable=SC2016  # apt's own variables
	apt-get indextargets --format '$(ORIGIN)/$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
		awk '/^Debian\/Debian / { print 1, $2; next } { print 2, $NF }' |
		sort -s -k1,1 | awk '$2 !~ /^cdrom:/ && !seen[$2]++ { print $2 }'
}

# refresh MIRROR SUITE...: fetches the lists; a suite that the mirror lacks is no error here.
refresh() {
	local mirror=$1 suite
	shift
	for suite in "$@"; do
		echo "deb [arch=amd64 signed-by=$keyring] $mirror $suite main"
	done >"$work/apt/sources"
	phase "asking" unknown env APT_CONFIG="$work/apt/conf" apt-get update
	compgen -G "$work/apt/state/lists/*_Packages*" >/dev/null
}

private_apt() { env APT_CONFIG="$work/apt/conf" "$@"; }

# All kernel sources that the lists know, newest first.
list_sources() {
	local -a names
	mapfile -t names < <(private_apt apt-cache pkgnames linux-source- | grep -E '^linux-source-[0-9]+\.[0-9]+$')
	[ ${#names[@]} -gt 0 ] || return 0
	private_apt apt-cache madison "${names[@]}" | awk '{ print $3, $1 }' | sort -rV | uniq
}

# Of lines "VERSION PACKAGE" on stdin those that may be used.
usable() {
	local version package
	while read -r version package; do
		new_enough "$version" && is_pinned "$version" && printf '%s %s\n' "$version" "$package"
	done
	return 0
}

new_enough() {
	local have=${1%%[!0-9.]*}
	[ "$(printf '%s\n' "$minimum" "$have" | sort -V | head -n 1)" = "$minimum" ]
}

# Sets candidates, or ends with the reason why there are none.
list_candidates() {
	local mirror suites listed all=
	write_apt_conf
	while read -r mirror <&4; do
		for suites in "$backports" "$releases"; do
			# shellcheck disable=SC2086  # a list of words
			refresh "$mirror" $suites || continue
			listed=$(list_sources)
			all+=$listed
			candidates=$(usable <<<"$listed")
			[ -z "$candidates" ] || return 0
		done
	done 4< <(mirrors)
	explain_none "$all"
}

explain_none() {
	if [ -n "$1" ] && [ -n "${GAOL_KERNEL_VERSION-}" ]; then
		die "the mirror has no kernel $GAOL_KERNEL_VERSION of $minimum or newer" "set GAOL_KERNEL_VERSION to another"
	elif [ -n "$1" ]; then
		die "the mirror's newest kernel ${1%% *} is older than $minimum" "name a fuller mirror with GAOL_MIRROR"
	elif grep -qE 'NO_PUBKEY|BADSIG|EXPKEYSIG|GPG error|is not signed|Signed-By|[Ii]nvalid signature' "$log"; then
		die "the mirror's signature does not verify" "upgrade debian-archive-keyring or change the mirror"
	fi
	die "no Debian mirror answers" "check the network, or name a mirror with GAOL_MIRROR"
}

downloaded() { share "$(du -sb "$work/deb" | cut -f 1)" "$deb_size"; }

# tar reports a checkpoint every 1000 records of 10 KiB.
unpacked() {
	local n
	n=$(grep -c '^tar: checkpoint' "$log")
	share "$n" "$records"
}

# fetch_source VERSION PACKAGE: leaves the patched tree in work/src.
fetch_source() {
	local tarball
	deb_size=$(private_apt apt-cache show "$2=$1" | awk '/^Size:/ { print $2; exit }')
	phase "downloading" downloaded env -C "$work/deb" APT_CONFIG="$work/apt/conf" \
		apt-get download "$2=$1" || explain_download
	phase "unpacking" unknown dpkg-deb -x "$work"/deb/*.deb "$work/pkg" ||
		die "$2 cannot be unpacked" "free some space, then run it again"
	rm -f "$work"/deb/*.deb
	tarball=$(compgen -G "$work/pkg/usr/src/linux-source-*.tar.*") ||
		die "$2 holds no source archive" "report it"
	unpack "$tarball"
	rm -rf "$work/pkg"
	apply_patches
}

explain_download() {
	if grep -qE 'Hash Sum mismatch|signature|size mismatch' "$log"; then
		die "the download does not match its signature" "run it again, or change the mirror"
	fi
	die "the download failed" "check the network, then run it again"
}

# A third of the tree is register tables, device trees and tests that no build of ours reads.
unpack() {
	records=$(xz --robot -l "$1" | awk '/^totals/ { print int($5 / 10240 / 1000) }')
	mkdir "$work/src"
	phase "unpacking" unpacked tar -x -f "$1" -C "$work/src" --strip-components=1 --wildcards \
		--exclude='*/drivers/gpu/drm/amd/include' --exclude='*/tools/testing' --exclude='*/boot/dts' \
		--checkpoint=1000 --checkpoint-action='echo=checkpoint' ||
		die "the source cannot be unpacked" "free some space, then run it again"
}

# None is needed to run: one that a newer version does not take is left out, whole.
apply_patches() {
	local p
	for p in "${patches[@]}"; do
		if patch -d "$work/src" -p1 -s -f --dry-run <"$p" >>"$log" 2>&1; then
			patch -d "$work/src" -p1 -s -f <"$p" >>"$log" 2>&1 ||
				die "${p##*/} cannot be applied" "free some space, then run it again"
		else
			say "${p##*/} does not apply to this version: left out"
		fi
	done
}
