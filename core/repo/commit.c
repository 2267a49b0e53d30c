/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commits and their trailers, numbers of checkpoints, refs. */
#include "core/buf.h"
#include "core/fd.h"
#include "core/repo/format.h"
#include "core/repo/inside.h"
#include "core/repo/name.h"
#include "core/text.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AUTHOR "gaol <gaol@localhost>"
#define MESSAGE_LIMIT 65536
#define DEVICES_LIMIT (8u << 20)

static const char *const subjects[CKPT_KINDS] = {
    [CKPT_INITIAL] = "the empty layer",	  [CKPT_HAND] = "checkpoint",
    [CKPT_AUTO] = "automatic checkpoint", [CKPT_ROLLBACK] = "before rollback",
    [CKPT_EXIT] = "when the guest ended",
};

static bool parse_one(const char *line, size_t n, struct trailer *t, bool *number)
{
	char s[128];
	int kind;

	if (n >= sizeof(s))
		return true; /* a long Gaol-Device */
	memcpy(s, line, n);
	s[n] = '\0';
	if (!strncmp(s, "Gaol-Kind: ", 11)) {
		kind = ckpt_kind_parse(s + 11);
		if (kind < 0)
			return false;
		t->kind = (enum ckpt_kind)kind;
	} else if (!strncmp(s, "Gaol-Number: ", 13)) {
		t->number = (unsigned)strtoul(s + 13, NULL, 10);
		*number = t->number;
	} else if (!strncmp(s, "Gaol-Changes: ", 14)) {
		return sscanf(s + 14, "+%" SCNu64 " ~%" SCNu64 " -%" SCNu64, &t->counts.added,
			      &t->counts.modified, &t->counts.deleted) == 3;
	} else if (!strncmp(s, "Gaol-Bytes: ", 12)) {
		t->bytes = strtoull(s + 12, NULL, 10);
	}
	return true;
}

bool trailer_parse(const char *message, struct trailer *t)
{
	const char *last = NULL;
	bool number = false;

	*t = (struct trailer){0};
	for (const char *s = message; (s = strstr(s, "\n\n")); s++)
		if (s[2])
			last = s + 2;
	while (last && *last) {
		size_t n = strcspn(last, "\n");
		if (!parse_one(last, n, t, &number))
			return false;
		last += n + (last[n] == '\n');
	}
	return number;
}

int main_tip(struct repo *r, git_oid *oid, struct err *e)
{
	int err = git_reference_name_to_id(oid, r->git, REPO_MAIN);

	if (err == GIT_ENOTFOUND)
		return -ENOENT;
	return err ? repo_git_err(e, -EIO, "checkpoints: cannot read %s", REPO_MAIN) : 0;
}

/* The highest number of any commit that a ref leads to. */
static int number_walk(struct repo *r, unsigned *max, struct err *e)
{
	git_revwalk *w = NULL;
	git_oid oid;
	int err = git_revwalk_new(&w, r->git);

	*max = 0;
	if (!err)
		err = git_revwalk_push_glob(w, "refs/*");
	while (!err && !git_revwalk_next(&oid, w)) {
		git_commit *c = NULL;
		struct trailer t;
		err = git_commit_lookup(&c, r->git, &oid);
		if (!err && trailer_parse(git_commit_message(c), &t) && t.number > *max)
			*max = t.number;
		git_commit_free(c);
	}
	git_revwalk_free(w);
	return err ? repo_git_err(e, -EIO, "checkpoints: cannot walk the history") : 0;
}

/* The highest number of the commits that branches end in: the newest of each line. */
static unsigned number_of_tips(struct repo *r)
{
	git_reference_iterator *it = NULL;
	git_reference *ref;
	unsigned max = 0;

	if (git_reference_iterator_glob_new(&it, r->git, "refs/heads/*"))
		return 0;
	while (!git_reference_next(&ref, it)) {
		const git_oid *oid = git_reference_target(ref);
		git_commit *c = NULL;
		struct trailer t;
		if (oid && !git_commit_lookup(&c, r->git, oid) &&
		    trailer_parse(git_commit_message(c), &t) && t.number > max)
			max = t.number;
		git_commit_free(c);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return max;
}

int number_newest(struct repo *r, unsigned *n, struct err *e)
{
	struct buf b = {0};
	int err = file_read_at(r->gaol, FILE_NUMBER, 64, &b);
	unsigned tips;

	*n = err ? 0 : (unsigned)strtoul(buf_cstr(&b), NULL, 10);
	buf_free(&b);
	if (!*n)
		return number_walk(r, n, e);
	tips = number_of_tips(r);
	*n = tips > *n ? tips : *n;
	return 0;
}

static int number_write(struct repo *r, unsigned n, bool durable, struct err *e)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u\n", n);
	int err = file_replace_at(r->gaol, FILE_NUMBER, text, (size_t)len, 0600, durable);

	return err ? err_set(e, err, "checkpoints: cannot write gaol/number: %s", strerror(-err))
		   : 0;
}

int number_next(struct repo *r, unsigned *n, struct err *e)
{
	int err = number_newest(r, n, e);

	if (err)
		return err;
	if (*n == UINT_MAX)
		return err_set(e, -EOVERFLOW, "checkpoints: no number is left");
	return number_write(r, ++*n, false, e);
}

int number_settle(struct repo *r, struct err *e)
{
	unsigned n;
	int err = number_newest(r, &n, e);

	return err ? err : number_write(r, n, true, e);
}

static void add_devices(struct repo *r, struct buf *out)
{
	struct buf b = {0};
	unsigned tag = 0;

	if (r->work >= 0 && !file_read_at(r->work, "devices", DEVICES_LIMIT, &b)) {
		const char *s = b.p;
		for (size_t at = 0, n; at < b.len; at += n + 1) {
			n = strnlen(s + at, b.len - at);
			if (at + n == b.len)
				break;
			buf_fmt(out, "Gaol-Device: %u ", ++tag);
			percent_add(out, s + at, n, true);
			buf_ch(out, '\n');
		}
	}
	buf_free(&b);
}

void commit_words(const char *message, struct buf *out)
{
	size_t n;

	while (*message == '\n')
		message++;
	n = strnlen(message, MESSAGE_LIMIT);
	while (n && message[n - 1] == '\n')
		n--;
	text_escape(out, message, n, TEXT_NEWLINE | TEXT_BACKSLASH);
}

void commit_text(struct repo *r, const git_oid *tree, const git_oid *parent, const char *message,
		 const struct trailer *t, struct buf *out)
{
	char hash[GIT_OID_HEXSZ + 1];
	int64_t now = (int64_t)time(NULL);

	if (!message || !*message)
		message = subjects[t->kind];
	buf_fmt(out, "tree %s\n", git_oid_tostr(hash, sizeof(hash), tree));
	if (parent)
		buf_fmt(out, "parent %s\n", git_oid_tostr(hash, sizeof(hash), parent));
	buf_fmt(out, "author " AUTHOR " %" PRId64 " +0000\n", now);
	buf_fmt(out, "committer " AUTHOR " %" PRId64 " +0000\n\n", now);
	commit_words(message, out);
	buf_fmt(out, "\n\nGaol-Number: %u\nGaol-Kind: %s\n", t->number, ckpt_kind_name(t->kind));
	buf_fmt(out, "Gaol-Changes: +%" PRIu64 " ~%" PRIu64 " -%" PRIu64 "\n", t->counts.added,
		t->counts.modified, t->counts.deleted);
	buf_fmt(out, "Gaol-Bytes: %" PRIu64 "\n", t->bytes);
	add_devices(r, out);
}
