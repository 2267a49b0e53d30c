#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion in real shells: zsh, typed into; fish, asked. Bash: tests/e2e/test_cli_help.sh.
. "${BASH_SOURCE[0]%/*}/lib.sh"

mkdir "$work/bin"
ln -s "$(readlink -f "$GAOL")" "$work/bin/gaol"
export PATH=$work/bin:$PATH
check 'a jail' gaol new demo
check 'and another' gaol new other
check 'with a tag' gaol tag other 1 clean

asked() {
	fish --no-config -c 'gaol completion fish | source; complete -C $argv[1]' "$1"
}
is 'fish: verbs, with their help' $'start\tBoots jails, and returns when their init is ready\nstop\tShuts jails down: tells their programs, then kills them' "$(asked 'gaol st')"
is 'fish: jails, with their state' $'demo\tstopped' "$(asked 'gaol start d')"
is 'fish: places' $'demo:\tstopped' "$(asked 'gaol cp d')"
is 'fish: options' $'--json\tPrints an array of objects.' "$(asked 'gaol ls --j')"
is 'fish: checkpoints' $'1\tthe empty layer\nclean\tthe empty layer' "$(asked 'gaol rollback other ' | sort)"
is 'fish: shells' $'zsh\tshell' "$(asked 'gaol completion z')"
is 'fish: files behind --' /etc/hostname "$(asked 'gaol exec demo -- cat /etc/hostnam')"

started=1
mkdir "$work/zsh"
cat >"$work/zsh/.zshrc" <<'EOF'
PS1='%% '
autoload -Uz compinit
compinit -u -D
source <(gaol completion zsh)
EOF
mux new-session -d -x 100 -y 30 "ZDOTDIR=$work/zsh exec zsh -d -i" \; set -g status off
shows 'zsh: started' '^% *$'
press 'gaol chec' Tab
shows 'zsh: a verb' '^% gaol checkpoint *$'
type_in 'd'
press Tab
shows 'zsh: a jail' '^% gaol checkpoint demo *$'
press C-u
type_in 'gaol cp oth'
press Tab
type_in x
shows 'zsh: a place, with no space behind it' '^% gaol cp other:x'
press C-u
type_in 'gaol rollback other '
press Tab
shows 'zsh: checkpoints, with their messages' 'clean.*-- the empty layer'
press C-u
type_in 'gaol exec demo -- cat /etc/hostnam'
press Tab
shows 'zsh: files behind --' 'cat /etc/hostname'
finish
