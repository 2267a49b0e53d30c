/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/log.h"
#include "core/buf.h"
#include "core/repo/inside.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TAG_MAX 100
#define HASH_MIN 7

struct list {
	struct checkpoint *v; /* newest first */
	size_t n, cap;
};

static void list_free(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		checkpoint_free(&l->v[i]);
	free(l->v);
	*l = (struct list){0};
}

/* What a commit says as a checkpoint, the caller's to free; false: it is none. */
static bool read_checkpoint(const git_commit *c, struct checkpoint *k)
{
	const char *m = git_commit_message(c);
	struct trailer t;

	if (!trailer_parse(m, &t))
		return false;
	*k = (struct checkpoint){
	    .number = t.number,
	    .kind = t.kind,
	    .time = git_commit_time(c),
	    .message = xstrdup(m),
	    .tags = xcalloc(1, sizeof(char *)),
	    .abandoned = true,
	    .added = t.counts.added,
	    .modified = t.counts.modified,
	    .deleted = t.counts.deleted,
	    .bytes = t.bytes,
	};
	k->message[strcspn(k->message, "\n")] = '\0';
	git_oid_tostr(k->hash, sizeof(k->hash), git_commit_id(c));
	if (git_commit_parentcount(c))
		git_oid_tostr(k->parent, sizeof(k->parent), git_commit_parent_id(c, 0));
	return true;
}

static int add_commit(struct repo *r, struct list *l, const git_oid *oid)
{
	git_commit *c = NULL;

	if (git_commit_lookup(&c, r->git, oid))
		return -EIO;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
	}
	l->n += read_checkpoint(c, &l->v[l->n]);
	git_commit_free(c);
	return 0;
}

static int by_number(const void *pa, const void *pb)
{
	const struct checkpoint *a = pa, *b = pb;

	return a->number > b->number ? -1 : a->number < b->number;
}

static struct checkpoint *by_hash(const struct list *l, const char *hash)
{
	for (size_t i = 0; *hash && i < l->n; i++)
		if (!strcmp(l->v[i].hash, hash))
			return &l->v[i];
	return NULL;
}

/* Parents come from lower numbers, so one pass from the newest marks the whole line. */
static void mark_line(struct list *l, const char *tip)
{
	const char *want = tip;

	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].hash, want))
			continue;
		l->v[i].present = want == tip;
		l->v[i].abandoned = false;
		want = l->v[i].parent;
	}
}

static void add_tag(struct checkpoint *c, const char *name)
{
	size_t n = 0, at = 0;

	while (c->tags[n])
		n++;
	c->tags = xrealloc(c->tags, (n + 2) * sizeof(char *));
	while (at < n && strcmp(c->tags[at], name) < 0)
		at++;
	memmove(c->tags + at + 1, c->tags + at, (n + 1 - at) * sizeof(char *));
	c->tags[at] = xstrdup(name);
}

/* A name for a commit that is not read yet. */
static void tag_note(struct list *l, const git_oid *oid, const char *name)
{
	char hash[GIT_OID_HEXSZ + 1];
	struct checkpoint *c = by_hash(l, git_oid_tostr(hash, sizeof(hash), oid));

	if (!c) {
		if (l->n == l->cap) {
			l->cap = l->cap ? l->cap * 2 : 64;
			l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
		}
		c = &l->v[l->n++];
		*c =
		    (struct checkpoint){.message = xstrdup(""), .tags = xcalloc(1, sizeof(char *))};
		memcpy(c->hash, hash, sizeof(c->hash));
	}
	add_tag(c, name);
}

static int add_tags(struct repo *r, struct list *l)
{
	git_reference_iterator *it = NULL;
	git_reference *ref;
	int err = git_reference_iterator_glob_new(&it, r->git, "refs/tags/*");

	while (!err && !(err = git_reference_next(&ref, it))) {
		git_object *o = NULL;
		char hash[GIT_OID_HEXSZ + 1];
		struct checkpoint *c;
		if (!git_reference_peel(&o, ref, GIT_OBJECT_COMMIT)) {
			c = by_hash(l, git_oid_tostr(hash, sizeof(hash), git_object_id(o)));
			if (c)
				add_tag(c, git_reference_shorthand(ref));
		}
		git_object_free(o);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return err == GIT_ITEROVER ? 0 : -EIO;
}

static int list_load(struct repo *r, struct list *l, struct err *e)
{
	git_revwalk *w = NULL;
	char tip[GIT_OID_HEXSZ + 1];
	git_oid oid;
	int err;

	*l = (struct list){0};
	git_odb_refresh(r->odb);
	err = git_revwalk_new(&w, r->git) || git_revwalk_push_glob(w, "refs/heads/*") ||
		      git_revwalk_push_glob(w, "refs/tags/*")
		  ? -EIO
		  : 0;
	while (!err && !git_revwalk_next(&oid, w))
		err = add_commit(r, l, &oid);
	git_revwalk_free(w);
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_number);
	if (!err && !main_tip(r, &oid, NULL))
		mark_line(l, git_oid_tostr(tip, sizeof(tip), &oid));
	if (!err)
		err = add_tags(r, l);
	if (!err)
		return 0;
	list_free(l);
	return repo_git_err(e, err, "checkpoints: cannot read the history");
}

