/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/prune.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/inside.h"
#include "core/repo/log.h"
#include "core/repo/oidset.h"
#include "core/repo/restore.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What became of a commit. */
struct fate {
	git_oid old, now;
	bool gone; /* now: what stands in its place, if any */
	bool none; /* nothing does */
};

struct prune {
	struct repo *r;
	const struct prune_request *q;
	struct prune_result *out;
	struct pack *p;
	struct oidset goes, copied;
	struct oidset over;	 /* by_size: what does not fit */
	const git_oid *reworded; /* gets this message, NULL: none does */
	const char *message;
	struct fate *v; /* in the order of the walk: parents first */
	size_t n, cap, seen;
	struct pace pace;
	struct err *e;
};

static bool stays(const struct checkpoint *c)
{
	return c->present || c->tags[0];
}

static bool choose(void *user, const struct checkpoint *c)
{
	struct prune *w = user;
	bool many = w->seen++ >= w->q->keep;
	bool old = c->time < (int64_t)time(NULL) - w->q->older;
	git_oid oid;

	if (stays(c) || (!w->q->by_count && !w->q->by_age && !w->q->by_size) ||
	    (w->q->by_count && !many) || (w->q->by_age && !old) || git_oid_fromstr(&oid, c->hash) ||
	    (w->q->by_size && !oidset_has(&w->over, &oid)))
		return true;
	oidset_add(&w->goes, &oid);
	w->out->numbers = xrealloc(w->out->numbers, (w->out->n + 1) * sizeof(*w->out->numbers));
	w->out->numbers[w->out->n++] = c->number;
	return true;
}

static const struct fate *fate_of(const struct prune *w, const git_oid *oid)
{
	for (size_t i = w->n; i--;)
		if (git_oid_equal(&w->v[i].old, oid))
			return &w->v[i];
	return NULL;
}

static int failed(struct prune *w, const char *what)
{
	return repo_git_err(w->e, -EIO, "prune: %s", what);
}

/* What stands before a message's trailers, when it is to be another; returns what follows. */
static const char *add_words(struct prune *w, const git_commit *c, struct buf *out)
{
	static const char key[] = "\n\nGaol-Number: ";
	const char *m = git_commit_message_raw(c), *at = NULL;

	if (!w->reworded || !git_oid_equal(w->reworded, git_commit_id(c)))
		return m;
	for (const char *next = strstr(m, key); next; next = strstr(next + 1, key))
		at = next;
	if (!at)
		return m;
	commit_words(w->message, out);
	return at;
}

/* The line "Gaol-Changes:" anew, against the parent that it has now. */
static int add_message(struct prune *w, const git_commit *c, const git_oid *parent, struct buf *out)
{
	static const char key[] = "\nGaol-Changes: ";
	const char *m = add_words(w, c, out), *at = strstr(m, key);
	const git_oid *ptree = NULL;
	git_commit *pc = NULL;
	struct counts k;
	int err;

	for (const char *next = at; next; next = strstr(next + 1, key))
		at = next;
	if (!at) {
		buf_str(out, m);
		return 0;
	}
	/* the parent may be a new commit, which only the new pack has: its tree is an old one's */
	if (parent) {
		for (size_t i = 0; i < w->n && !pc; i++)
			if (!w->v[i].gone && git_oid_equal(&w->v[i].now, parent) &&
			    git_commit_lookup(&pc, w->r->git, &w->v[i].old))
				return failed(w, "cannot read a checkpoint");
		ptree = pc ? git_commit_tree_id(pc) : NULL;
	}
	err = compare_count(w->r, ptree, git_commit_tree_id(c), &k, w->e);
	git_commit_free(pc);
	if (err)
		return err;
	buf_add(out, m, (size_t)(at - m));
	buf_fmt(out, "%s+%" PRIu64 " ~%" PRIu64 " -%" PRIu64, key, k.added, k.modified, k.deleted);
	at += strlen(key);
	buf_str(out, at + strcspn(at, "\n"));
	return 0;
}

