#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh GAOL: prints gaol(1): gaol.1.in with the verbs as the program itself describes them.
# To bring the page up to date: bash man/build.sh ./gaol > man/gaol.1
set -eu
here=${BASH_SOURCE[0]%/*}
sed '/^@COMMANDS@$/,$d' "$here/gaol.1.in"
"$1" help --mdoc
sed '1,/^@COMMANDS@$/d' "$here/gaol.1.in"
