/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "views/compare.h"
#include "core/repo/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of the checkpoints a rollback without ID could go to, newest first. */
struct candidates {
	unsigned v[64];
	size_t n;
};

static bool collect(void *user, const struct checkpoint *c)
{
	struct candidates *l = user;

	if (!c->abandoned && (c->kind == CKPT_HAND || c->kind == CKPT_INITIAL))
		l->v[l->n++] = c->number;
	return l->n < sizeof(l->v) / sizeof(l->v[0]);
}

static bool stop_at_once(void *user, const struct diff_entry *d)
{
	return false;
}

/* True when the checkpoint differs from now: a rollback would go there. */
static bool differs(struct compare *c, const char *word, const volatile bool *cancel)
{
	struct diff_options o = {.cancel = cancel};
	struct side *a = NULL, *now = NULL;
	struct err e;
	bool found = false;

	if (!jailview_side(c->view, word, &a, &e) && !jailview_side(c->view, "now", &now, &e))
		found = diff_each(a, now, &o, stop_at_once, NULL, &e) == -ECANCELED && !*cancel;
	side_close(a);
	side_close(now);
	return found;
}

static int find_rollback(struct compare *c, struct compare_words *w, const volatile bool *cancel,
			 struct err *e)
{
	struct candidates l = {0};
	int ret = log_each(jailview_repo(c->view), collect, &l, e);

	if (ret)
		return ret;
	for (size_t i = 0; i < l.n && !*cancel; i++) {
		snprintf(w->a, sizeof(w->a), "%u", l.v[i]);
		if (differs(c, w->a, cancel))
			return 0;
	}
	return 0; /* nothing to undo: the comparison is empty */
}

/* Opens one side and says what it is called. */
static int open_side(struct compare *c, char word[64], struct side **out, char label[64],
		     struct err *e)
{
	struct checkpoint ck = {0};
	struct side_id id;
	int ret = jailview_resolve(c->view, word, &id, &ck, e);

	if (ret)
		return ret;
	if (id.kind == SIDE_CHECKPOINT) {
		snprintf(label, 64, "#%u", ck.number);
		snprintf(word, 64, "%u", ck.number);
	} else {
		snprintf(label, 64, "%s", word);
	}
	checkpoint_free(&ck);
	return jailview_side(c->view, word, out, e);
}

int compare_open(struct compare *c, const struct jail_places *places, struct compare_words *w,
		 const volatile bool *cancel, struct err *e)
{
	int ret = jail_open(&c->jail, places, w->jail, e);

	if (ret)
		return ret;
	c->opened = true;
	ret = jailview_open(&c->view, places, &c->jail, e);
	if (ret)
		return ret;
	if (!*w->b)
		strcpy(w->b, "now");
	if (!strcmp(w->a, TARGET_ROLLBACK))
		ret = find_rollback(c, w, cancel, e);
	if (!ret)
		ret = open_side(c, w->a, &c->a, c->label_a, e);
	if (!ret)
		ret = open_side(c, w->b, &c->b, c->label_b, e);
	return ret;
}

void compare_close(struct compare *c)
{
	side_close(c->a);
	side_close(c->b);
	if (c->view)
		jailview_close(c->view);
	if (c->opened)
		jail_close(&c->jail);
	*c = (struct compare){0};
}

static size_t cut(size_t n)
{
	return n < COMPARE_XATTR_MAX ? n : COMPARE_XATTR_MAX;
}

void compare_copy(struct compare_entry *to, const struct diff_entry *from)
{
	struct buf b = {0};
	size_t offset = 0;

	to->d = *from;
	to->xattrs = from->nxattrs ? xcalloc(from->nxattrs, sizeof(*to->xattrs)) : NULL;
	buf_add(&b, from->path, strlen(from->path) + 1);
	if (from->from)
		buf_add(&b, from->from, strlen(from->from) + 1);
	for (size_t i = 0; i < from->nxattrs; i++) {
		const struct diff_xattr *x = &from->xattrs[i];

		buf_add(&b, x->name, strlen(x->name) + 1);
		if (x->a)
			buf_add(&b, x->a, cut(x->alen));
		if (x->b)
			buf_add(&b, x->b, cut(x->blen));
	}
	to->strings = buf_take(&b);
	to->d.path = to->strings;
	offset = strlen(from->path) + 1;
	if (from->from) {
		to->d.from = to->strings + offset;
		offset += strlen(from->from) + 1;
	}
	for (size_t i = 0; i < from->nxattrs; i++) {
		const struct diff_xattr *x = &from->xattrs[i];
		struct diff_xattr *y = &to->xattrs[i];

		*y = *x;
		y->name = to->strings + offset;
		offset += strlen(x->name) + 1;
		y->a = x->a ? to->strings + offset : NULL;
		offset += x->a ? cut(x->alen) : 0;
		y->b = x->b ? to->strings + offset : NULL;
		offset += x->b ? cut(x->blen) : 0;
	}
	to->d.xattrs = to->xattrs;
}

void compare_free(struct compare_entry *e)
{
	free(e->strings);
	free(e->xattrs);
	*e = (struct compare_entry){0};
}
