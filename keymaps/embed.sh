#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Prints a C file with the given keys files as a table of strings: embed.sh FILE.keys...
set -eu

echo '/* Made by keymaps/embed.sh from the keys files. */'
echo '#include "keymaps/keymap.h"'
echo '#include <stddef.h>'
echo
echo 'const struct keymap_builtin keymap_builtins[] = {'
for file in "$@"; do
	name=$(basename "$file" .keys)
	printf '\t{.name = "%s",\n\t .text =\n' "$name"
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' -e 's/?/\\?/g' -e 's/.*/\t\t"&\\n"/' "$file"
	printf '\t},\n'
done
echo '	{.name = NULL},'
echo '};'
