/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/ini.h"
#include "core/buf.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct parser {
	const char *p;
	const char *end;
	const char *name;
	unsigned line;	     /* of the next character */
	const char *comment; /* behind the value just taken, or NULL */
	struct err *e;
	char section[INI_NAME_MAX + 1]; /* "" before the first header */
	char key[INI_NAME_MAX + 1];
	bool has_sub;
	char sub[INI_VALUE_MAX];
	char value[INI_VALUE_MAX];
};

/* ctype's answers change with the locale; these do not. */
static bool is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(int c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '-';
}

static bool is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* The next character without taking it; the end of the text is a newline, and so is CR LF. */
static int peek(const struct parser *x)
{
	if (x->p == x->end)
		return '\n';
	if (*x->p == '\r' && x->end - x->p > 1 && x->p[1] == '\n')
		return '\n';
	return (unsigned char)*x->p;
}

static int next(struct parser *x)
{
	int c = peek(x);

	if (x->p < x->end)
		x->p += *x->p == '\r' && c == '\n' ? 2 : 1;
	if (c == '\n')
		x->line++;
	return c;
}

static int fail(struct parser *x, unsigned line, const char *why)
{
	return err_set(x->e, -EINVAL, "%s:%u: %s", x->name, line, why);
}

static void skip_line(struct parser *x)
{
	while (peek(x) != '\n')
		next(x);
}

/* Takes a name into to (INI_NAME_MAX + 1 bytes); its length, or -1 when it is too long. */
static int take_name(struct parser *x, char *to)
{
	int n = 0;

	for (; is_name(peek(x)); n++) {
		if (n == INI_NAME_MAX)
			return -1;
		to[n] = (char)lower(next(x));
	}
	to[n] = '\0';
	return n;
}

/* The quoted part of a header, behind its first quote. */
static int take_sub(struct parser *x)
{
	unsigned line = x->line;
	size_t n = 0;

	for (;;) {
		int c = next(x);

		if (c == '"')
			break;
		if (c == '\\')
			c = next(x);
		if (c == '\n')
			return fail(x, line,
				    "a section name without its closing quote: "
				    "write [section \"name\"] on one line");
		if (n == sizeof(x->sub) - 1)
			return fail(x, line,
				    "a section name is too long: "
				    "4095 bytes are the end");
		x->sub[n++] = (char)c;
	}
	x->sub[n] = '\0';
	x->has_sub = true;
	return 0;
}

/* A section header, behind its '['. */
static int take_header(struct parser *x)
{
	unsigned line = x->line;
	int n = take_name(x, x->section);

	x->has_sub = false;
	if (n < 0)
		return fail(x, line, "a section name is too long: 64 bytes are the end");
	if (peek(x) == '.')
		return fail(x, line, "[section.name] is not read: write [section \"name\"]");
	if (n && is_space(peek(x))) {
		while (is_space(peek(x)))
			next(x);
		if (next(x) != '"')
			return fail(x, line,
				    "not a section: write [section] or "
				    "[section \"name\"]");
		if (take_sub(x) < 0)
			return -EINVAL;
	}
	if (!n || peek(x) != ']')
		return fail(x, line, "not a section: write [section] or [section \"name\"]");
	next(x);
	return 0;
}

/* The character that an escape in a value stands for, or -1. */
static int escaped(int c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'b':
		return '\b';
	case '\\':
	case '"':
		return c;
	default:
		return -1;
	}
}

/* A value, behind its '=', up to and with the end of its (last) line. */
static int take_value(struct parser *x)
{
	unsigned line = x->line;
	bool quoted = false;
	size_t n = 0, keep = 0; /* keep: bytes that are not blanks before the end */

	for (;;) {
		int c = peek(x);

		if (c == '\n' && quoted)
			return fail(x, line,
				    "a value without its closing quote: "
				    "add a \" at its end");
		if (!quoted && (c == '#' || c == ';')) {
			x->comment = x->p;
			skip_line(x);
		}
		if (peek(x) == '\n') {
			next(x);
			break;
		}
		c = next(x);
		if (!quoted && is_space(c) && !n)
			continue;
		if (c == '"') {
			quoted = !quoted;
			keep = n;
			continue;
		}
		if (c == '\\') {
			c = next(x);
			if (c == '\n') { /* the line goes on; blanks before it count */
				keep = n;
				continue;
			}
			c = escaped(c);
			if (c < 0)
				return fail(x, line,
					    "an unknown escape: \\\\ \\\" \\n \\t and \\b "
					    "are known, write \\\\ for a backslash");
			/* not a blank that may be cut at the end */
			keep = n + 1;
		} else if (quoted || !is_space(c)) {
			keep = n + 1;
		}
		if (n == sizeof(x->value) - 1)
			return fail(x, line, "a value is too long: 4095 bytes are the end");
		x->value[n++] = (char)c;
	}
	x->value[keep] = '\0';
	return 0;
}

