/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One setting changed in the text of a jail.conf. */
#include "core/buf.h"
#include "core/conf.h"
#include "core/conf_schema.h"
#include "core/ini.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Where in the text the setting is, or would be. Lines count from 1; 0: there is none. */
struct search {
	const struct schema *s;
	const char *path;     /* of a [path] section, normal; "" for others */
	bool inside;	      /* the items are of its section now */
	unsigned header, end; /* the section's header, its last line that is a header or an item */
	unsigned line, last;  /* the newest setting of the key */
	const char *comment;
};

static bool section_is(const struct search *q, const struct ini_item *it)
{
	char normal[CONF_VALUE_MAX];
	struct conf_why why;

	if (strcasecmp(it->section, q->s->k.section) != 0)
		return false;
	if (!*q->path)
		return !it->sub;
	return it->sub && conf_path_normal(it->sub, normal, &why) && !strcmp(normal, q->path);
}

static int look(void *user, const struct ini_item *it, struct err *e)
{
	struct search *q = user;

	(void)e;
	if (!it->key) {
		q->inside = section_is(q, it);
		if (q->inside)
			q->header = q->end = it->line;
		return 0;
	}
	if (!q->inside)
		return 0;
	q->end = it->last;
	if (strcasecmp(it->key, q->s->k.key) != 0)
		return 0;
	q->line = it->line;
	q->last = it->last;
	q->comment = it->comment;
	return 0;
}

/* Where line number n begins, or the end of the text. */
static size_t line_at(const struct buf *text, unsigned n)
{
	size_t at = 0;

	while (--n && at < text->len) {
		const char *nl = memchr(text->p + at, '\n', text->len - at);
		at = nl ? (size_t)(nl - text->p) + 1 : text->len;
	}
	return at;
}

/* The line of the section that has the key as a comment ("#\tkey = default"), as conf_write leaves
 * it; 0 without one. */
static unsigned commented(const struct buf *text, const struct search *q)
{
	size_t n = strlen(q->s->k.key), at = line_at(text, q->header + 1);

	for (unsigned line = q->header + 1; at < text->len; line++) {
		const char *p = text->p + at;
		size_t left = text->len - at;

		if (*p == '[')
			return 0;
		if (left > n + 4 && !memcmp(p, "#\t", 2) && !memcmp(p + 2, q->s->k.key, n) &&
		    !memcmp(p + 2 + n, " =", 2))
			return line;
		p = memchr(p, '\n', left);
		at = p ? (size_t)(p - text->p) + 1 : text->len;
	}
	return 0;
}

/* Puts the n bytes of what between from and to. */
static void splice(struct buf *text, size_t from, size_t to, const struct buf *what)
{
	struct buf out = {0};

	buf_add(&out, text->p, from);
	if (from && text->p[from - 1] != '\n')
		buf_ch(&out, '\n');
	buf_add(&out, what->p, what->len);
	buf_add(&out, text->p + to, text->len - to);
	buf_free(text);
	*text = out;
}

static void write_setting(const struct search *q, const char *value, const struct buf *text,
			  struct buf *out)
{
	const char *end;

	ini_write_value(out, q->s->k.key, value);
	if (!q->comment || q->s->k.list)
		return;
	end = memchr(q->comment, '\n', (size_t)(text->p + text->len - q->comment));
	end = end ? end : text->p + text->len;
	out->len--; /* the newline */
	buf_ch(out, '\t');
	buf_add(out, q->comment, (size_t)(end - q->comment));
	buf_ch(out, '\n');
}

static void change(struct buf *text, const struct search *q, const char *value)
{
	unsigned line = q->line ? q->line : q->header ? commented(text, q) : 0;
	unsigned last = q->line ? q->last : line;
	struct buf new = {0};

	if (!q->header) {
		buf_ch(&new, '\n');
		ini_write_section(&new, q->s->k.section, *q->path ? q->path : NULL);
		write_setting(q, value, text, &new);
		splice(text, text->len, text->len, &new);
	} else {
		write_setting(q, value, text, &new);
		if (line && (!q->s->k.list || !q->line))
			splice(text, line_at(text, line), line_at(text, last + 1), &new);
		else
			splice(text, line_at(text, (line ? last : q->end) + 1),
			       line_at(text, (line ? last : q->end) + 1), &new);
	}
	buf_free(&new);
}

int conf_edit(struct buf *text, const char *key, const char *value, struct err *e)
{
	char path[CONF_VALUE_MAX], normal[CONF_VALUE_MAX] = "";
	struct conf_why why;
	struct search q = {.s = conf_split_key(key, path, sizeof(path), &why), .path = normal};
	int ret;

	if (!q.s || (*path && !conf_path_normal(path, normal, &why)))
		return err_set(e, -EINVAL, "%.100s: %s", key, why.text);
	buf_cstr(text);
	ret = ini_parse(text->p, text->len, CONF_FILE, look, &q, e);
	if (!ret)
		change(text, &q, value);
	return ret;
}
