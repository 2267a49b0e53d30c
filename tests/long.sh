#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# check-long: what takes longer than make check may. Each job says what it found in one line; the
# table goes to tests/LONG.md with date and commit. JOBS="model kills" runs only those.
set -u -o pipefail
cd "${BASH_SOURCE[0]%/*}/.." || exit 1
out=tests/LONG.md
log=build/long
mkdir -p "$log"
rows=() bad=0
commit=$(git rev-parse --short HEAD)

# job NAME WHAT COMMAND...: runs it, at most an hour, and keeps one row.
job() {
	local name=$1 what=$2 start sum word=ok
	shift 2
	[ -z "${JOBS-}" ] || [[ " $JOBS " == *" $name "* ]] || return 0
	start=$SECONDS
	timeout 3600 "$@" >"$log/$name" 2>&1 </dev/null || { word=FAIL bad=1; }
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed|^100%: Checks' "$log/$name" | tail -n 1)
	printf '%-5s %-10s %s (%d s) %s\n' "$word" "$name" "$what" $((SECONDS - start)) "${sum:-see $log/$name}"
	rows+=("| $name | $what | $word | ${sum:-$(tail -n 1 "$log/$name" | cut -c1-80)} | $((SECONDS - start)) s | $(date -u +%Y-%m-%d) | $commit |")
}

sanitized() {
	local san=address,undefined
	make SAN=$san built && make SAN=$san programs && export ASAN_OPTIONS=detect_leaks=1 &&
		GAOL=$PWD/build-address-undefined/gaol GAOL_INIT=$PWD/build/guest/init \
			bash tests/run.sh $(find build-address-undefined/tests -name "test_*" ! -name "*.d" | sort) tests/e2e/test_road.sh tests/e2e/test_crash.sh \
			tests/e2e/test_walls.sh tests/e2e/test_cli_*.sh
}

export -f sanitized
job sanitized "ASan and UBSan: all unit tests, jails" bash -c sanitized
job model "1,000,000 random operations on layer and ext4" env GAOL_MODEL_OPS=1000000 build/tests/test_layer_model
job kills "300 kill -9 of a process at work on a layer" env GAOL_CRASH_KILLS=300 build/tests/test_layer_crash
job faults "every changing system call fails in turn" build/tests/test_layer_faults
job mounted "300 kill -9 of a mounted layer" env GAOL_KILLS=300 bash tests/run.sh tests/e2e/test_conform_kill.sh
job soak "2,000 restarts, 200 wardens" bash tests/soak.sh 2000
job ends "200 kill -9 of wardens and guests" env KILLS=200 bash tests/run.sh tests/e2e/test_kills.sh
job slow "a viewer that is stopped for a minute" env ROUNDS=10 STOPPED=60 bash tests/run.sh tests/e2e/test_console_slow.sh
job checkpoints "200 kill -9 in checkpoints and rollbacks" env KILLS=200 bash tests/run.sh tests/e2e/test_ckpt_kills.sh
job sealed "random changes while checkpoints are stored" env GAOL_SEAL_ROUNDS=1000 GAOL_RENEW_OPS=2000 bash tests/run.sh build/tests/test_repo_seal build/tests/test_repo_renew
screens() {
	GAOL=$PWD/build-address-undefined/gaol GAOL_INIT=$PWD/build/guest/init WAIT=60 ASAN_OPTIONS=detect_leaks=0 \
		bash tests/run.sh tests/screen/test_*.sh
}
leaks() {
	make SAN=address,undefined built && bash tests/screen/leaks.sh &&
		GAOL=$PWD/build-address-undefined/gaol GAOL_INIT=$PWD/build/guest/init bash tests/screen/leaks.sh
}
export -f screens leaks
job screens "every view on every terminal" env MATRIX=full bash tests/run.sh tests/screen/test_matrix.sh
job sanscreen "ASan and UBSan: the screen tests" bash -c screens
job leaks "1,000 keys: valgrind, then ASan" bash -c leaks
job flood "10,500 flows wait for an admin" bash tests/run.sh tests/flood.sh
job fuzz "every fuzzer, five minutes" make fuzz TIME=300

# Jobs that were not run keep their row, and its date.
{
	echo "# The last run of each job of make check-long"
	echo
	echo "Host kernel $(uname -r), $(nproc) cores."
	echo
	echo "| job | what | | result | time | date | commit |"
	echo "|---|---|---|---|---|---|---|"
	{
		printf '%s\n' "${rows[@]}"
		grep -E '^\| [a-z]' "$out" 2>/dev/null | grep -v '^| job '
	} | awk -F ' *[|] *' 'NF && !seen[$2]++' | sort
} >"$out.new" && mv "$out.new" "$out"
exit $bad
