# SPDX-License-Identifier: GPL-2.0-or-later
# A screen as `tmux capture-pane -e -p` gives it, as an SVG picture: colours, bold, dim, underline
# and reverse; one <text> a line with a <tspan> for each run of one style.
# Variables: cols, rows, title.
function esc(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); return s }
function cube(n) { return n ? 55 + n * 40 : 0 }
function colour(n, r) {
	if (n < 16) return base[n]
	if (n >= 232) { r = 8 + (n - 232) * 10; return sprintf("#%02x%02x%02x", r, r, r) }
	n -= 16
	return sprintf("#%02x%02x%02x", cube(int(n / 36)), cube(int(n / 6) % 6), cube(n % 6))
}
function reset() { fg = ""; bg = ""; bold = 0; dim = 0; under = 0; rev = 0 }
function sgr(list, p, n, i, c) {
	n = split(list == "" ? "0" : list, p, /[;:]/)
	for (i = 1; i <= n; i++) {
		if (p[i] == 0) reset()
		else if (p[i] == 1) bold = 1
		else if (p[i] == 2) dim = 1
		else if (p[i] == 4) under = 1
		else if (p[i] == 7) rev = 1
		else if (p[i] == 22) { bold = 0; dim = 0 }
		else if (p[i] == 24) under = 0
		else if (p[i] == 27) rev = 0
		else if (p[i] >= 30 && p[i] <= 37) fg = colour(p[i] - 30)
		else if (p[i] >= 90 && p[i] <= 97) fg = colour(p[i] - 82)
		else if (p[i] >= 40 && p[i] <= 47) bg = colour(p[i] - 40)
		else if (p[i] >= 100 && p[i] <= 107) bg = colour(p[i] - 92)
		else if (p[i] == 39) fg = ""
		else if (p[i] == 49) bg = ""
		else if ((p[i] == 38 || p[i] == 48) && p[i + 1] == 5) {
			if (p[i] == 38) fg = colour(p[i + 2]); else bg = colour(p[i + 2])
			i += 2
		} else if ((p[i] == 38 || p[i] == 48) && p[i + 1] == 2) {
			c = sprintf("#%02x%02x%02x", p[i + 2], p[i + 3], p[i + 4])
			if (p[i] == 38) fg = c; else bg = c
			i += 4
		}
	}
}
# Columns, not bytes: continuation bytes of UTF-8 do not count (mawk counts bytes).
function columns(s) { gsub(/[\200-\277]/, "", s); return length(s) }
function emit(text, x, f, b, style) {
	if (text == "") return
	f = fg == "" ? "#d0d0d0" : fg
	b = bg
	if (rev) { b = f; f = bg == "" ? "#16181d" : bg }
	if (b != "")
		back = back sprintf("<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", \
			left + x * cw, top + line * ch, columns(text) * cw + 0.4, ch, b)
	if (text ~ /^ *$/ && !under) return
	style = sprintf(" fill=\"%s\"", f)
	if (bold) style = style " font-weight=\"bold\""
	if (dim) style = style " opacity=\"0.65\""
	if (under) style = style " text-decoration=\"underline\""
	runs = runs sprintf("<tspan x=\"%.1f\"%s>%s</tspan>", left + x * cw, style, esc(text))
}
BEGIN {
	split("#16181d #e06c75 #98c379 #e5c07b #61afef #c678dd #56b6c2 #d0d0d0 #5c6370 #ff7b86 #b5e890 #ffd68a #7cc3ff #dd9bf0 #7fd7e3 #ffffff", b16, " ")
	for (i = 1; i <= 16; i++) base[i - 1] = b16[i]
	cw = 8.4; ch = 18; left = 14; top = 40
	w = cols * cw + 2 * left; h = rows * ch + top + 14
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", w, h, w, h
	printf "<rect width=\"100%%\" height=\"100%%\" rx=\"9\" fill=\"#16181d\"/>\n"
	for (i = 0; i < 3; i++) printf "<circle cx=\"%d\" cy=\"20\" r=\"6\" fill=\"%s\"/>\n", 22 + i * 20, base[i == 0 ? 1 : i == 1 ? 3 : 2]
	printf "<text x=\"%d\" y=\"25\" fill=\"#8a8f99\" font-family=\"sans-serif\" font-size=\"13\" text-anchor=\"middle\">%s</text>\n", w / 2, esc(title)
	reset()
}
{
	runs = ""; x = 0; rest = $0
	while (match(rest, /\033\[[0-9;:]*m|\033[()][0-9A-B]|\016|\017/)) {
		text = substr(rest, 1, RSTART - 1)
		code = substr(rest, RSTART, RLENGTH)
		rest = substr(rest, RSTART + RLENGTH)
		emit(text, x); x += columns(text)
		if (code ~ /m$/) sgr(substr(code, 3, length(code) - 3))
	}
	emit(rest, x)
	if (runs != "")
		lines = lines sprintf("<text y=\"%d\" xml:space=\"preserve\">%s</text>\n", top + line * ch + 13, runs)
	line++
}
END {
	printf "%s<g font-family=\"DejaVu Sans Mono,Menlo,Consolas,monospace\" font-size=\"14\">\n%s</g>\n</svg>\n", back, lines
}