/*
 * The newest of the tips, then of what is left and its parent, and so on: parents have lower
 * numbers, so this is the order of the list, and the first are there before the last are read.
 */
struct walk {
	struct repo *repo;
	struct step {
		git_commit *commit;
		struct checkpoint c;
		unsigned order; /* its number; of a commit that is no checkpoint: before all */
		bool is_one, line, present;
	} * steps; /* by order, the newest last */
	size_t n, cap;
	struct list tagged; /* hash and tags alone */
};

static int walk_add(struct walk *w, const git_oid *oid, bool line, bool present)
{
	struct step s = {.line = line, .present = present, .order = UINT_MAX};
	size_t at = w->n;

	for (size_t i = 0; i < w->n; i++) {
		if (!git_oid_equal(git_commit_id(w->steps[i].commit), oid))
			continue;
		w->steps[i].line |= line;
		w->steps[i].present |= present;
		return 0;
	}
	if (git_commit_lookup(&s.commit, w->repo->git, oid))
		return -EIO;
	s.is_one = read_checkpoint(s.commit, &s.c);
	if (s.is_one)
		s.order = s.c.number;
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 16;
		w->steps = xrealloc(w->steps, w->cap * sizeof(*w->steps));
	}
	while (at && w->steps[at - 1].order > s.order)
		at--;
	memmove(&w->steps[at + 1], &w->steps[at], (w->n - at) * sizeof(*w->steps));
	w->steps[at] = s;
	w->n++;
	return 0;
}

static void step_free(struct step *s)
{
	git_commit_free(s->commit);
	if (s->is_one)
		checkpoint_free(&s->c);
}

static int walk_begin(struct walk *w)
{
	static const char *const globs[] = {"refs/heads/*", "refs/tags/*"};
	git_oid oid;
	int err = main_tip(w->repo, &oid, NULL) ? 0 : walk_add(w, &oid, true, true);

	for (size_t i = 0; !err && i < 2; i++) {
		git_reference_iterator *it = NULL;
		git_reference *ref;

		err = git_reference_iterator_glob_new(&it, w->repo->git, globs[i]) ? -EIO : 0;
		while (!err && !git_reference_next(&ref, it)) {
			git_object *o = NULL;

			if (!git_reference_peel(&o, ref, GIT_OBJECT_COMMIT)) {
				err = walk_add(w, git_object_id(o), false, false);
				if (!err && i)
					tag_note(&w->tagged, git_object_id(o),
						 git_reference_shorthand(ref));
			}
			git_object_free(o);
			git_reference_free(ref);
		}
		git_reference_iterator_free(it);
	}
	return err;
}

/* Hands one on; false: no more are wanted. */
static bool walk_tell(struct walk *w, struct step *s, log_fn *fn, void *user)
{
	const struct checkpoint *tagged = by_hash(&w->tagged, s->c.hash);

	s->c.abandoned = !s->line;
	s->c.present = s->present;
	for (char **t = tagged ? tagged->tags : NULL; t && *t; t++)
		add_tag(&s->c, *t);
	return fn(user, &s->c);
}

int log_each(struct repo *r, log_fn *fn, void *user, struct err *e)
{
	struct walk w = {.repo = r};
	bool more = true;
	int err;

	git_odb_refresh(r->odb);
	err = walk_begin(&w);
	while (!err && more && w.n) {
		struct step s = w.steps[--w.n];

		if (s.is_one)
			more = walk_tell(&w, &s, fn, user);
		for (unsigned i = 0; !err && more && i < git_commit_parentcount(s.commit); i++)
			err = walk_add(&w, git_commit_parent_id(s.commit, i), s.line, false);
		step_free(&s);
	}
	while (w.n)
		step_free(&w.steps[--w.n]);
	free(w.steps);
	list_free(&w.tagged);
	return err ? repo_git_err(e, err, "checkpoints: cannot read the history") : 0;
}

static bool all_of(const char *s, const char *set)
{
	return *s && !s[strspn(s, set)];
}

static struct checkpoint *by_tag(const struct list *l, const char *tag)
{
	for (size_t i = 0; i < l->n; i++)
		for (char **t = l->v[i].tags; *t; t++)
			if (!strcmp(*t, tag))
				return &l->v[i];
	return NULL;
}

static int by_prefix(const struct list *l, const char *hash, struct checkpoint **out, struct err *e)
{
	size_t n = strlen(hash);

	if (n < HASH_MIN || n > REPO_HASH_LEN || !all_of(hash, "0123456789abcdefABCDEF"))
		return 0;
	for (size_t i = 0; i < l->n; i++) {
		if (strncasecmp(l->v[i].hash, hash, n))
			continue;
		if (*out)
			return err_set(e, -EINVAL,
				       "checkpoint %s: two begin with it: write more digits", hash);
		*out = &l->v[i];
	}
	return 0;
}