/* "key", "key = value". */
static int take_item(struct parser *x, ini_fn *fn, void *user)
{
	struct ini_item it = {
	    .section = x->section, .key = x->key, .line = x->line, .last = x->line};
	int ret;

	if (!x->section[0])
		return fail(x, x->line,
			    "a setting before the first section: "
			    "begin with a line [jail]");
	it.sub = x->has_sub ? x->sub : NULL;
	if (take_name(x, x->key) < 0)
		return fail(x, it.line, "a key is too long: 64 bytes are the end");
	while (peek(x) == ' ' || peek(x) == '\t')
		next(x);
	if (peek(x) == '=') {
		next(x);
		x->comment = NULL;
		ret = take_value(x);
		if (ret < 0)
			return ret;
		it.value = x->value;
		it.last = x->line - 1;
		it.comment = x->comment;
	} else if (peek(x) != '\n') {
		return fail(x, it.line, "not a setting: write key = value");
	}
	return fn(user, &it, x->e);
}

int ini_parse(const char *text, size_t n, const char *name, ini_fn *fn, void *user, struct err *e)
{
	struct parser x = {.p = text, .end = text + n, .name = name, .line = 1, .e = e};
	const char *nul = n ? memchr(text, '\0', n) : NULL;
	int ret = 0;

	if (nul) {
		for (const char *p = text; p < nul; p++)
			x.line += *p == '\n';
		return fail(&x, x.line, "a NUL byte: this is not a text file");
	}
	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) /* what some editors begin UTF-8 with */
		x.p += 3;
	while (!ret && x.p < x.end) {
		int c = peek(&x);

		if (c == '\n' || is_space(c)) {
			next(&x);
		} else if (c == '#' || c == ';') {
			skip_line(&x);
		} else if (c == '[') {
			struct ini_item it = {.section = x.section, .line = x.line, .last = x.line};

			next(&x);
			ret = take_header(&x);
			it.sub = x.has_sub ? x.sub : NULL;
			if (!ret)
				ret = fn(user, &it, e);
		} else if (is_alpha(c)) {
			ret = take_item(&x, fn, user);
		} else {
			ret = fail(&x, x.line,
				   "not a setting: write key = value, "
				   "a [section] or a # comment");
		}
	}
	return ret;
}

void ini_write_section(struct buf *out, const char *section, const char *sub)
{
	buf_fmt(out, "[%s", section);
	if (sub) {
		buf_str(out, " \"");
		for (; *sub; sub++) {
			if (*sub == '"' || *sub == '\\')
				buf_ch(out, '\\');
			buf_ch(out, *sub);
		}
		buf_ch(out, '"');
	}
	buf_str(out, "]\n");
}

void ini_write_value(struct buf *out, const char *key, const char *value)
{
	size_t n = strlen(value);
	/* tabs inside too: git before 2.45 made each a space */
	bool quote = !n || is_space(value[0]) || is_space(value[n - 1]) || strpbrk(value, "#;\t\r");

	buf_fmt(out, "\t%s = %s", key, quote ? "\"" : "");
	for (; *value; value++) {
		static const char from[] = "\n\t\b\\\"", to[] = "ntb\\\"";
		const char *at = strchr(from, *value);

		if (at) {
			buf_ch(out, '\\');
			buf_ch(out, to[at - from]);
		} else {
			buf_ch(out, *value);
		}
	}
	buf_str(out, quote ? "\"\n" : "\n");
}
