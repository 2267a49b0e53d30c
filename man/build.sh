#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh GAOL [PAGE]: prints a manual page (gaol.1 when none is named) from PAGE.in, whose line
# @PART@ becomes that part as the program's own tables have it. gaol.1 is kept in the repository, to
# bring it up to date: bash man/build.sh ./gaol > man/gaol.1. The others are made by make install.
set -eu
here=${BASH_SOURCE[0]%/*} page=${2:-gaol.1}
while IFS= read -r line || [ -n "$line" ]; do
	case $line in
	@*@) line=${line#@} && "$1" help --mdoc "${line%@}" ;;
	*) printf '%s\n' "$line" ;;
	esac
done <"$here/$page.in"
