#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The house rules that a machine can check: which way includes look, which files may speak to which
# library, no shell strings, no file over 600 lines, an SPDX line on every source.
set -u
cd "${BASH_SOURCE[0]%/*}/.." || exit 1
bad=0

complain() {
	[ -n "$2" ] || return 0
	printf 'lint: %s:\n%s\n' "$1" "$2" >&2
	bad=1
}

sources() { git ls-files -co --exclude-standard -- '*.c' '*.h' | while read -r f; do [ -f "$f" ] && echo "$f"; done; }

# core <- keymaps <- views <- tui: nobody includes from a room to its right.
direction() {
	local left=$1 right=$2
	complain "$left must not include $right" \
		"$(sources | grep "^$left/" | xargs -r grep -nE "^#include \"($right)/")"
}

fence() {
	local header=$1 allowed=$2
	complain "<$header> belongs to $allowed" \
		"$(sources | grep -vE "^($allowed)" | xargs -r grep -nE "^#include <$header")"
}

direction core 'keymaps|views|tui|guest'
direction keymaps 'views|tui'
direction views 'tui'
direction guest 'keymaps|views|tui'
fence '(ncurses|curses)' 'tui/screen\.c'
fence 'readline' 'tui/prompt\.c'
fence 'vterm' 'tui/term\.c'
fence '(fuse|fuse3/)' 'core/(fuse|fusefile|fuselink|fuseraw|fusecheck|fsdev|window)[^/]*\.[ch]|core/fuseops\.h|core/fuse_priv\.h|tests/unit/'
fence 'git2' 'core/repo/|tests/unit/test_repo_'
fence 'slirp/' 'core/net/slirp\.c'
fence 'libmnl' 'core/net/'
fence 'check\.h' 'tests/'
complain 'no shell strings: use argv arrays' \
	"$(sources | grep -v '^tests/' | xargs -r grep -nE '\b(system|popen)\(')"
# A list of cases has fewer seams than a module.
complain 'files over 600 lines (tests: 800): where is the seam?' \
	"$(sources | xargs -r wc -l | awk '$2 != "total" && $1 > ($2 ~ /^tests\// ? 800 : 600) { print "  " $2 ": " $1 }')"
complain 'no SPDX line' \
	"$(git ls-files -co --exclude-standard -- '*.c' '*.h' '*.sh' '*.keys' Makefile | while read -r f; do
		[ -f "$f" ] && ! head -3 "$f" | grep -q SPDX && echo "  $f"; done)"
exit $bad
