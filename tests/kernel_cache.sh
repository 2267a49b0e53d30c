#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel cache and its failures, with fake sources, compiler and images: seconds, no network.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/kernel/build.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
unset GAOL_KERNEL GAOL_KERNEL_VERSION GAOL_BOOTCHECK GAOL_MIRROR MAKEFLAGS

# ok NAME COMMAND...: the command succeeds.
ok() {
	local name=$1
	shift
	if "$@" >"$tmp/said" 2>&1; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "not ok: $name"
	sed 's/^/    /' "$tmp/said" "$tmp/err" 2>/dev/null
}

# run COMMAND...: its stdout in out, stderr in the file err, status in status.
run() {
	out=$("$@" 2>"$tmp/err")
	status=$?
}

# A house of its own for each test.
fresh() {
	GAOL_CACHE=$(mktemp -d "$tmp/cache.XXXXXX")
	export GAOL_CACHE
	kernels=$GAOL_CACHE/kernel
	: >"$tmp/builds"
	: >"$tmp/err"
}

# An image that does what a kernel without a root does, or not: fake_image FILE good|bad
fake_image() {
	local text='Kernel panic - not syncing: No working init found.'
	[ "$2" = good ] || text='Kernel panic - not syncing: ptrace set fp regs failed'
	printf '#!/bin/sh\necho "%s"\nexit 134\n' "$text" >"$1"
	chmod 0755 "$1"
}

# fake_build BAD-VERSIONS ARGUMENT...: build.sh with the mirror, the tools and the compiler played.
# The body is sourced text of its own process, as the real one would be.
fake_build() {
	BAD=$1 BUILDS=$tmp/builds HERE=$top bash -c '
		. "$HERE/kernel/build.sh"
		need_machine() { :; }
		need_tools() { :; }
		need_space() { :; }
		list_candidates() { candidates=$(printf "%s\n" "7.3.4-1 linux-source-7.3" "7.2.12-1 linux-source-7.2" "7.1.9-1 linux-source-7.1" | usable); }
		fetch_source() { echo "$1" >>"$BUILDS"; mkdir -p "$work/src"; }
		compile() {
			text="No working init found"
			case " $BAD " in
			*" nocompile:$1 "*) why="compilation: error"; return 1 ;;
			*" $1 "*) text="Kernel panic - not syncing: bad" ;;
			esac
			printf "#!/bin/sh\necho \"%s\"\n" "$text" >"$work/out/linux"
			chmod 0755 "$work/out/linux"
			echo CONFIG_64BIT=y >"$work/out/config"
			[ -z "${STALL-}" ] || { : >"$STALL"; phase stall unknown tail -f /dev/null; }
		}
		main "$@"' build.sh "${@:2}"
}

is() { [ "$1" = "$2" ] || { echo "got: $1"; echo "want: $2"; return 1; }; }
said() { grep -qE -- "$1" "$tmp/err" || { echo "no line like: $1"; return 1; }; }
one_error() { [ "$(wc -l <"$tmp/err")" -eq 1 ] && said '^gaol: kernel: [^:]+.*: .+'; }
absent() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
built() { is "$(tr '\n' ' ' <"$tmp/builds")" "$1"; }
no_work_left() { ! compgen -G "$kernels/.work.*"; }
image_of() { printf '%s\n' "$kernels/$1-$hash/linux"; }

# wait_for COMMAND...: polls a state, at most 10 s.
wait_for() {
	local end=$((SECONDS + 10))
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.05 <> <(:)
	done
	return 0
}

# shellcheck disable=SC2016  # expands in the other shell
hash=$(bash -c '. "$1"; load_hash; echo "$config_hash"' - "$build")

test_override() {
	fresh
	fake_image "$tmp/mine" good
	GAOL_KERNEL=$tmp/mine run "$build"
	ok "override is printed as it is" is "$status:$out" "0:$tmp/mine"
	GAOL_KERNEL=$tmp/mine run "$build" path
	ok "override answers path too" is "$status:$out" "0:$tmp/mine"
	GAOL_KERNEL=$tmp/none run "$build"
	ok "override that is not there fails" is "$status:$out" "1:"
	ok "... in one line" one_error
	ok "override needs no cache" absent "$kernels"
}

