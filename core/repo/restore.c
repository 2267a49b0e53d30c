/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rollback, redo, and their completion after a crash. */
#include "core/repo/restore.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/inside.h"
#include "core/repo/log.h"
#include "core/repo/save.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REDO_MAX 100
#define REDO_LINE (GIT_OID_HEXSZ + 1)

struct target {
	git_oid commit, tree;
	unsigned number;
	int64_t time;
};

static int target_read(struct repo *r, const git_oid *oid, struct target *t)
{
	git_commit *c = NULL;
	struct trailer tr;
	bool ours;

	if (git_commit_lookup(&c, r->git, oid))
		return -ENOENT;
	t->commit = *oid;
	t->tree = *git_commit_tree_id(c);
	ours = trailer_parse(git_commit_message(c), &tr);
	t->number = tr.number;
	t->time = git_commit_time(c);
	git_commit_free(c);
	return ours ? 0 : -ENOENT;
}

/* The newest hand-made or first checkpoint of the line that differs from the present. */
static int target_default(struct saving *s, struct target *t, struct err *e)
{
	git_oid oid = s->tip;

	for (bool more = s->has_tip; more;) {
		git_commit *c = NULL;
		struct trailer tr;
		if (git_commit_lookup(&c, s->r->git, &oid))
			return repo_git_err(e, -EIO, "rollback: cannot read the history");
		if (trailer_parse(git_commit_message(c), &tr) &&
		    (tr.kind == CKPT_HAND || tr.kind == CKPT_INITIAL)) {
			*t = (struct target){.commit = oid,
					     .tree = *git_commit_tree_id(c),
					     .number = tr.number,
					     .time = git_commit_time(c)};
			if (!git_oid_equal(&t->tree, &s->tree)) {
				git_commit_free(c);
				return 0;
			}
		}
		more = git_commit_parentcount(c);
		if (more)
			oid = *git_commit_parent_id(c, 0);
		git_commit_free(c);
	}
	if (!t->number)
		return err_set(e, -ENOENT, "rollback: no checkpoint to go back to: make one first");
	return 0; /* equal to the present: nothing to do */
}

static int target_by_id(struct repo *r, const struct restore_request *q, struct target *t,
			struct err *e)
{
	struct checkpoint c;
	git_oid oid;
	int err = log_resolve(r, q->to, q->name, &c, e);

	if (err)
		return err;
	git_oid_fromstr(&oid, c.hash);
	checkpoint_free(&c);
	return target_read(r, &oid, t)
		   ? err_set(e, -EIO, "rollback: cannot read checkpoint %s", q->to)
		   : 0;
}

/* Takes lines off the end of redo until one is another state than the present. */
static int target_redo(struct saving *s, struct buf *redo, struct target *t, struct err *e)
{
	while (redo->len >= REDO_LINE) {
		git_oid oid;
		redo->len -= REDO_LINE;
		if (!git_oid_fromstrn(&oid, redo->p + redo->len, GIT_OID_HEXSZ) &&
		    !target_read(s->r, &oid, t) && !git_oid_equal(&t->tree, &s->tree)) {
			redo->p[redo->len] = '\0';
			return 0;
		}
	}
	return err_set(e, -ENOENT, "redo: nothing was rolled back");
}

static void redo_push(struct buf *redo, const git_oid *oid)
{
	char hash[GIT_OID_HEXSZ + 1];

	buf_fmt(redo, "%s\n", git_oid_tostr(hash, sizeof(hash), oid));
	if (redo->len > REDO_MAX * REDO_LINE)
		buf_eat(redo, redo->len - REDO_MAX * REDO_LINE);
}

/* A rename that the layer has not completed would be carried out over what is restored. */
static int check_idle(struct repo *r, struct err *e)
{
	struct stat st;

	if (r->upper < 0 || r->work < 0)
		return err_set(e, -ENOENT, "rollback: the jail has no layer");
	if (!fstatat(r->work, "rename", &st, AT_SYMLINK_NOFOLLOW))
		return err_set(e, -EBUSY,
			       "rollback: the layer was interrupted: start the jail once first");
	return 0;
}