/* Writes a commit again with other parents. */
static int rewrite(struct prune *w, const git_commit *c, const git_oid *parents, size_t n,
		   git_oid *now)
{
	char hash[GIT_OID_HEXSZ + 1];
	const char *s = git_commit_raw_header(c);
	struct buf b = {0};
	int err;

	while (s && *s) {
		size_t k = strcspn(s, "\n");
		if (strncmp(s, "parent ", 7) != 0) {
			buf_add(&b, s, k);
			buf_ch(&b, '\n');
		}
		if (!strncmp(s, "tree ", 5))
			for (size_t i = 0; i < n; i++)
				buf_fmt(&b, "parent %s\n",
					git_oid_tostr(hash, sizeof(hash), &parents[i]));
		s += k + (s[k] == '\n');
	}
	buf_ch(&b, '\n');
	err = add_message(w, c, n ? &parents[0] : NULL, &b);
	if (!err)
		err = pack_add(w->p, GIT_OBJECT_COMMIT, b.p, b.len, now, w->e);
	buf_free(&b);
	return err;
}

/* Decides on one commit whose parents are decided. */
static int decide(struct prune *w, const git_oid *oid)
{
	git_oid parents[16];
	struct fate f = {.old = *oid, .now = *oid};
	bool same = true;
	size_t n = 0;
	git_commit *c = NULL;
	int err = 0;

	if (git_commit_lookup(&c, w->r->git, oid))
		return failed(w, "cannot read a checkpoint");
	for (unsigned i = 0; i < git_commit_parentcount(c) && n < 16; i++) {
		const struct fate *p = fate_of(w, git_commit_parent_id(c, i));
		same = same && p && !p->gone && git_oid_equal(&p->old, &p->now);
		if (p && !p->none)
			parents[n++] = p->now;
	}
	f.gone = oidset_has(&w->goes, oid);
	f.none = f.gone && !n;
	if (f.gone)
		f.now = n ? parents[0] : *oid;
	else if (!same || (w->reworded && git_oid_equal(w->reworded, oid)))
		err = rewrite(w, c, parents, n, &f.now);
	git_commit_free(c);
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->v = xrealloc(w->v, w->cap * sizeof(*w->v));
	}
	w->v[w->n++] = f;
	return err ? err : pace_step(&w->pace, 1);
}

static int decide_all(struct prune *w)
{
	git_revwalk *walk = NULL;
	git_oid oid;
	int err = 0;

	if (git_revwalk_new(&walk, w->r->git) ||
	    git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE) ||
	    git_revwalk_push_glob(walk, "refs/*"))
		err = failed(w, "cannot walk the history");
	while (!err && !git_revwalk_next(&oid, walk))
		err = decide(w, &oid);
	git_revwalk_free(walk);
	return err;
}

static int copy(struct prune *w, const git_oid *oid, git_object_t type);

/* "MODE NAME\0" and 20 bytes, again and again. */
static int copy_entries(struct prune *w, const char *s, size_t n)
{
	const char *end = s + n;
	int err = 0;

	while (!err && s < end) {
		const char *nul = memchr(s, '\0', (size_t)(end - s));
		git_oid oid;
		if (!nul || end - nul <= GIT_OID_RAWSZ)
			return err_set(w->e, -EPROTO, "prune: a damaged tree: see `gaol verify`");
		git_oid_fromraw(&oid, (const unsigned char *)nul + 1);
		if (!strncmp(s, "40000 ", 6))
			err = copy(w, &oid, GIT_OBJECT_TREE);
		else if (strncmp(s, "160000 ", 7) != 0)
			err = copy(w, &oid, GIT_OBJECT_BLOB);
		s = nul + 1 + GIT_OID_RAWSZ;
	}
	return err;
}

/* Depth is that of directories, which a checkpoint bounds (FORMAT_DEPTH_MAX). */
static int copy(struct prune *w, const git_oid *oid, git_object_t type)
{
	git_odb_object *o = NULL;
	git_oid again;
	int err;

	if (!oidset_add(&w->copied, oid))
		return 0;
	if (git_odb_read(&o, w->r->odb, oid) || git_odb_object_type(o) != type) {
		git_odb_object_free(o);
		return err_set(w->e, -EPROTO,
			       "prune: an object is missing or damaged: see `gaol verify`");
	}
	err = pack_add(w->p, type, git_odb_object_data(o), git_odb_object_size(o), &again, w->e);
	if (!err && !git_oid_equal(oid, &again))
		err = err_set(w->e, -EPROTO, "prune: a damaged object: see `gaol verify`");
	if (!err)
		err = pace_step(&w->pace, 1);
	if (!err && type == GIT_OBJECT_TREE)
		err = copy_entries(w, git_odb_object_data(o), git_odb_object_size(o));
	git_odb_object_free(o);
	return err;
}

