#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What --json prints is what `gaol help --schema`, --help and gaol-json(7) say (tui/cli/schema.c):
# every key of every object is documented with its type, and each documented key is seen.
. "${BASH_SOURCE[0]%/*}/lib.sh"

# documented VERB: its keys against the outputs on stdin (JSON texts, one behind the other).
documented() {
	gaol help --schema >"$work/schema"
	check "$1: as documented" python3 "$root/tests/e2e/json_schema.py" "$work/schema" "$work/json" "$@"
}

# printed VERB ARGUMENTS: its output goes behind the others.
printed() {
	gaol "$@" --json >>"$work/json" </dev/null
}

begin() {
	: >"$work/json"
}

for v in $(gaol completion words 1 -- gaol ''); do
	[ "$v" != layer ] || continue
	if gaol "$v" --help | grep -q '^  --json '; then
		check "$v --json is in the schema" grep -Eq "^([a-z]+,)*$v(,|	)" <(gaol help --schema)
	fi
done

gaol new one >/dev/null && gaol start one || bad 'a jail' 'none'
# shellcheck disable=SC2016
gaol exec one -- sh -c 'cd /root; echo hi >x; mv x y; ln -s y l; printf x >"$(printf "a\377")"
	mv "$(printf "a\377")" "$(printf "b\377")"; : >/etc/shadow/x; ls /nonexistent' </dev/null >/dev/null 2>&1

begin
printed ls
documented ls
begin
printed checkpoint one
printed checkpoint one
documented checkpoint whole held_us
# shellcheck disable=SC2016
gaol exec one -- sh -c 'cd /root; mknod d c 1 3; chmod 600 y; mv "$(printf "b\377")" "$(printf "c\377")"; mv y z' </dev/null
begin
printed diff one
printed diff one 1 now
documented diff from from_base64
begin
printed compare one one@1
documented compare from from_base64
begin
printed log one
documented log
begin
printed net one
documented net waiting queue rules flows
begin
printed ps one
documented ps
begin
printed events one --since 0 --no-follow
documented events lost
begin
printed df one
printed df --all
documented df
begin
printed rollback one 1
printed redo one
documented rollback whole
documented redo whole
begin
printed prune one --keep 1 --dry-run
documented prune
begin
printed audit one
documented audit
begin
gaol doctor --json >"$work/json" </dev/null
documented doctor
begin
gaol stop one
printed ls
documented ls
finish
