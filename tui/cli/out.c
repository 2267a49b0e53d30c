/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/out.h"
#include "core/buf.h"
#include "core/text.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void out_line(FILE *f, const char *s, size_t n)
{
	struct buf b = {0};

	while (n) {
		const char *tab = memchr(s, '\t', n);
		size_t part = tab ? (size_t)(tab - s) : n;

		text_escape(&b, s, part, TEXT_BACKSLASH);
		if (tab)
			buf_ch(&b, '\t');
		s += part + (tab != NULL);
		n -= part + (tab != NULL);
	}
	fwrite(buf_cstr(&b), 1, b.len, f);
	buf_free(&b);
}

void out_text_buf(struct buf *b, const char *s)
{
	text_escape(b, s, strlen(s), 0);
}

void out_text(FILE *f, const char *s)
{
	char *t = text_escaped(s);

	fputs(t, f);
	free(t);
}

void table_add(struct table *t, const char *cell)
{
	t->cells = xrealloc(t->cells, (t->n + 1) * sizeof(*t->cells));
	t->cells[t->n++] = text_escaped(cell && *cell ? cell : "-");
}

void table_addf(struct table *t, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	table_add(t, buf_cstr(&b));
	buf_free(&b);
}

static size_t cell_width(const struct table *t, size_t i)
{
	return text_width(t->cells[i], strlen(t->cells[i]));
}

void table_print(struct table *t, FILE *f)
{
	size_t *width = xcalloc(t->cols ? t->cols : 1, sizeof(*width));

	for (size_t i = 0; i < t->n; i++)
		if (cell_width(t, i) > width[i % t->cols])
			width[i % t->cols] = cell_width(t, i);
	for (size_t i = 0; i < t->n; i++) {
		size_t col = i % t->cols;
		bool last = col + 1 == t->cols;
		int pad = (int)(width[col] - cell_width(t, i));
		bool right = t->right & 1u << col;

		fprintf(f, "%*s%s%*s%s", right ? pad : 0, "", t->cells[i], right || last ? 0 : pad,
			"", last ? "\n" : "  ");
		free(t->cells[i]);
	}
	free(t->cells);
	free(width);
	*t = (struct table){0};
}

const char *out_age(int64_t s, char *buf)
{
	long long n = s < 0 ? 0 : s;

	if (n < 60)
		snprintf(buf, OUT_AGE, "%llds", n);
	else if (n < 3600)
		snprintf(buf, OUT_AGE, "%lldm", n / 60);
	else if (n < 86400)
		snprintf(buf, OUT_AGE, "%lldh%02lldm", n / 3600, n % 3600 / 60);
	else
		snprintf(buf, OUT_AGE, "%lldd%02lldh", n / 86400, n % 86400 / 3600);
	return buf;
}

const char *out_size(uint64_t bytes, char *buf)
{
	static const char units[] = "KMGT";
	double v = (double)bytes;
	int u = -1;

	for (; v >= 1024 && u < 3; u++)
		v /= 1024;
	if (u < 0)
		snprintf(buf, OUT_SIZE, "%llu", (unsigned long long)bytes);
	else if (v < 10 && v * 10 != (double)(uint64_t)v * 10)
		snprintf(buf, OUT_SIZE, "%.1f%c", v, units[u]);
	else
		snprintf(buf, OUT_SIZE, "%.0f%c", v, units[u]);
	return buf;
}

const char *out_time(int64_t seconds, char *buf)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(buf, OUT_AGE, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, OUT_AGE, "?");
	return buf;
}

/* U+FFFD for what is no UTF-8; *exact tells whether there was none. */
static void valid_utf8(struct buf *out, const char *s, size_t n, bool *exact)
{
	uint32_t cp;

	*exact = true;
	while (n) {
		size_t len = text_decode(s, n, &cp);

		if (len)
			buf_add(out, s, len);
		else
			buf_str(out, "\xef\xbf\xbd");
		if (!len) {
			*exact = false;
			len = 1;
		}
		s += len;
		n -= len;
	}
}

json_t *out_json_text(const char *s, size_t n)
{
	struct buf b = {0};
	bool exact;

	valid_utf8(&b, s, n, &exact);
	json_t *v = json_stringn(buf_cstr(&b), b.len);
	buf_free(&b);
	return v;
}

static void base64(struct buf *out, const unsigned char *p, size_t n)
{
	static const char set[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);

		buf_ch(out, set[v >> 18]);
		buf_ch(out, set[v >> 12 & 63]);
		buf_ch(out, left > 1 ? set[v >> 6 & 63] : '=');
		buf_ch(out, left > 2 ? set[v & 63] : '=');
	}
}

void out_json_bytes(json_t *o, const char *key, const char *s, size_t n)
{
	struct buf b = {0};
	bool exact;

	valid_utf8(&b, s, n, &exact);
	json_object_set_new(o, key, json_stringn(buf_cstr(&b), b.len));
	if (!exact) {
		char *raw = xasprintf("%s_base64", key);

		buf_reset(&b);
		base64(&b, (const unsigned char *)s, n);
		json_object_set_new(o, raw, json_string(buf_cstr(&b)));
		free(raw);
	}
	buf_free(&b);
}

static void dump(json_t *o)
{
	json_dumpf(o, stdout, JSON_ENSURE_ASCII);
	json_decref(o);
}

void out_json_line(json_t *o)
{
	dump(o);
	putchar('\n');
}

void out_json_item(struct json_list *l, json_t *o)
{
	fputs(l->begun ? ",\n" : "[\n", stdout);
	l->begun = true;
	dump(o);
}

void out_json_end(struct json_list *l)
{
	fputs(l->begun ? "\n]\n" : "[]\n", stdout);
}

bool out_colour(FILE *f)
{
	const char *term = getenv("TERM");
	const char *no = getenv("NO_COLOR");

	return isatty(fileno(f)) && term && strcmp(term, "dumb") != 0 && !(no && *no);
}

bool out_ask_line(const char *question, char *buf, size_t size)
{
	fflush(stdout);
	fputs(question, stderr);
	fflush(stderr);
	if (!fgets(buf, (int)size, stdin))
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

char out_ask(const char *question)
{
	char line[64];

	if (!out_ask_line(question, line, sizeof(line)))
		return 0;
	return line[0] ? (char)tolower((unsigned char)line[0]) : '\n';
}
