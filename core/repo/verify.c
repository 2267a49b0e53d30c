/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/repo/verify.h"
#include "core/buf.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include "core/repo/log.h"
#include "core/repo/oidset.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TOLD_MAX 1000

struct verify {
	struct repo *r;
	verify_fn *tell;
	void *user;
	struct verify_result *out;
	struct oidset dirs, files;
	struct pace pace;
	unsigned depth, number;
	int err; /* -ECANCELED */
	struct err *e;
};

static void problem(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct verify *v, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	if (v->out->problems++ >= TOLD_MAX)
		return;
	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	v->tell(v->user, buf_cstr(&b));
	buf_free(&b);
}

static int step(struct verify *v, uint64_t n)
{
	if (!v->err)
		v->err = pace_step(&v->pace, n);
	return v->err;
}

static int each_object(const git_oid *oid, void *user)
{
	struct verify *v = user;
	git_odb_object *o = NULL;
	char hash[GIT_OID_HEXSZ + 1];
	git_oid again;

	git_oid_tostr(hash, sizeof(hash), oid);
	v->out->objects++;
	if (git_odb_read(&o, v->r->odb, oid)) {
		const git_error *ge = git_error_last();
		problem(v, "object %s: cannot be read: %s", hash, ge ? ge->message : "?");
		return step(v, 1);
	}
	v->out->bytes += git_odb_object_size(o);
	if (git_odb_hash(&again, git_odb_object_data(o), git_odb_object_size(o),
			 git_odb_object_type(o)) ||
	    !git_oid_equal(&again, oid))
		problem(v, "object %s: its content has another hash", hash);
	git_odb_object_free(o);
	return step(v, 1);
}

static int nothing(void *user, uint64_t off, const void *p, size_t n)
{
	return 0;
}

static void check_file(struct verify *v, const struct ent *x)
{
	struct err why = {""};
	uint64_t size;

	if (!oidset_add(&v->files, &x->oid))
		return;
	if (x->chunked) {
		if (content_each(v->r, x, nothing, NULL, &why))
			problem(v, "checkpoint %u: %s: %s", v->number, x->name, why.text);
	} else if (object_blob_size(v->r, &x->oid, &size)) {
		problem(v, "checkpoint %u: %s: its content is missing", v->number, x->name);
	} else if (!S_ISREG(x->rec.mode) && !S_ISLNK(x->rec.mode) && size) {
		problem(v, "checkpoint %u: %s: a special file with content", v->number, x->name);
	}
}

static void check_dir(struct verify *v, const git_oid *oid, bool root);

static void check_ents(struct verify *v, const struct ents *d)
{
	for (size_t i = 0; i < d->n && !step(v, 1); i++) {
		const struct ent *x = &d->v[i];
		if (ent_is_dir(x))
			check_dir(v, &x->oid, false);
		else if (ent_has_content(x))
			check_file(v, x);
	}
}

static void check_dir(struct verify *v, const git_oid *oid, bool root)
{
	struct ents d = {0};
	struct err why;
	git_oid index = {{0}};

	if (!oidset_add(&v->dirs, oid))
		return;
	if (++v->depth > FORMAT_DEPTH_MAX)
		problem(v, "checkpoint %u: directories are nested too deep", v->number);
	else if (load_dir(v->r, oid, root, &d, NULL, root ? &index : NULL, &why))
		problem(v, "checkpoint %u: %s", v->number, why.text);
	else
		check_ents(v, &d);
	ents_free(&d);
	if (!git_oid_is_zero(&index))
		check_dir(v, &index, false);
	v->depth--;
}

static bool each_checkpoint(void *user, const struct checkpoint *c)
{
	struct verify *v = user;
	struct err why;
	git_oid tree;

	v->number = c->number;
	v->out->checkpoints++;
	if (load_commit_tree(v->r, c->hash, &tree, &why))
		problem(v, "checkpoint %u: %s", c->number, why.text);
	else
		check_dir(v, &tree, true);
	return !v->err;
}

int repo_verify(struct repo *r, verify_fn *tell, void *user, const struct repo_hooks *h,
		struct verify_result *out, struct err *e)
{
	struct verify v = {.r = r, .tell = tell, .user = user, .out = out, .e = e};
	int err;

	*out = (struct verify_result){0};
	git_odb_refresh(r->odb);
	pace_begin(&v.pace, h, "objects", 0);
	err = git_odb_foreach(r->odb, each_object, &v);
	if (err && !v.err)
		err = repo_git_err(e, -EIO, "verify: cannot list the objects");
	else
		err = v.err;
	pace_begin(&v.pace, h, "checkpoints", 0);
	if (!err)
		err = log_each(r, each_checkpoint, &v, e);
	if (!err)
		err = v.err;
	if (err == -ECANCELED)
		err_set(e, err, "verify: cancelled");
	oidset_free(&v.dirs);
	oidset_free(&v.files);
	return err;
}
