#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The loads of bench/guest.sh, on the host and in guests alike; prints "ROW SECONDS".
#   guest-load.sh BASE DIR [ROW...]      BASE: what guest.sh made; DIR: where to write
base=$1 dir=$2
shift 2
work=$base/work
export HOME=/ LC_ALL=C GIT_CONFIG_NOSYSTEM=1

row() { # NAME WORK-ARGUMENTS...
	name=$1
	shift
	echo "$name $("$work" "$@")"
}

mkdir -p "$dir" && cd "$dir" || exit 1
for what in ${*:-files tree read small large npm gcc git true}; do
	case $what in
	files)
		mkdir new && row create_2000 create new 2000 4096
		;;
	tree)
		mkdir tar && row untar_3000 run tar -xf "$base/tree.tar" -C tar
		row find run find tar -size +1000k
		row rm_r run rm -r tar
		;;
	read)
		row lstat_first lstat "$base/first" 2000
		row lstat_warm lstat "$base/first" 2000
		row open_read_first openread "$base/first" 2000
		row open_read_again openread "$base/first" 2000
		"$work" enoent "$base/first" 200 >/dev/null
		row enoent_warm enoent "$base/first" 20000
		;;
	small)
		row write_4k_64M write small 67108864 4096
		row append_100 append log 5000
		;;
	large)
		row write_128M write large 134217728 1048576
		row read_128M read "$base/large"
		;;
	npm)
		mkdir npm && row npm_10000 tree npm 10000
		;;
	gcc)
		mkdir out
		row gcc_20 run sh -c 'for f in "$1"/src/*.c; do gcc -c -o "out/${f##*/}.o" "$f" || exit 1; done' sh "$base"
		;;
	git)
		row git_clone run git -c safe.directory='*' clone -q --no-local "$base/repo" clone
		row git_status run git -C clone status --short
		;;
	true)
		row true_500 spawn 500 /bin/true
		;;
	esac
done