test_first_build() {
	fresh
	run "$build" path
	ok "path of an empty cache fails in silence" is "$status:$out:$(<"$tmp/err")" "1::"
	ok "... and makes nothing" absent "$kernels"
	run fake_build "" ensure
	ok "the newest is built and alone on stdout" is "$status:$out" "0:$(image_of 7.3.4-1)"
	ok "one build" built "7.3.4-1 "
	ok "current points to it" is "$(readlink "$kernels/current")" "7.3.4-1-$hash"
	ok "info names the version" grep -q '^version=7.3.4-1$' "$kernels/current/info"
	ok "the check is noted" grep -q '^bare ' "$kernels/current/booted"
	ok "no work directory is left" no_work_left
}

# Without apt, compiler or network in reach, and in no time. The bar is far above the few
# milliseconds it takes, so that a busy machine does not fail it.
test_cached() {
	fresh
	run fake_build "" ensure
	local want=$out start
	mkdir -p "$tmp/bin"
	for tool in apt-get apt-cache gcc make flock; do
		printf '#!/bin/sh\necho %s >>%s/touched\n' "$tool" "$tmp" >"$tmp/bin/$tool"
		chmod 0755 "$tmp/bin/$tool"
	done
	start=${EPOCHREALTIME/./}
	PATH=$tmp/bin:$PATH run "$build"
	ok "cached answer" is "$status:$out" "0:$want"
	ok "... within 250 ms" [ $((${EPOCHREALTIME/./} - start)) -lt 250000 ]
	ok "... touches neither apt nor compiler" absent "$tmp/touched"
	ok "... says nothing" is "$(<"$tmp/err")" ""
	run "$build" path
	ok "path agrees" is "$status:$out" "0:$want"
}

test_half_caches() {
	fresh
	run fake_build "" ensure
	local dir=$kernels/7.3.4-1-$hash file
	for file in linux config info; do
		mv "$dir/$file" "$tmp/kept"
		run "$build" path
		ok "a cache without $file is not used" is "$status:$out" "1:"
		mv "$tmp/kept" "$dir/$file"
	done
	chmod o+w "$dir/linux"
	run "$build" path
	ok "an image that others may write is not used" is "$status:$out" "1:"
	chmod o-w "$dir/linux"
	if [ "$EUID" -eq 0 ]; then
		chown 1 "$dir/linux"
		run "$build" path
		ok "an image of another user is not used" is "$status:$out" "1:"
		chown 0 "$dir/linux"
	fi
	mv "$dir" "$kernels/7.3.4-1-000000000000"
	run "$build" path
	ok "an image of another configuration is not used" is "$status:$out" "1:"
	mv "$kernels/7.3.4-1-000000000000" "$dir"
	ln -sfn "../../$(basename "$tmp")" "$kernels/current"
	run "$build" path
	ok "a current that leads out is not followed" is "$status:$out" "0:$dir/linux"
	run fake_build "" ensure
	ok "ensure mends current" is "$(readlink "$kernels/current")" "7.3.4-1-$hash"
	mkdir "$kernels/.work.killed"
	rm "$dir/config"
	run fake_build "" ensure
	ok "a half cache is built again" is "$status:$out" "0:$dir/linux"
	ok "left-overs of killed builds go" no_work_left
}