static int complete(struct repo *r, const struct journal *j, const struct repo_hooks *h,
		    uint64_t *entries, struct err *e)
{
	char hash[GIT_OID_HEXSZ + 1];
	git_oid tree;
	int err;

	/* the layer's count of what it holds: wrong from here on (core/layer/quota.c) */
	unlinkat(r->work, "usage", 0);
	err = load_commit_tree(r, git_oid_tostr(hash, sizeof(hash), &j->to), &tree, e);

	if (!err)
		err = apply_run(r, &j->from, &tree, h, entries, e);
	if (!err)
		err = journal_refs(r, j, e);
	if (!err)
		err = journal_remove(r, e);
	if (!err)
		err = apply_clean(r, e);
	return err;
}

/* Saves the present unless it is saved: s->tip is then what it is. */
static int save_present(struct saving *s, const struct restore_request *q, const struct target *t,
			struct restore_result *out, struct err *e)
{
	char text[64];
	struct save_request sq = {.kind = CKPT_ROLLBACK, .message = q->message};
	struct save_result done = {0};
	int err;

	snprintf(text, sizeof(text), "before %s to %u", q->redo ? "redo" : "rollback", t->number);
	if (!sq.message || !*sq.message)
		sq.message = text;
	err = s->has_tip && s->unchanged ? 0 : saving_commit(s, &sq, &done, e);
	out->saved = done.number;
	out->from = s->tip_trailer.number;
	return err;
}

static int go(struct repo *r, struct saving *s, const struct target *t, struct buf *redo,
	      struct restore_result *out, const struct repo_hooks *h, struct err *e)
{
	struct journal j = {
	    .from = s->tip_tree,
	    .to = t->commit,
	    .old = s->tip,
	    .old_number = s->tip_trailer.number,
	};
	int err = apply_stage(r, &s->tip_tree, &t->tree, h, e);

	if (err)
		return err;
	j.redo = buf_take(redo);
	err = journal_write(r, &j, e);
	if (err)
		apply_clean(r, NULL);
	else
		err = complete(r, &j, h, &out->entries, e);
	free(j.redo);
	return err;
}

static int find_target(struct saving *s, const struct restore_request *q, struct buf *redo,
		       struct target *t, struct err *e)
{
	if (q->redo)
		return target_redo(s, redo, t, e);
	if (q->to && *q->to)
		return target_by_id(s->r, q, t, e);
	return target_default(s, t, e);
}

int restore(struct repo *r, const struct restore_request *q, struct restore_result *out,
	    const struct repo_hooks *h, struct err *e)
{
	struct saving s = {0};
	struct target t = {0};
	struct buf redo = {0};
	int err = check_idle(r, e);

	*out = (struct restore_result){0};
	if (!err)
		err = restore_recover(r, NULL, e);
	if (!err)
		err = saving_begin(r, &s, q->from, h, e);
	if (!err)
		file_read_at(r->gaol, FILE_REDO, REDO_MAX * REDO_LINE, &redo);
	if (!err)
		err = find_target(&s, q, &redo, &t, e);
	out->number = t.number;
	out->time = t.time;
	git_oid_tostr(out->hash, sizeof(out->hash), &t.commit);
	git_oid_tostr(out->tree, sizeof(out->tree), &t.tree);
	out->whole = s.whole;
	out->unchanged = !err && git_oid_equal(&t.tree, &s.tree);
	if (!err && !out->unchanged && !q->plan) {
		err = save_present(&s, q, &t, out, e);
		if (!err && !q->redo)
			redo_push(&redo, &s.tip);
		if (!err)
			err = go(r, &s, &t, &redo, out, h, e);
	}
	buf_free(&redo);
	saving_end(&s);
	return err;
}

bool restore_pending(struct repo *r)
{
	struct stat st;

	return !fstatat(r->gaol, FILE_JOURNAL, &st, AT_SYMLINK_NOFOLLOW);
}

static int recover(struct repo *r, bool *done, struct err *e)
{
	struct journal j;
	int err = journal_read(r, &j, e);

	if (done)
		*done = !err;
	if (err == -ENOENT) {
		pack_clean(r->gaol);
		return apply_clean(r, e);
	}
	if (err)
		return err;
	err = complete(r, &j, NULL, NULL, e);
	free(j.redo);
	return err;
}

int restore_recover(struct repo *r, bool *done, struct err *e)
{
	int err = repo_write_begin(r, e);

	if (err)
		return err;
	err = recover(r, done, e);
	repo_write_end(r);
	return err;
}
