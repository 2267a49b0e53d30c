/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/diffout.h"
#include "core/buf.h"
#include "core/text.h"
#include "tui/cli/out.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct printing {
	struct diffout *o;
	struct side *a, *b;
	struct json_list list;
	struct table stat;
	uint64_t plus, minus; /* of one file, for stat */
	uint64_t all_plus, all_minus;
	const struct diff_entry *entry;
	bool begun; /* the "---" and "+++" of this file are out */
	int ret;
	struct err *err;
};

/* SGR of git's defaults; "" when colour is off. */
static const char *sgr(const struct printing *p, const char *code)
{
	return p->o->colour ? code : "";
}

#define BOLD "\033[1m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define CYAN "\033[36m"
#define OFF "\033[m"

static char *shown(const char *path)
{
	return text_escaped(path);
}

static const char *kind_word(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	default:
		return "none";
	}
}

static void name_status(struct printing *p, const struct diff_entry *d)
{
	FILE *f = p->o->f;

	if (p->o->zero) {
		fprintf(f, "%c%c", d->status, '\0');
		if (d->from)
			fprintf(f, "%s%c", d->from, '\0');
		fprintf(f, "%s%c", d->path, '\0');
		return;
	}
	char *path = shown(d->path), *from = d->from ? shown(d->from) : NULL;
	bool list = p->o->form == DIFFOUT_LIST;
	const char *colour = d->status == DIFF_ADDED	 ? GREEN
			     : d->status == DIFF_DELETED ? RED
							 : CYAN;

	fprintf(f, "%s%c%s%s", sgr(p, colour), d->status, sgr(p, OFF), list ? " " : "\t");
	if (from)
		fprintf(f, list ? "%s -> " : "%s\t", from);
	fprintf(f, "%s%s\n", path, list && d->drift ? "  (the host's file has changed too)" : "");
	free(path);
	free(from);
}

static json_t *attr_json(const struct diff_attr *a)
{
	if (!a->mode)
		return json_null();
	json_t *o = json_pack("{s:s, s:i, s:I, s:I, s:I}", "type", kind_word(a->mode), "mode",
			      (int)(a->mode & 07777), "uid", (json_int_t)a->uid, "gid",
			      (json_int_t)a->gid, "size", (json_int_t)a->size);

	if (S_ISCHR(a->mode) || S_ISBLK(a->mode))
		json_object_set_new(o, "rdev",
				    json_pack("[i, i]", (int)major(a->rdev), (int)minor(a->rdev)));
	return o;
}

static void entry_json(struct printing *p, const struct diff_entry *d)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
	    {DIFF_CONTENT, "content"}, {DIFF_MODE, "mode"}, {DIFF_UID, "uid"},
	    {DIFF_GID, "gid"},	       {DIFF_RDEV, "rdev"}, {DIFF_XATTR, "xattr"},
	};
	char status[2] = {(char)d->status, '\0'};
	json_t *o = json_object(), *what = json_array();

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (d->what & words[i].bit)
			json_array_append_new(what, json_string(words[i].word));
	json_object_set_new(o, "status", json_string(status));
	out_json_bytes(o, "path", d->path, strlen(d->path));
	if (d->from)
		out_json_bytes(o, "from", d->from, strlen(d->from));
	json_object_set_new(o, "what", what);
	json_object_set_new(o, "drift", json_boolean(d->drift));
	json_object_set_new(o, "a", attr_json(&d->a));
	json_object_set_new(o, "b", attr_json(&d->b));
	out_json_item(&p->list, o);
}

/* The lines between "diff --git" and the text: what changed beside it. */
static void patch_head(struct printing *p, const struct diff_entry *d)
{
	FILE *f = p->o->f;
	char *path = shown(d->path), *from = shown(d->from ? d->from : d->path);

	fprintf(f, "%sdiff --git a%s b%s\n", sgr(p, BOLD), from, path);
	if (!d->a.mode)
		fprintf(f, "new file mode %06o\n", d->b.mode);
	else if (!d->b.mode)
		fprintf(f, "deleted file mode %06o\n", d->a.mode);
	else if (d->a.mode != d->b.mode)
		fprintf(f, "old mode %06o\nnew mode %06o\n", d->a.mode, d->b.mode);
	if (d->from)
		fprintf(f, "rename from %s\nrename to %s\n", from + 1, path + 1);
	if (d->what & (DIFF_UID | DIFF_GID))
		fprintf(f, "owner %u:%u -> %u:%u\n", d->a.uid, d->a.gid, d->b.uid, d->b.gid);
	if (d->what & DIFF_RDEV)
		fprintf(f, "device %u:%u -> %u:%u\n", major(d->a.rdev), minor(d->a.rdev),
			major(d->b.rdev), minor(d->b.rdev));
	for (size_t i = 0; i < d->nxattrs; i++) {
		const struct diff_xattr *x = &d->xattrs[i];
		char *name = shown(x->name);
		fprintf(f, "attribute %s %s\n", name,
			!x->a	? "added"
			: !x->b ? "removed"
				: "changed");
		free(name);
	}
	if (d->drift)
		fprintf(f, "the host's file has changed since the jail's copy was made\n");
	fputs(sgr(p, OFF), f);
	free(path);
	free(from);
}