/* Bytes that what was copied takes, with its index. */
static uint64_t copied_bytes(const struct prune *w)
{
	return pack_bytes(w->p) + 20 + 1072 + 28 * (uint64_t)pack_count(w->p);
}

/* by_size: checkpoints, the newest first. */
struct cands {
	struct cand {
		git_oid oid;
		bool stays;
	} * v;
	size_t n;
};

static bool cand_add(void *user, const struct checkpoint *c)
{
	struct cands *l = user;

	l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n].stays = stays(c);
	l->n += !git_oid_fromstr(&l->v[l->n].oid, c->hash);
	return true;
}

static int copy_whole(struct prune *w, const git_oid *oid)
{
	git_commit *c = NULL;
	int err;

	if (git_commit_lookup(&c, w->r->git, oid))
		return failed(w, "cannot read a checkpoint");
	err = copy(w, oid, GIT_OBJECT_COMMIT);
	if (!err)
		err = copy(w, git_commit_tree_id(c), GIT_OBJECT_TREE);
	git_commit_free(c);
	return err;
}

/*
 * Finds out what does not fit, by packing it: what stays, then the others from the newest on. Only
 * so is it known what checkpoints share.
 */
static int choose_by_size(struct prune *w)
{
	struct cands l = {0};
	bool full = false;
	int err = log_each(w->r, cand_add, &l, w->e);

	if (!err)
		err = pack_new(&w->p, NULL, w->r->gaol, w->e);
	for (size_t i = 0; i < l.n && !err; i++)
		if (l.v[i].stays)
			err = copy_whole(w, &l.v[i].oid);
	for (size_t i = 0; i < l.n && !err; i++) {
		if (l.v[i].stays)
			continue;
		if (!full)
			err = copy_whole(w, &l.v[i].oid);
		full = full || copied_bytes(w) > w->q->size;
		if (full)
			oidset_add(&w->over, &l.v[i].oid);
	}
	free(l.v);
	pack_free(w->p);
	w->p = NULL;
	oidset_free(&w->copied);
	w->copied = (struct oidset){0};
	return err;
}

static int copy_commits(struct prune *w)
{
	int err = 0;

	for (size_t i = 0; i < w->n && !err; i++) {
		git_commit *c = NULL;
		if (w->v[i].gone)
			continue;
		if (git_commit_lookup(&c, w->r->git, &w->v[i].old))
			return failed(w, "cannot read a checkpoint");
		if (git_oid_equal(&w->v[i].old, &w->v[i].now))
			err = copy(w, &w->v[i].old, GIT_OBJECT_COMMIT);
		if (!err)
			err = copy(w, git_commit_tree_id(c), GIT_OBJECT_TREE);
		git_commit_free(c);
	}
	return err;
}

/* A branch that a rollback left and that now ends on the present line says nothing any more. */
static bool is_undone_in_main(struct prune *w, const char *name, const git_oid *to,
			      const git_oid *main)
{
	return !strncmp(name, REPO_UNDONE, strlen(REPO_UNDONE)) &&
	       (git_oid_equal(to, main) || git_graph_descendant_of(w->r->git, main, to) == 1);
}

static int move_ref(struct prune *w, const char *name, const git_oid *main)
{
	git_reference *ref = NULL;
	git_object *o = NULL;
	const struct fate *f = NULL;
	int err = 0;

	if (git_reference_lookup(&ref, w->r->git, name))
		return failed(w, "cannot read a ref");
	if (git_reference_type(ref) == GIT_REFERENCE_DIRECT &&
	    !git_reference_peel(&o, ref, GIT_OBJECT_COMMIT))
		f = fate_of(w, git_object_id(o));
	if (f && (f->none || (f->gone && is_undone_in_main(w, name, &f->now, main))))
		err = ref_remove(w->r, name, w->e);
	else if (f && !git_oid_equal(&f->old, &f->now))
		err = ref_set(w->r, name, &f->now, "prune", w->e);
	git_object_free(o);
	git_reference_free(ref);
	return err;
}