test_fallback() {
	fresh
	run fake_build "7.3.4-1" ensure
	ok "a version that does not boot falls back" is "$status:$out" "0:$(image_of 7.2.12-1)"
	ok "... and says so" said '7\.3\.4-1 does not boot'
	ok "both were built" built "7.3.4-1 7.2.12-1 "
	ok "the failure is remembered" is "$(<"$kernels/failed/7.3.4-1-$hash/reason")" boot
	run fake_build "7.3.4-1" update
	ok "update keeps the older one" is "$status:$out" "0:$(image_of 7.2.12-1)"
	ok "... without another build" built "7.3.4-1 7.2.12-1 "
	fake_image "$kernels/failed/7.3.4-1-$hash/linux" good
	run fake_build "" update
	ok "a failed image that boots by now comes back" is "$status:$out" "0:$(image_of 7.3.4-1)"
	ok "... without a build" built "7.3.4-1 7.2.12-1 "
	ok "... and is no longer a failure" absent "$kernels/failed/7.3.4-1-$hash"
	fresh
	run fake_build "nocompile:7.3.4-1" ensure
	ok "a version that does not compile falls back" is "$status:$out" "0:$(image_of 7.2.12-1)"
	rm -r "${kernels:?}/7.2.12-1-$hash"
	run fake_build "nocompile:7.3.4-1" ensure
	ok "... and is not compiled again" built "7.3.4-1 7.2.12-1 7.2.12-1 "
	fresh
	run fake_build "7.3.4-1 7.2.12-1 7.1.9-1" ensure
	ok "when none boots it fails" is "$status:$out" "1:"
	ok "... naming all" said 'no version boots here \(7\.3\.4-1, 7\.2\.12-1, 7\.1\.9-1\): see '
	ok "... and leaves no current" absent "$kernels/current"
}

# hook BODY: a boot hook
# shellcheck disable=SC2016  # bodies expand in the hook
hook() {
	printf '#!/bin/sh\necho "$1" >>%s/hooked\n%s\n' "$tmp" "$1" >"$tmp/hook"
	chmod 0755 "$tmp/hook"
	rm -f "$tmp/hooked"
	export GAOL_BOOTCHECK=$tmp/hook
}

# shellcheck disable=SC2016  # bodies expand in the hook
test_hook() {
	fresh
	run fake_build "" ensure
	hook 'exit 0'
	run fake_build "" ensure
	ok "a hook checks an image that had only the bare check" is "$status:$out" "0:$(image_of 7.3.4-1)"
	ok "... which is noted" grep -q '^hook ' "$kernels/current/booted"
	run fake_build "" ensure
	ok "... once" is "$(wc -l <"$tmp/hooked")" 1
	fresh
	hook 'case $1 in *.work.*) grep -q "^7.2" '"$tmp/builds"' ;; esac || { echo "guest: no fork"; exit 3; }'
	run fake_build "" ensure
	ok "the hook's refusal falls back" is "$status:$out" "0:$(image_of 7.2.12-1)"
	ok "... with its last words" said '7\.3\.4-1 does not boot \(.*guest: no fork\)'
	fresh
	hook '[ "$GAOL_KERNEL" = "$1" ]'
	run fake_build "" ensure
	ok "the hook sees its image as GAOL_KERNEL" is "$status:$out" "0:$(image_of 7.3.4-1)"
	fresh
	hook 'exit 77'
	run fake_build "" ensure
	ok "a hook that cannot say leaves the bare check" grep -q '^bare ' "$kernels/current/booted"
	GAOL_BOOTCHECK=$tmp/nothing run fake_build "" update
	fake_image "$tmp/mine" good
	GAOL_BOOTCHECK=$tmp/nothing run "$build" check "$tmp/mine"
	ok "a hook that is not there is an error" is "$status:$out" "1:"
	unset GAOL_BOOTCHECK
}

test_check() {
	fresh
	fake_image "$tmp/mine" good
	run "$build" check "$tmp/mine"
	ok "check of a good image" is "$status" 0
	fake_image "$tmp/mine" bad
	run "$build" check "$tmp/mine"
	ok "check of a bad image" is "$status" 1
	ok "... with the panic's text" said 'does not boot \(Kernel panic.*fp regs'
}

