#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion in real shells: zsh and bash, typed into; fish, asked. Bash too: tests/e2e/test_cli_help.sh.
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
is 'fish: consoles' $'demo:3\ta shell beside it' "$(asked 'gaol attach demo:3')"
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
press C-u
type_in 'gaol attach demo:'
press Tab
shows 'zsh: consoles' 'demo:2'
press C-u
type_in "exec bash --norc --noprofile"
press Enter
type_in "PS1='$ '; source <(gaol completion bash)"
press Enter
type_in "clear"
press Enter
shows 'bash: started' '^\$ *$'
type_in 'gaol att'
press Tab
type_in 'de'
press Tab
shows 'bash: a jail' '^\$ gaol attach demo *$'
type_in ':'
press BSpace BSpace
type_in ':'
press Tab
press Tab
shows 'bash: consoles' '^1 +2 +3 +4'
type_in '2'
press Tab
shows 'bash: one of them' '^\$ gaol attach demo:2 *$'
press C-u
type_in 'gaol cp oth'
press Tab
type_in 'x'
shows 'bash: a place, with no space behind it' '^\$ gaol cp other:x'
finish