static void text_head(struct printing *p)
{
	const struct diff_entry *d = p->entry;
	char *path = shown(d->path), *from = shown(d->from ? d->from : d->path);

	p->begun = true;
	fprintf(p->o->f, "%s--- %s%s\n+++ %s%s%s\n", sgr(p, BOLD), d->a.mode ? "a" : "",
		d->a.mode ? from : "/dev/null", d->b.mode ? "b" : "",
		d->b.mode ? path : "/dev/null", sgr(p, OFF));
	free(path);
	free(from);
}

static bool patch_line(void *user, const struct diff_line *l)
{
	struct printing *p = user;
	FILE *f = p->o->f;
	const char *colour = l->origin == '+'	? GREEN
			     : l->origin == '-' ? RED
			     : l->origin == '@' ? CYAN
						: "";

	if (!p->begun)
		text_head(p);
	fputs(sgr(p, colour), f);
	if (l->origin == '\\')
		fputs("\\ ", f);
	else if (l->origin != '@')
		fputc(l->origin, f);
	if (p->o->raw)
		fwrite(l->text, 1, l->len, f);
	else
		out_line(f, l->text, l->len);
	fprintf(f, "%s\n", *colour ? sgr(p, OFF) : "");
	return !ferror(f);
}

static bool count_line(void *user, const struct diff_line *l)
{
	struct printing *p = user;

	p->plus += l->origin == '+';
	p->minus += l->origin == '-';
	return true;
}

/* False: stop, p->ret says why. */
static bool read_text(struct printing *p, const struct diff_entry *d, diff_line_fn *fn,
		      enum diff_text_kind *kind)
{
	struct diff_text_options o = {.context = p->o->context};

	*kind = DIFF_NO_TEXT;
	p->entry = d;
	p->begun = false;
	if (d->status == DIFF_RENAMED && !(d->what & DIFF_CONTENT))
		return true;
	int ret = diff_text(p->a, p->b, d, &o, fn, p, kind, p->err);
	if (ret && ret != -ECANCELED)
		p->ret = ret;
	return !ret;
}

static bool patch(struct printing *p, const struct diff_entry *d)
{
	enum diff_text_kind kind;
	char a[OUT_SIZE], b[OUT_SIZE];

	patch_head(p, d);
	if (!read_text(p, d, patch_line, &kind))
		return false;
	if (kind == DIFF_BINARY || kind == DIFF_TOO_LARGE)
		fprintf(p->o->f, "%s files differ: %s -> %s\n",
			kind == DIFF_BINARY ? "Binary" : "Large", out_size(d->a.size, a),
			out_size(d->b.size, b));
	return true;
}

static bool stat_row(struct printing *p, const struct diff_entry *d)
{
	enum diff_text_kind kind;
	char a[OUT_SIZE], b[OUT_SIZE];

	p->plus = p->minus = 0;
	if (!read_text(p, d, count_line, &kind))
		return false;
	table_addf(&p->stat, "%c", d->status);
	table_add(&p->stat, d->path);
	if (kind == DIFF_TEXT)
		table_addf(&p->stat, "+%" PRIu64 " -%" PRIu64, p->plus, p->minus);
	else if (kind == DIFF_NO_TEXT)
		table_add(&p->stat, d->b.mode ? kind_word(d->b.mode) : kind_word(d->a.mode));
	else
		table_addf(&p->stat, "%s -> %s", out_size(d->a.size, a), out_size(d->b.size, b));
	p->all_plus += p->plus;
	p->all_minus += p->minus;
	return true;
}

static bool each(void *user, const struct diff_entry *d)
{
	struct printing *p = user;

	p->o->count++;
	switch (p->o->form) {
	case DIFFOUT_PATCH:
		return patch(p, d) && !ferror(p->o->f);
	case DIFFOUT_STAT:
		return stat_row(p, d);
	case DIFFOUT_JSON:
		entry_json(p, d);
		break;
	default:
		name_status(p, d);
	}
	return !ferror(p->o->f);
}

int diffout(struct diffout *o, struct side *a, struct side *b, struct err *e)
{
	struct printing p = {.o = o, .a = a, .b = b, .stat = {.cols = 3}, .err = e};
	struct diff_options d = {.paths = o->paths};

	o->count = 0;
	int ret = diff_each(a, b, &d, each, &p, e);
	if (o->form == DIFFOUT_JSON)
		out_json_end(&p.list);
	if (o->form == DIFFOUT_STAT) {
		table_print(&p.stat, o->f);
		fprintf(o->f, "%" PRIu64 " changed, +%" PRIu64 " -%" PRIu64 " lines\n", o->count,
			p.all_plus, p.all_minus);
	}
	if (p.ret)
		return p.ret;
	return ret == -ECANCELED ? 0 : ret;
}
