# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared between the files
# SPDX-License-Identifier: GPL-2.0-or-later
# Does an image boot here? The bare boot has no root: it shows that the kernel starts on this
# host and gets to looking for init. The first user instruction, where old kernels died, needs
# a root, which only a virtiofs server can give: that is the hook's part.

checked=	# how the last check was made: bare or hook
boot_seconds=20
hook_seconds=120

boot_check() {
	checked=bare
	bare_boot "$1" || return 1
	[ -z "${GAOL_BOOTCHECK-}" ] || hook_boot "$1"
}

bare_boot() {
	local log=$work/boot.log status
	: >"$log"
	phase "booting" unknown timeout -k 2 $boot_seconds "$1" mem=64M seccomp=off \
		con0=null,fd:1 con=null ssl=null uml_dir="$work/" umid=check panic=-1 \
		rootfstype=virtiofs root=none
	status=$?
	why=$(judge_boot "$log" $status)
	cat "$log" >>"$work/log"
	[ -z "$why" ]
}

# judge_boot LOG STATUS: nothing if the kernel came as far as a kernel without a root can.
judge_boot() {
	grep -qE 'No working init found|Unable to mount root fs|Cannot open root device' "$1" && return
	if [ "$2" -eq 124 ] || [ "$2" -eq 137 ]; then
		echo "it hung for $boot_seconds s"
		return
	fi
	grep -m 1 -aE 'Kernel panic|panic|[Ff]ailed|not found|denied' "$1" | tr -cd '[:print:]' | cut -c 1-200 |
		grep . || echo "it ended with status $2 and no word"
}

# The hook is told the image also by GAOL_KERNEL: if it starts gaol, that must not wait for us.
hook_boot() {
	local log=$work/hook.log
	: >"$log"
	[ -x "$(command -v -- "$GAOL_BOOTCHECK")" ] ||
		die "GAOL_BOOTCHECK=$GAOL_BOOTCHECK cannot be run" "name a program or unset it"
	phase "checking" unknown env GAOL_KERNEL="$1" timeout -k 5 $hook_seconds "$GAOL_BOOTCHECK" "$1"
	judge_hook $?
	set -- $?
	cat "$log" >>"$work/log"
	return "$1"
}

judge_hook() {
	case $1 in
	0) checked=hook ;;
	77) say "$GAOL_BOOTCHECK cannot check here: the bare boot has to do" ;;
	124 | 137) why="$GAOL_BOOTCHECK took more than $hook_seconds s"; return 1 ;;
	*) why="$GAOL_BOOTCHECK: $(last_words "status $1")"; return 1 ;;
	esac
}

# last_words DEFAULT: the end of the log as one harmless line.
last_words() {
	tail -n 1 "$log" | tr -cd '[:print:]' | cut -c 1-200 | grep . || echo "$1"
}