static int none(const struct list *l, const char *what, const char *name, struct err *e)
{
	if (!l->n)
		return err_set(e, -ENOENT,
			       "no checkpoint %s: there is none yet: make one by `gaol "
			       "checkpoint %s`",
			       what, name ? name : "NAME");
	return err_set(e, -ENOENT, "no checkpoint %s: the newest is %u: see `gaol log %s`", what,
		       l->v[0].number, name ? name : "NAME");
}

/* What stands in front of a "~". */
static int find_base(const struct list *l, const char *id, const char *name,
		     struct checkpoint **out, struct err *e)
{
	int err = 0;

	*out = NULL;
	for (size_t i = 0; i < l->n && !*id; i++)
		if (l->v[i].present)
			*out = &l->v[i];
	if (all_of(id, "0123456789") && strlen(id) < 11) {
		unsigned long long n = strtoull(id, NULL, 10);
		for (size_t i = 0; i < l->n; i++)
			if (l->v[i].number == n)
				*out = &l->v[i];
	}
	if (!*out && *id)
		*out = by_tag(l, id);
	if (!*out && *id)
		err = by_prefix(l, id, out, e);
	return err || *out ? err : none(l, id, name, e);
}

/* Moves what is found out of the list. */
static int find(struct list *l, const char *id, const char *name, struct checkpoint *out,
		struct err *e)
{
	const char *tilde = strrchr(id, '~');
	char *base = tilde ? xasprintf("%.*s", (int)(tilde - id), id) : xstrdup(id);
	unsigned long back = 0;
	struct checkpoint *c = NULL;
	int err = 0;

	if (tilde)
		back = tilde[1] ? strtoul(tilde + 1, NULL, 10) : 1;
	if (tilde && tilde[1] && !all_of(tilde + 1, "0123456789"))
		err = err_set(e, -EINVAL, "checkpoint %s: no ID: write for instance 5, ~1 or 5~2",
			      id);
	if (!err)
		err = find_base(l, base, name, &c, e);
	for (; !err && back; back--) {
		c = by_hash(l, c->parent);
		if (!c)
			err = err_set(e, -ENOENT,
				      "checkpoint %s: the line does not go back that far: see "
				      "`gaol log %s`",
				      id, name ? name : "NAME");
	}
	free(base);
	if (err)
		return err;
	*out = *c;
	*c = (struct checkpoint){0};
	return 0;
}

int log_resolve(struct repo *r, const char *id, const char *name, struct checkpoint *out,
		struct err *e)
{
	struct list l;
	int err = list_load(r, &l, e);

	*out = (struct checkpoint){0};
	if (!err)
		err = find(&l, id ? id : "", name, out, e);
	list_free(&l);
	return err;
}

bool log_tag_ok(const char *tag)
{
	size_t n = strlen(tag);
	char ref[TAG_MAX + 16];
	int valid = 0;

	if (!n || n > TAG_MAX || strchr(tag, '/') || strchr(tag, '~') || *tag == '-' ||
	    all_of(tag, "0123456789") || (n >= HASH_MIN && all_of(tag, "0123456789abcdefABCDEF")))
		return false;
	snprintf(ref, sizeof(ref), "refs/tags/%s", tag);
	return !git_reference_name_is_valid(&valid, ref) && valid;
}

int log_tag(struct repo *r, const struct checkpoint *c, const char *tag, struct err *e)
{
	char ref[TAG_MAX + 16];
	git_reference *had = NULL;
	git_oid oid;

	if (!log_tag_ok(tag))
		return err_set(e, -EINVAL,
			       "tag %s: not a word for a tag: use letters, digits, '-' "
			       "and '_', not only digits",
			       tag);
	snprintf(ref, sizeof(ref), "refs/tags/%s", tag);
	if (!git_reference_lookup(&had, r->git, ref)) {
		git_reference_free(had);
		return err_set(e, -EEXIST, "tag %s: there already: remove it first", tag);
	}
	if (git_oid_fromstr(&oid, c->hash))
		return err_set(e, -EINVAL, "checkpoint %s: no hash", c->hash);
	return ref_set(r, ref, &oid, "tag", e);
}

int log_untag(struct repo *r, const char *tag, struct err *e)
{
	char ref[TAG_MAX + 16];
	git_reference *had = NULL;

	if (!log_tag_ok(tag))
		return err_set(e, -ENOENT, "tag %s: there is none", tag);
	snprintf(ref, sizeof(ref), "refs/tags/%s", tag);
	if (git_reference_lookup(&had, r->git, ref))
		return err_set(e, -ENOENT, "tag %s: there is none", tag);
	git_reference_free(had);
	return ref_remove(r, ref, e);
}
