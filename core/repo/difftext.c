/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changed lines of one entry, by libgit2's xdiff on two buffers. */
#include "core/buf.h"
#include "core/repo/diff.h"
#include "core/repo/inside.h"
#include "core/repo/segments.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEFAULT (4u << 20)
#define BINARY_LOOK 8000u
#define LONG_TEXT (1u << 20) /* bytes of both sides from which they are compared in segments */

struct lines {
	const volatile bool *cancel;
	diff_line_fn *fn;
	void *user;
	size_t before_a, before_b; /* lines before the segment */
};

static int say(struct lines *l, struct diff_line *line)
{
	while (line->len && line->origin != '@' && line->text[line->len - 1] == '\n') {
		line->len--;
		break;
	}
	return (l->cancel && *l->cancel) || !l->fn(l->user, line) ? GIT_EUSER : 0;
}

/* The header of a hunk with the lines before its segment counted in. */
static int shifted_header(const struct lines *l, const git_diff_hunk *h, char *out, size_t size)
{
	char old[24] = "", new[24] = "";

	/* as git has it: ",1" is left out */
	if (h->old_lines != 1)
		snprintf(old, sizeof(old), ",%d", h->old_lines);
	if (h->new_lines != 1)
		snprintf(new, sizeof(new), ",%d", h->new_lines);
	return snprintf(out, size, "@@ -%zu%s +%zu%s @@", (size_t)h->old_start + l->before_a, old,
			(size_t)h->new_start + l->before_b, new);
}

static int on_hunk(const git_diff_delta *delta, const git_diff_hunk *h, void *user)
{
	const struct lines *l = user;
	char header[128];
	struct diff_line line = {
	    .origin = '@',
	    .old_line = h->old_start,
	    .new_line = h->new_start,
	    .text = h->header,
	    .len = h->header_len,
	};

	while (line.len && line.text[line.len - 1] == '\n')
		line.len--;
	if (l->before_a || l->before_b) {
		line.text = header;
		line.len = (size_t)shifted_header(l, h, header, sizeof(header));
		line.old_line += (int)l->before_a;
		line.new_line += (int)l->before_b;
	}
	return say(user, &line);
}

static int on_line(const git_diff_delta *delta, const git_diff_hunk *h, const git_diff_line *g,
		   void *user)
{
	static const char no_newline[] = " No newline at end of file";
	const struct lines *l = user;
	struct diff_line line = {
	    .origin = g->origin,
	    .old_line = g->old_lineno,
	    .new_line = g->new_lineno,
	    .text = g->content,
	    .len = g->content_len,
	};

	line.old_line += line.old_line > 0 ? (int)l->before_a : 0;
	line.new_line += line.new_line > 0 ? (int)l->before_b : 0;
	switch (g->origin) {
	case GIT_DIFF_LINE_CONTEXT:
	case GIT_DIFF_LINE_ADDITION:
	case GIT_DIFF_LINE_DELETION:
		break;
	case GIT_DIFF_LINE_CONTEXT_EOFNL:
	case GIT_DIFF_LINE_ADD_EOFNL:
	case GIT_DIFF_LINE_DEL_EOFNL:
		line.origin = '\\';
		line.text = no_newline;
		line.len = strlen(no_newline);
		line.old_line = line.new_line = -1;
		break;
	default:
		return 0;
	}
	return say(user, &line);
}

/* The text of one side: a file's content or a link's target; *is_text is false for others. */
static int side_text(struct side *s, const char *path, mode_t mode, size_t max, struct buf *out,
		     bool *is_text)
{
	*is_text = S_ISREG(mode) || S_ISLNK(mode);
	if (S_ISREG(mode))
		return side_read(s, path, max, out);
	return S_ISLNK(mode) ? side_readlink(s, path, out) : 0;
}

static bool is_binary(const struct buf *b)
{
	return b->len && memchr(b->p, '\0', b->len < BINARY_LOOK ? b->len : BINARY_LOOK);
}

static int buffers(const char *a, size_t na, const char *b, size_t nb,
		   const struct diff_text_options *o, struct lines *l)
{
	git_diff_options go;

	git_diff_options_init(&go, GIT_DIFF_OPTIONS_VERSION);
	go.context_lines = o->context;
	go.flags = GIT_DIFF_FORCE_TEXT | GIT_DIFF_SKIP_BINARY_CHECK |
		   (o->no_space ? GIT_DIFF_IGNORE_WHITESPACE : 0);
	return git_diff_buffers(na ? a : NULL, na, "a", nb ? b : NULL, nb, "b", &go, NULL, NULL,
				on_hunk, on_line, l);
}

static int lines_each(const struct buf *a, const struct buf *b, const struct diff_text_options *o,
		      struct lines *l)
{
	struct segments s = {
	    .a = a->p, .na = a->len, .b = b->p, .nb = b->len, .context = o->context};
	struct segment g;
	int ret = 0;

	if (!a->len || !b->len || a->len + b->len < LONG_TEXT || o->context > SEGMENTS_CONTEXT_MAX)
		return buffers(a->p, a->len, b->p, b->len, o, l);
	while (!ret && segments_next(&s, &g)) {
		l->before_a = g.line_a;
		l->before_b = g.line_b;
		ret = buffers(a->p + g.a, g.na, b->p + g.b, g.nb, o, l);
		if (!ret && l->cancel && *l->cancel)
			ret = GIT_EUSER;
	}
	return ret;
}

int diff_text(struct side *a, struct side *b, const struct diff_entry *d,
	      const struct diff_text_options *o, diff_line_fn *fn, void *user,
	      enum diff_text_kind *kind, struct err *e)
{
	struct lines l = {.cancel = o->cancel, .fn = fn, .user = user};
	size_t max = o->max_bytes ? o->max_bytes : MAX_DEFAULT;
	struct buf ta = {0}, tb = {0};
	bool is_a, is_b;
	int err = side_text(a, d->from ? d->from : d->path, d->a.mode, max, &ta, &is_a), got = 0;

	if (err && err != -EFBIG)
		err_set(e, err, "%s", side_error(a));
	if (!err) {
		err = side_text(b, d->path, d->b.mode, max, &tb, &is_b);
		if (err && err != -EFBIG)
			err_set(e, err, "%s", side_error(b));
	}
	*kind = DIFF_TEXT;
	if (err == -EFBIG)
		*kind = DIFF_TOO_LARGE;
	else if (!err && !is_a && !is_b)
		*kind = DIFF_NO_TEXT;
	else if (!err && (is_binary(&ta) || is_binary(&tb)))
		*kind = DIFF_BINARY;
	else if (!err)
		got = lines_each(&ta, &tb, o, &l);
	if (err == -EFBIG)
		err = 0;
	else if (got == GIT_EUSER)
		err = -ECANCELED;
	else if (got)
		err = repo_git_err(e, -EIO, "diff: %s", d->path);
	buf_free(&ta);
	buf_free(&tb);
	return err;
}