static int move_refs(struct prune *w)
{
	git_strarray names = {0};
	const struct fate *f;
	git_oid main;
	int err = main_tip(w->r, &main, w->e);

	if (err)
		return err;
	f = fate_of(w, &main);
	main = f ? f->now : main;
	if (git_reference_list(&names, w->r->git))
		return failed(w, "cannot list the refs");
	for (size_t i = 0; i < names.count && !err; i++)
		err = move_ref(w, names.strings[i], &main);
	git_strarray_dispose(&names);
	return err;
}

/* gaol/redo names commits, a line each. */
static int move_redo(struct prune *w)
{
	struct buf b = {0}, out = {0};
	char hash[GIT_OID_HEXSZ + 1];
	int err = file_read_at(w->r->gaol, FILE_REDO, 1u << 20, &b);

	for (size_t at = 0; !err && at + GIT_OID_HEXSZ < b.len; at += GIT_OID_HEXSZ + 1) {
		const struct fate *f;
		git_oid oid;
		if (git_oid_fromstrn(&oid, b.p + at, GIT_OID_HEXSZ))
			break;
		f = fate_of(w, &oid);
		if (f && !f->gone)
			buf_fmt(&out, "%s\n", git_oid_tostr(hash, sizeof(hash), &f->now));
	}
	if (!err)
		err = file_replace_at(w->r->gaol, FILE_REDO, buf_cstr(&out), out.len, 0600, true);
	buf_free(&b);
	buf_free(&out);
	return err && err != -ENOENT ? err_set(w->e, err, "prune: gaol/redo: %s", strerror(-err))
				     : 0;
}

static int publish(struct prune *w)
{
	int err = number_settle(w->r, w->e);

	if (!err)
		err = pack_finish(w->p, w->e);
	if (!err && git_odb_refresh(w->r->odb))
		err = failed(w, "cannot open the new pack");
	if (!err)
		err = move_refs(w);
	if (!err)
		err = move_redo(w);
	if (!err)
		err = dir_remove_tree(w->r->dir, "logs");
	if (!err)
		err = store_clean(w->r, pack_name(w->p), w->e);
	return err;
}

int prune(struct repo *r, const struct prune_request *q, struct prune_result *out,
	  const struct repo_hooks *h, struct err *e)
{
	struct prune w = {.r = r, .q = q, .out = out, .e = e};
	int err = 0;

	*out = (struct prune_result){0};
	if (restore_pending(r))
		err = err_set(e, -EBUSY,
			      "prune: a rollback was interrupted: start the jail to complete it");
	pack_clean(r->gaol);
	pace_begin(&w.pace, h, "prune", 0);
	if (!err && q->by_size)
		err = choose_by_size(&w);
	if (!err)
		err = log_each(r, choose, &w, e);
	if (!err)
		err = store_size(r, &out->before, e);
	if (!err)
		err = pack_new(&w.p, NULL, r->gaol, e);
	if (!err)
		err = decide_all(&w);
	if (!err)
		err = copy_commits(&w);
	if (!err)
		out->after = copied_bytes(&w);
	if (!err && !q->dry)
		err = publish(&w);
	if (err == -ECANCELED)
		err_set(e, err, "prune: cancelled");
	pack_free(w.p);
	oidset_free(&w.goes);
	oidset_free(&w.copied);
	oidset_free(&w.over);
	free(w.v);
	return err;
}

int reword(struct repo *r, const char *hash, const char *message, struct err *e)
{
	struct prune w = {.r = r, .message = message, .e = e};
	git_oid oid;
	int err = 0;

	if (!message || !message[strspn(message, " \t\n")])
		return err_set(e, -EINVAL, "rename: the new message is empty");
	if (git_oid_fromstr(&oid, hash))
		return err_set(e, -ENOENT, "rename: %.40s: no checkpoint", hash);
	if (restore_pending(r))
		return err_set(e, -EBUSY,
			       "rename: a rollback was interrupted: start the jail to complete it");
	w.reworded = &oid;
	pace_begin(&w.pace, NULL, "rename", 0);
	err = repo_write_begin(r, e);
	if (err)
		return err;
	pack_clean(r->gaol);
	err = pack_new(&w.p, r->odb, r->gaol, e);
	if (!err)
		err = decide_all(&w);
	if (!err)
		err = pack_finish(w.p, e);
	if (!err)
		err = move_refs(&w);
	if (!err)
		err = move_redo(&w);
	pack_free(w.p);
	free(w.v);
	repo_write_end(r);
	return err;
}
