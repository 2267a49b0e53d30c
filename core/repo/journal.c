/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gaol/journal: a text that says what a restore was about, there from its point of no return to its
 * end:
 *   gaol journal 1
 *   from TREE
 *   to COMMIT
 *   old COMMIT NUMBER
 *   redo COMMIT          any number of them
 *   end
 */
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/inside.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "gaol journal 1\n"
#define JOURNAL_LIMIT 65536
#define PREFIX_HEADS "refs/heads/undone/"

static void add_hash(struct buf *b, const char *word, const git_oid *oid)
{
	char hash[GIT_OID_HEXSZ + 1];

	buf_fmt(b, "%s %s", word, git_oid_tostr(hash, sizeof(hash), oid));
}

int journal_write(struct repo *r, const struct journal *j, struct err *e)
{
	struct buf b = {0};
	int err;

	buf_str(&b, HEADER);
	add_hash(&b, "from", &j->from);
	add_hash(&b, "\nto", &j->to);
	add_hash(&b, "\nold", &j->old);
	buf_fmt(&b, " %u\n", j->old_number);
	for (const char *s = j->redo ? j->redo : ""; *s;) {
		size_t n = strcspn(s, "\n");
		buf_fmt(&b, "redo %.*s\n", (int)n, s);
		s += n + (s[n] == '\n');
	}
	buf_str(&b, "end\n");
	err = file_replace_at(r->gaol, FILE_JOURNAL, b.p, b.len, 0600, true);
	buf_free(&b);
	if (!err && fsync(r->gaol))
		err = -errno;
	return err ? err_set(e, err, "rollback: cannot write the journal: %s", strerror(-err)) : 0;
}

/* The file is written whole before it has its name: what does not fit is no journal. */
static bool parse(char *s, struct journal *j)
{
	char from[64], to[64], old[64];
	struct buf redo = {0};
	int n = 0;
	bool ended;

	if (sscanf(s, HEADER "from %40s\nto %40s\nold %40s %u\n%n", from, to, old, &j->old_number,
		   &n) != 4 ||
	    !n)
		return false;
	for (s += n; !strncmp(s, "redo ", 5) && strcspn(s, "\n") == 45; s += 46)
		buf_add(&redo, s + 5, 41);
	ended = !strcmp(s, "end\n");
	j->redo = buf_take(&redo);
	return ended && !git_oid_fromstr(&j->from, from) && !git_oid_fromstr(&j->to, to) &&
	       !git_oid_fromstr(&j->old, old);
}

int journal_read(struct repo *r, struct journal *j, struct err *e)
{
	struct buf b = {0};
	int err = file_read_at(r->gaol, FILE_JOURNAL, JOURNAL_LIMIT, &b);

	*j = (struct journal){0};
	if (err == -ENOENT)
		return err;
	if (!err) {
		buf_ch(&b, '\0');
		if (!parse(b.p, j))
			err = -EPROTO;
	}
	buf_free(&b);
	if (err) {
		free(j->redo);
		j->redo = NULL;
		err_set(e, err, "rollback: gaol/journal cannot be read: %s", strerror(-err));
	}
	return err;
}

int journal_remove(struct repo *r, struct err *e)
{
	if (unlinkat(r->gaol, FILE_JOURNAL, 0) && errno != ENOENT)
		return err_sys(e, "rollback: cannot remove the journal");
	return fsync(r->gaol) ? err_sys(e, "rollback: cannot sync") : 0;
}

/* True when tip is a or one of a's ancestors. */
static bool contains(struct repo *r, const git_oid *a, const git_oid *tip)
{
	return git_oid_equal(a, tip) || git_graph_descendant_of(r->git, a, tip) == 1;
}

/* Branches of left lines that main contains again go. */
static int drop_contained(struct repo *r, const git_oid *main, struct err *e)
{
	git_reference_iterator *it = NULL;
	git_reference *ref;
	struct buf names = {0};
	int err = git_reference_iterator_glob_new(&it, r->git, PREFIX_HEADS "*");

	while (!err && !git_reference_next(&ref, it)) {
		const git_oid *oid = git_reference_target(ref);
		if (oid && contains(r, main, oid))
			buf_add(&names, git_reference_name(ref),
				strlen(git_reference_name(ref)) + 1);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	if (err)
		err = repo_git_err(e, -EIO, "rollback: cannot list branches");
	for (size_t at = 0; !err && at < names.len; at += strlen(names.p + at) + 1)
		err = ref_remove(r, names.p + at, e);
	buf_free(&names);
	return err;
}

int journal_refs(struct repo *r, const struct journal *j, struct err *e)
{
	char name[64];
	int err = 0;

	/* first the branch that keeps the old line, so that no crash loses it */
	snprintf(name, sizeof(name), PREFIX_HEADS "%u", j->old_number);
	if (!contains(r, &j->to, &j->old))
		err = ref_set(r, name, &j->old, "left by a rollback", e);
	if (!err)
		err = ref_set(r, REPO_MAIN, &j->to, "rollback", e);
	if (!err)
		err = drop_contained(r, &j->to, e);
	if (err)
		return err;
	err = file_replace_at(r->gaol, FILE_REDO, j->redo, strlen(j->redo), 0600, true);
	return err ? err_set(e, err, "rollback: cannot write gaol/redo: %s", strerror(-err)) : 0;
}
