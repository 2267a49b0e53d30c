/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/hunk.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/diff.h"
#include "tui/cli/out.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CONTEXT 3
#define BYTES_MAX (64u << 20) /* of a file that is taken apart into lines */

struct range {
	size_t start, count; /* lines, from 1 */
};

struct search {
	const char *path;
	struct diff_entry entry; /* its path is borrowed from above */
	bool found;
	unsigned line;
	struct range a, b; /* of the hunk, b.start 0: none yet */
	bool hit;
};

static bool take_entry(void *user, const struct diff_entry *d)
{
	struct search *s = user;

	if (strcmp(d->path, s->path) != 0)
		return true;
	s->entry = *d;
	s->entry.path = s->path;
	s->entry.from = NULL;
	s->entry.xattrs = NULL;
	s->entry.nxattrs = 0;
	s->found = true;
	return false;
}

/* "-3,4" or "-3": the range behind a sign. */
static bool parse_range(const char *text, char sign, struct range *r)
{
	const char *at = strchr(text, sign);
	char *end;

	if (!at)
		return false;
	r->start = strtoul(at + 1, &end, 10);
	r->count = 1;
	if (*end == ',')
		r->count = strtoul(end + 1, NULL, 10);
	return true;
}

static bool take_line(void *user, const struct diff_line *l)
{
	struct search *s = user;
	char head[64];

	if (l->origin != '@')
		return true;
	snprintf(head, sizeof(head), "%.*s", (int)(l->len < 63 ? l->len : 63), l->text);
	if (!parse_range(head, '-', &s->a) || !parse_range(head, '+', &s->b))
		return true;
	s->hit = s->line >= s->b.start && s->line < s->b.start + (s->b.count ? s->b.count : 1);
	return !s->hit;
}

/* Bytes before line n (from 0) of a text. */
static size_t offset_of(const struct buf *b, size_t n)
{
	size_t at = 0;

	while (n-- && at < b->len) {
		const char *nl = memchr(b->p + at, '\n', b->len - at);

		at = nl ? (size_t)(nl - b->p) + 1 : b->len;
	}
	return at;
}

/* The bytes of a range; one without lines stands behind its start. */
static void bytes_of(const struct buf *b, const struct range *r, size_t *from, size_t *to)
{
	size_t first = r->count ? r->start - 1 : r->start;

	*from = offset_of(b, first);
	*to = offset_of(b, first + r->count);
}

static int splice(struct side *from, struct side *now, const struct search *s, struct buf *out,
		  struct err *e)
{
	struct buf a = {0}, b = {0};
	size_t a0, a1, b0, b1;
	int ret = side_read(from, s->path, BYTES_MAX, &a);

	if (ret)
		err_set(e, ret, "%s", side_error(from));
	else if ((ret = side_read(now, s->path, BYTES_MAX, &b)))
		err_set(e, ret, "%s", side_error(now));
	if (!ret) {
		bytes_of(&a, &s->a, &a0, &a1);
		bytes_of(&b, &s->b, &b0, &b1);
		buf_add(out, buf_cstr(&b), b0);
		buf_add(out, buf_cstr(&a) + a0, a1 - a0);
		buf_add(out, buf_cstr(&b) + b1, b.len - b1);
	}
	buf_free(&a);
	buf_free(&b);
	return ret;
}

static int write_back(struct client *c, const struct search *s, const struct buf *text,
		      struct err *e)
{
	const struct diff_attr *at = &s->entry.b;
	cleanup_fd int fd = memfd_create("hunk", MFD_CLOEXEC);
	json_t *path = json_string(s->path);

	if (!path)
		return err_set(e, -EILSEQ, "%s: not UTF-8, which is all that can be passed on",
			       s->path);
	if (fd < 0 || fd_write_full(fd, buf_cstr(text), text->len)) {
		json_decref(path);
		return err_sys(e, "%s", s->path);
	}
	return client_call(c, "put",
			   json_pack("{s:o, s:i, s:I, s:I}", "path", path, "mode",
				     (int)(at->mode & 07777), "uid", (json_int_t)at->uid, "gid",
				     (json_int_t)at->gid),
			   fd, NULL, NULL, NULL, e);
}

int hunk_back(struct client *c, struct side *from, struct side *now, const char *path,
	      unsigned line, struct err *e)
{
	const char *const paths[] = {path, NULL};
	struct diff_options o = {.paths = paths};
	struct diff_text_options to = {.context = CONTEXT, .max_bytes = BYTES_MAX};
	struct search s = {.path = path, .line = line};
	enum diff_text_kind kind = DIFF_NO_TEXT;
	struct buf text = {0};
	int ret = diff_each(from, now, &o, take_entry, &s, e);

	if (ret && ret != -ECANCELED)
		return ret;
	if (!s.found || !S_ISREG(s.entry.a.mode) || !S_ISREG(s.entry.b.mode))
		return err_set(e, -EINVAL, "%s: no file that has changed: see gaol diff", path);
	ret = diff_text(from, now, &s.entry, &to, take_line, &s, &kind, e);
	if (ret && ret != -ECANCELED)
		return ret;
	if (kind != DIFF_TEXT || !s.hit)
		return err_set(e, -ENOENT, "%s: no hunk of the diff covers line %u: see gaol diff",
			       path, line);
	ret = splice(from, now, &s, &text, e);
	if (!ret)
		ret = write_back(c, &s, &text, e);
	buf_free(&text);
	return ret;
}
