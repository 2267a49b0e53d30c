#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh FILES...: runs tests one after the other: programs made with check (their summary line is
# "100%: Checks: 12, Failures: 0, Errors: 0") and scripts (which end with "N passed, N failed").
# One line for each, the output of those that failed, and at the end what failed once more, so that
# the end of a long log has the reason, and the sum: "N passed, N failed".
# TEST_TIMEOUT: seconds that one may take, 600 by default. Status 1 when any failed.
set -u
passed=0 failed=0
limit=${TEST_TIMEOUT:-600}
tmp=$(mktemp -d) || exit 1
out=$tmp/out clean=$tmp/clean again=$tmp/again why=$tmp/why
trap 'rm -rf "$tmp"' EXIT

# count FILE: sets p and f to what its output says, adding one failure where the status disagrees.
count() {
	local status=$1 line
	p=0 f=0
	while read -r line; do
		if [[ $line =~ ^[0-9]+%:\ Checks:\ ([0-9]+),\ Failures:\ ([0-9]+),\ Errors:\ ([0-9]+) ]]; then
			f=$((f + BASH_REMATCH[2] + BASH_REMATCH[3]))
			p=$((p + BASH_REMATCH[1] - BASH_REMATCH[2] - BASH_REMATCH[3]))
		fi
	done <"$out"
	line=$(tail -n 1 "$out")
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		p=$((p + BASH_REMATCH[1])) f=$((f + BASH_REMATCH[2]))
	fi
	# Killed, timed out, or silent: that is a failure too, whatever it had counted before.
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ] || [ $((p + f)) -eq 0 ]; then
		f=$((f + 1))
	fi
}

one() {
	local file=$1 start end status word=ok
	start=$(date +%s%N)
	case $file in
	*.sh) timeout -k 10 "$limit" bash "$file" >"$out" 2>&1 </dev/null ;;
	*) timeout -k 10 "$limit" "$file" >"$out" 2>&1 </dev/null ;;
	esac
	status=$?
	end=$(date +%s%N)
	count "$status"
	passed=$((passed + p)) failed=$((failed + f))
	[ "$f" -eq 0 ] || word=FAIL
	[ "$status" -ne 124 ] || word=TIMEOUT
	printf '%-8s %-32s %4d passed, %d failed  %d.%01d s\n' "$word" "${file##*/}" "$p" "$f" \
		$(((end - start) / 1000000000)) $(((end - start) / 100000000 % 10))
	if [ "$f" -ne 0 ]; then
		# What a test printed may be a guest's: no control byte of it reaches this terminal.
		tr -c '[:print:]\n\t' '?' <"$out" >"$clean"
		tail -n 100 "$clean" | sed 's/^/    /'
		{
			printf '%s %s, status %d\n' "$word" "${file##*/}" "$status"
			# Of a script the failed checks; of a program its last words.
			grep -A 12 -E '^FAIL|:[FE]:' "$clean" >"$why" || tail -n 10 "$clean" >"$why"
			head -n 40 "$why" | sed 's/^/    /'
		} >>"$again"
	fi
}

for file; do
	if [ -e "$file" ]; then
		one "$file"
	else
		printf '%-8s %s: not there\n' FAIL "$file"
		failed=$((failed + 1))
	fi
done
if [ -s "$again" ]; then
	printf '\nWhat failed, once more:\n'
	cat "$again"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
