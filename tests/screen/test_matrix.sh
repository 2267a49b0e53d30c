#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every view, with hostile names in every column, on terminals of different sizes, colours and
# alphabets. MATRIX=full looks at all combinations (make check-long), else at a spread of them.
# Of each screen: it is there, the same when painted anew (so nobody's idea of a width was wrong),
# ASCII where it must be, without colours where it must be, and no name has reached the terminal.
. "${BASH_SOURCE[0]%/*}/lib.sh"

# A name that would move the cursor, set the title, colour, reverse and widen what follows it.
nasty=$'e\033]0;evil\007\033[31m\033[2J\xe2\x80\xae\xe6\xbc\xa2\xe5\xad\x97e\xcc\x81\xf0\x9f\x98\x80\xc2\x9b1m'

# inside COMMANDS: in the guest, with $n as the name, and a byte that is no UTF-8 behind it.
inside() {
	gaol exec demo -- sh -ec "n=\$1\$(printf '\377'); $1" sh "$nasty" </dev/null
}

check 'a jail' gaol new demo
check 'with a nasty note' gaol set demo "note=words $(printf '\342\200\256\346\274\242\345\255\227 e\314\201')"
check 'boots' gaol start demo
# shellcheck disable=SC2016
check 'nasty names' inside 'mkdir -p "/root/$n"; seq 9 >"/root/$n/$n"; echo "$n" >/root/text; ln -s "$n" "/root/link"'
check 'a checkpoint with a nasty message' gaol checkpoint demo -m "words ${nasty//$'\033'/}"
# shellcheck disable=SC2016
check 'nasty changes' inside 'printf "%s\n" "$n" "$n again" >/root/text; mv "/root/$n/$n" "/root/$n/n$n"; chmod 600 "/root/$n/n$n"
	cp /bin/sleep "/root/s$n"; setsid "/root/s$n" 10000 </dev/null >/dev/null 2>&1 &
	echo "$n" >/dev/console'
check 'a process with a nasty name' soon 20 inside 'pgrep -f " 10000$"'

# ageless: the screen without what time alone changes.
ageless() {
	picture | sed -E 's/[0-9]+([.][0-9]+)?[smhK%]/#/g; s/[0-9]//g; s/[▁▂▃▄▅▆▇█]/_/g' | tr -s ' _#'
}

# A key without a meaning says so on the last line: then all before it has been painted.
shown_behind() {
	press "$@"
	soon "$WAIT" on_screen "^ ${*: -1} is not bound here"
}
painted_alike() {
	local before
	shown_behind F11
	before=$(ageless | sed '$d')
	shown_behind C-l F12
	[ "$before" = "$(ageless | sed '$d')" ]
}

# The title that the terminal got, and what the pane shows, bytes beyond ASCII and all.
untouched() {
	[ "$(mux display -p '#{pane_title}')" != evil ] && ! mux display -p '#{window_name}' | grep -q evil
}

colours() {
	mux capture-pane -pe | grep -cE $'\033\\[[0-9;]*(3[0-8]|4[0-8]|9[0-7])'
}

# look WHAT PATTERN: the view is there, and right.
look() {
	local what="$config: $1"
	shows "$what" "$2"
	# in the console keys are the guest's
	case $1 in
	console) ;;
	*) check "$what: the same when painted anew" soon "$WAIT" painted_alike ;;
	esac
	if ! untouched || picture | LC_ALL=C grep -q $'[\001-\010\016-\037\177]'; then
		bad "$what: a name has reached the terminal" "$(picture)"
	fi
	case $alphabet in
	C)
		is "$what: all is ASCII" 0 "$(picture | LC_ALL=C grep -c $'[\200-\377]')"
		check "$what: with signs of its own" on_screen '^ gaol > '
		;;
	esac
	case $theme in
	mono) is "$what: no colours" 0 "$(colours)" ;;
	esac
}

# go LINE: by the command line.
go() {
	press :
	type_in "$1"
	press Enter
}

sizes() {
	local size
	for size in "${wanted[@]}"; do
		resize "$size"
		config="$theme $alphabet $term $size"
		look "$@"
	done
}

views() {
	go jails
	sizes jails '^  demo '
	go 'jail demo'
	sizes jail 'gaol . demo|checkpoints'
	go 'feed demo'
	sizes feed 'demo . feed'
	go 'log demo'
	sizes log 'demo . log'
	go 'diff 2'
	sizes diff 'demo . diff'
	press Tab
	sizes 'the other pane' 'demo . diff'
	press Tab
	go 'tree'
	sizes tree 'demo . tree'
	go 'processes demo'
	sizes processes 'demo . processes'
	go 'console demo'
	shows 'console' 'demo . console'
	sizes console 'demo . console'
	press C-] d
	shows 'left' 'gaol . '
	go messages
	sizes messages 'gaol . messages'
	go commands
	sizes commands 'gaol . '
	go help
	sizes help 'gaol . help'
}

# terminal THEME ALPHABET TERM SIZE...
terminal() {
	theme=$1 alphabet=$2 term=$3
	shift 3
	wanted=("$@")
	mkdir -p "$work/config/gaol"
	printf '[console]\n\ttheme = %s\n' "$theme" >"$work/config/gaol/gaol.conf"
	screen 80x24 "LC_ALL=$([ "$alphabet" = C ] && echo C || echo C.UTF-8)" "TERM=$term"
	shows "$theme $alphabet $term: started" '^  demo '
	views
	press Q
	ended "$theme $alphabet $term"
}

if [ "${MATRIX-}" = full ]; then
	for theme in dark mono; do
		for alphabet in UTF-8 C; do
			for term in tmux-256color linux; do
				terminal "$theme" "$alphabet" "$term" 40x10 80x24 200x60
			done
		done
	done
else
	terminal dark UTF-8 tmux-256color 40x10 200x60
	terminal mono C tmux-256color 80x24
	terminal dark UTF-8 linux 80x24
fi
finish