test_pin() {
	fresh
	GAOL_KERNEL_VERSION=7.2 run fake_build "" ensure
	ok "a pinned version is built" is "$status:$out" "0:$(image_of 7.2.12-1)"
	GAOL_KERNEL_VERSION=7.3 run "$build" path
	ok "another pin does not find it" is "$status:$out" "1:"
	GAOL_KERNEL_VERSION=7 run fake_build "" update
	ok "a short pin takes the newest of its kind" is "$status:$out" "0:$(image_of 7.3.4-1)"
	GAOL_KERNEL_VERSION=7.2 run "$build" path
	ok "the older one is still there" is "$status:$out" "0:$(image_of 7.2.12-1)"
	run "$build" clean
	ok "clean keeps the current one" [ -x "$kernels/7.3.4-1-$hash/linux" ]
	ok "... and nothing else" absent "$kernels/7.2.12-1-$hash"
}

test_config() {
	local got
	printf 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=n\nCONFIG_D="x y"\nCONFIG_E=4\n' >"$tmp/fragment"
	printf 'CONFIG_A=y\n# CONFIG_C is not set\nCONFIG_D="x y"\nCONFIG_E=4\n' >"$tmp/good"
	printf '# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_D="x y"\nCONFIG_E=2\n' >"$tmp/bad"
	# shellcheck disable=SC2016  # expands in the other shell
	refused() { bash -c '. "$1"; refused "$2" "$3"' - "$build" "$@"; }
	got=$(refused "$tmp/fragment" "$tmp/good")
	ok "a configuration as asked is accepted" is "$got" ""
	got=$(refused "$tmp/fragment" "$tmp/bad")
	ok "every refused option is named" is "$got" \
		'CONFIG_A (asked y, got n), CONFIG_B (asked n, got y), CONFIG_E (asked 4, got 2)'
	printf '# unchecked: CONFIG_B\nCONFIG_A=y\nCONFIG_B=y\n' >"$tmp/unchecked"
	got=$(refused "$tmp/unchecked" "$tmp/good")
	ok "an unchecked option may be missing" is "$got" ""
	got=$(refused "$tmp/fragment" /dev/null)
	ok "an empty .config refuses all" is "$got" \
		'CONFIG_A (asked y, got n), CONFIG_D (asked "x y", got n), CONFIG_E (asked 4, got n)'
}

test_versions() {
	# shellcheck disable=SC2016  # expands in the other shell
	got=$(bash -c '. "$1"; printf "%s p\n" 6.12.117-1 7.0-1 7.3.4-1~bpo13+1 10.1-1 | usable | tr "\n" ,' - "$build")
	ok "kernels that panic on AMX hosts are passed over" is "$got" "7.0-1 p,7.3.4-1~bpo13+1 p,10.1-1 p,"
}

test_interrupt_and_lock() {
	fresh
	STALL=$tmp/stalled fake_build "" ensure >"$tmp/out" 2>"$tmp/err" &
	local first=$!
	ok "a build runs" wait_for test -e "$tmp/stalled"
	fake_build "" ensure >"$tmp/out2" 2>"$tmp/err2" &
	local second=$!
	ok "a second one waits and says so" wait_for grep -q 'another build is running.*waiting' "$tmp/err2"
	kill -TERM "$(<"$kernels/.lock")"
	wait $first
	ok "an interrupted build fails" is "$?:$(<"$tmp/out")" "1:"
	ok "... in one line" said '^gaol: kernel: interrupted: '
	wait $second
	ok "then the second one builds" is "$?:$(<"$tmp/out2")" "0:$(image_of 7.3.4-1)"
	ok "nothing half-made is left" no_work_left
}

test_errors() {
	fresh
	GAOL_MIRROR=file:/nonexistent run "$build"
	ok "no mirror is an error" is "$status:$out" "1:"
	ok "... that says what to do" said '^gaol: kernel: (no Debian mirror answers: check|missing packages: apt-get install|only [0-9]+ MB free)'
	run "$build" nonsense
	ok "an unknown command is an error" is "$status:$out" "1:"
	ok "... in one line" one_error
	: >"$tmp/file"
	GAOL_CACHE=$tmp/file/below run "$build"
	ok "a cache that cannot be made is an error" is "$status:$out" "1:"
	ok "... in one line" one_error
}

test_override
test_first_build
test_cached
test_half_caches
test_fallback
test_hook
test_check
test_pin
test_config
test_versions
test_interrupt_and_lock
test_errors
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
