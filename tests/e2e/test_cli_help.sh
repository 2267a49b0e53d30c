#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Help, usage, completion and the manual page: one table, so they agree. Needs no guest.
. "${BASH_SOURCE[0]%/*}/lib.sh"

verbs=$(gaol completion words 1 -- gaol '')
check 'there are verbs' test "$(wc -w <<<"$verbs")" -gt 15
for v in $verbs; do
	[ "$v" = layer ] || check "$v --help" gaol "$v" --help
	has "$v is in the manual" "^\\.Ss gaol $v\$" "$(cat "$root/man/gaol.1")"
	[ "$v" = layer ] || fails "$v with an unknown option: usage" 2 gaol "$v" --no-such-option
done
for v in start stop kill restart pause resume record replay ps set attach checkpoint log diff rollback redo rm wait events cp cat exec run completion new; do
	fails "$v without words: usage" 2 gaol "$v"
done
fails 'no such verb: usage' 2 gaol frobnicate
has 'an error has the form what: why: what to do' \
	'^gaol: frobnicate: no such verb: `gaol help` lists them$' "$(gaol frobnicate 2>&1)"
fails 'no verb without a terminal: usage' 2 gaol
check 'help' gaol help
check 'help VERB' gaol help run
has '--version' '^gaol [0-9]' "$(gaol --version)"
is 'the manual page is up to date' "$(bash "$root/man/build.sh" "$GAOL")" "$(cat "$root/man/gaol.1")"
if command -v mandoc >/dev/null; then
	is 'mandoc finds nothing wrong with it' '' "$(mandoc -T lint -W warning "$root/man/gaol.1" 2>&1 | grep -v 'outdated mandoc.db')"
fi
if command -v groff >/dev/null; then
	is 'groff neither' '' "$(groff -Tascii -mdoc -ww "$root/man/gaol.1" 2>&1 >/dev/null)"
fi

for page in gaol-keys.5 gaol.conf.5 jail.conf.5 gaol-json.7; do
	bash "$root/man/build.sh" "$GAOL" "$page" >"$work/$page"
	hasnt "$page has all its parts" '^@' "$(cat "$work/$page")"
	if command -v mandoc >/dev/null; then
		is "mandoc finds nothing wrong with $page" '' "$(mandoc -T lint -W warning "$work/$page" 2>&1 | grep -v 'outdated mandoc.db')"
	fi
done
for word in checkpoint rollback toggle bind quit; do
	has "gaol-keys(5) has $word" "^\\.It Cm $word" "$(cat "$work/gaol-keys.5")"
done
has 'gaol.conf(5) has theme' '^\.It Cm theme' "$(cat "$work/gaol.conf.5")"
has 'jail.conf(5) has memory' '^\.It Cm memory' "$(cat "$work/jail.conf.5")"
has 'gaol-json(7) has what --schema has' "^\\.It Cm $(gaol help --schema | sed -n '$s/^[^\t]*\t\([^\t]*\).*/\1/p')" "$(cat "$work/gaol-json.7")"
has 'a map of keys can be printed' '^bind generic j ' "$(gaol help --keymap default)"

check 'a jail for completion' gaol new one
check 'another' gaol new other
is 'jails' $'one\nother' "$(gaol completion words 2 -- gaol start o)"
is 'consoles' 'one:1 one:2 one:3 one:4 one:5 one:6 one:7 one:8 one:9' "$(echo $(gaol completion words 2 -- gaol attach one:))"
is 'no consoles of a jail that is not there' '' "$(gaol completion words 2 -- gaol attach two:)"
is 'attach: jails' one "$(gaol completion words 2 -- gaol attach on)"
is 'places' $'one:\nother:' "$(gaol completion words 2 -- gaol cp '')"
is 'checkpoints' $'1\nnow\nbase' "$(gaol completion words 3 -- gaol diff one '')"
is 'states' $'saving\nstopped\nstopping' "$(gaol completion words 3 -- gaol wait one s | sort)"
is 'options' --json "$(gaol completion words 3 -- gaol log one --j)"
is 'no words of ours in a command' '' "$(gaol completion words 4 -- gaol run -- ls)"
check 'the script is bash' bash -n <(gaol completion bash)
is 'it completes' checkpoint "$(
	PATH=$(dirname "$GAOL"):$PATH
	eval "$(gaol completion bash)"
	compopt() { :; }
	COMP_WORDS=(gaol check) COMP_CWORD=1
	_gaol
	echo "${COMPREPLY[@]}"
)"
check 'doctor' gaol doctor
check 'doctor --json' python3 -c 'import json, sys; json.loads(sys.argv[1])' "$(gaol doctor --json)"
GAOL_KERNEL=$work/none
export GAOL_KERNEL
fails 'doctor without a kernel: 1' 1 gaol doctor
has 'with the remedy' 'kernel' "$(gaol doctor | grep ^fail)"
fails 'run without one: 1' 1 gaol run -q -- true
check 'rm' gaol rm one other
check 'nothing is left' nothing_left
finish
