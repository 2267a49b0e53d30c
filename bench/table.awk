# SPDX-License-Identifier: GPL-2.0-or-later
# Samples "ROW CONTENDER SECONDS" into a markdown table of medians; see table in lib.sh.
function median(key,  n, v, i, j, t) {
	n = split(all[key], v, " ")
	if (!n)
		return -1
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) {
			t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
		}
	if (n % 2)
		return v[(n + 1) / 2] + 0
	return (v[n / 2] + v[n / 2 + 1]) / 2
}

function show(s) {
	if (s < 0)
		return "-"
	return unit == "ms" ? sprintf("%.1f", s * 1000) : sprintf("%.3f", s)
}

# "peer+peer" is the better of the two; the peer "=" makes the limit one of seconds.
function peer_of(row, names,  n, p, i, m, best) {
	n = split(names, p, "+")
	best = -1
	for (i = 1; i <= n; i++) {
		m = median(row " " p[i])
		if (m >= 0 && (best < 0 || m < best))
			best = m
	}
	return best
}

BEGIN {
	contenders = split(list, name, " ")
	while ((getline line < barfile) > 0) {
		split(line, w, " ")
		bars[w[1]]++
		bar_peer[w[1], bars[w[1]]] = w[2]
		bar_limit[w[1], bars[w[1]]] = w[3]
	}
}

{
	if (!seen[$1]++)
		row[++rows] = $1
	all[$1 " " $2] = all[$1 " " $2] " " $3
}

END {
	head = "| " unit " |"
	line = "|---|"
	for (i = 1; i <= contenders; i++) {
		head = head " " name[i] " |"
		line = line "---:|"
	}
	print head " gaol against its bars |"
	print line "---|"
	for (r = 1; r <= rows; r++) {
		out = "| " row[r] " |"
		for (i = 1; i <= contenders; i++)
			out = out " " show(median(row[r] " " name[i])) " |"
		text = ""
		for (b = 1; b <= bars[row[r]]; b++) {
			mine = median(row[r] " gaol")
			if (bar_peer[row[r], b] == "=") {
				limit = bar_limit[row[r], b]
				ok = mine <= limit
				missed += !ok
				kept += ok
				text = text sprintf("bar %g ms%s", limit * 1000, ok ? "" : " **missed**")
				continue
			}
			peer = peer_of(row[r], bar_peer[row[r], b])
			if (mine < 0 || peer <= 0)
				continue
			ratio = mine / peer
			limit = bar_limit[row[r], b]
			text = text (text == "" ? "" : "; ")
			if (limit == "-") {
				text = text sprintf("%.2fx %s", ratio, bar_peer[row[r], b])
			} else {
				ok = ratio <= limit
				missed += !ok
				kept += ok
				text = text sprintf("%.2fx %s (bar %s)%s", ratio, bar_peer[row[r], b], limit, ok ? "" : " **missed**")
			}
		}
		gsub("_", " ", out)
		gsub("_", " ", text)
		print out " " text " |"
	}
	print ""
	printf "%d bars held, %d missed.\n", kept, missed
}
