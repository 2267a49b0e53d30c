/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export, import: a jail's layer as the tar of an image layer. */
#include "core/bring.h"
#include "core/buf.h"
#include "core/client.h"
#include "core/fd.h"
#include "core/repo/tarout.h"
#include "core/tarin.h"
#include "core/text.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include "tui/cli/place.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void skipped(void *user, const char *path, const char *why)
{
	char *t = text_escaped(path);

	fprintf(stderr, "gaol: export: %s: %s: left out\n", t, why);
	free(t);
}

/* Into a temporary name and renamed, so that the name is a whole tar or none. */
static int write_file(struct side *s, const char *to, struct tarout_result *r, struct err *e)
{
	char *tmp = xasprintf("%s.%d", to, (int)getpid());
	cleanup_fd int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int ret = fd < 0 ? err_sys(e, "%s", tmp) : tarout(s, fd, skipped, NULL, NULL, r, e);

	if (!ret && (fsync(fd) || rename(tmp, to)))
		ret = err_sys(e, "%s", to);
	if (ret && fd >= 0)
		unlink(tmp);
	free(tmp);
	return ret;
}

static int export_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct tarout_result r = {0};
	struct place_view view;
	struct cli_args a;
	struct place p;
	struct err e;

	if (!cli_simple(&a, v, argc, argv, 2, 2))
		return a.status;
	if (!place_parse_jail(a.v[0], &p))
		return cli_usage(v, "%s: not NAME or NAME@ID", a.v[0]);
	bool out = !strcmp(a.v[1], "-");
	if (out && isatty(1)) {
		place_free(&p);
		return cli_usage(v, "-: a tar is not for a terminal: send it to a file or a pipe");
	}
	int ret = place_open(&view, c, &p, &e);
	if (!ret) {
		ret = out ? tarout(view.side, 1, skipped, NULL, NULL, &r, &e)
			  : write_file(view.side, a.v[1], &r, &e);
		place_view_close(&view);
	}
	place_free(&p);
	if (ret)
		return cli_fail(&e);
	return r.skipped ? CLI_FAILED : CLI_OK;
}

struct dir {
	char *path;
	struct stat st;
	struct bring_xattr *xattrs;
	size_t n;
};

/* An import under way. */
struct import {
	struct client *c;
	struct jail *jail;
	struct side *now;
	struct dir *dirs; /* their times are set at the end */
	size_t ndirs;
	unsigned long long entries;
	struct err *e;
};

struct names {
	char **v;
	size_t n;
};

static bool take_name(void *user, const char *name, const struct stat *st)
{
	struct names *l = user;

	l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n++] = xstrdup(name);
	return true;
}

static int remove_all(struct import *m, const char *path, bool itself);

static int empty(struct import *m, const char *path)
{
	struct names l = {0};
	int ret = side_list(m->now, path, take_name, &l);

	if (ret)
		ret = ret == -ENOENT || ret == -ENOTDIR ? 0 : err_set(m->e, ret, "%s", path);
	for (size_t i = 0; i < l.n; i++) {
		char *child = xasprintf("%s/%s", path[1] ? path : "", l.v[i]);
		ret = ret ? ret : remove_all(m, child, true);
		free(child);
		free(l.v[i]);
	}
	free(l.v);
	return ret;
}

static int remove_all(struct import *m, const char *path, bool itself)
{
	struct stat st;
	int ret = side_stat(m->now, path, &st);

	if (ret)
		return ret == -ENOENT || ret == -ENOTDIR ? 0 : err_set(m->e, ret, "%s", path);
	if (S_ISDIR(st.st_mode))
		ret = empty(m, path);
	return ret || !itself || !path[1] ? ret : bring_remove(m->c, path, m->e);
}

/* Directories that the tar does not mention. */
static int make_way(struct import *m, const char *path)
{
	char *part = xstrdup(path);
	struct stat st;
	int ret = 0;

	for (char *s = strchr(part + 1, '/'); s && !ret; s = strchr(s + 1, '/')) {
		struct bring b = {.path = part, .st.st_mode = S_IFDIR | 0755};
		*s = '\0';
		clock_gettime(CLOCK_REALTIME, &b.st.st_mtim);
		if (side_stat(m->now, part, &st) == -ENOENT)
			ret = bring_make(m->c, &b, -1, m->e);
		*s = '/';
	}
	free(part);
	return ret;
}

static void remember(struct import *m, const struct bring *b)
{
	struct dir d = {.path = xstrdup(b->path), .st = b->st, .n = b->nxattrs};

	d.xattrs = xcalloc(d.n + 1, sizeof(*d.xattrs));
	for (size_t i = 0; i < d.n; i++) {
		char *value = xmalloc(b->xattrs[i].len + 1);
		memcpy(value, b->xattrs[i].value, b->xattrs[i].len);
		d.xattrs[i] = (struct bring_xattr){
		    .name = xstrdup(b->xattrs[i].name), .value = value, .len = b->xattrs[i].len};
	}
	m->dirs = xrealloc(m->dirs, (m->ndirs + 1) * sizeof(*m->dirs));
	m->dirs[m->ndirs++] = d;
}

static int bring_entry(struct import *m, struct tarin *t, const struct tarin_entry *x)
{
	cleanup_fd int fd = -1;
	struct stat st;
	int ret = make_way(m, x->b.path);

	/* A directory in the way of something else goes with all in it. */
	if (!ret && !S_ISDIR(x->b.st.st_mode) && !side_stat(m->now, x->b.path, &st) &&
	    S_ISDIR(st.st_mode))
		ret = remove_all(m, x->b.path, true);
	if (!ret && S_ISREG(x->b.st.st_mode)) {
		fd = bring_temp(m->jail, m->e);
		ret = fd < 0 ? fd : tarin_copy(t, fd, m->e);
	}
	if (!ret)
		ret = bring_make(m->c, &x->b, fd, m->e);
	if (!ret && S_ISDIR(x->b.st.st_mode))
		remember(m, &x->b);
	return ret;
}

static int one(struct import *m, struct tarin *t, const struct tarin_entry *x)
{
	m->entries++;
	switch (x->kind) {
	case TARIN_GONE:
		return remove_all(m, x->b.path, true);
	case TARIN_OPAQUE:
		return remove_all(m, x->b.path, false);
	case TARIN_LINK: {
		int ret = make_way(m, x->b.path);
		return ret ? ret : bring_link(m->c, x->b.path, x->b.target, m->e);
	}
	default:
		return bring_entry(m, t, x);
	}
}

static int finish(struct import *m, int ret)
{
	for (size_t i = m->ndirs; i--;) {
		struct dir *d = &m->dirs[i];
		struct bring b = {
		    .path = d->path, .st = d->st, .xattrs = d->xattrs, .nxattrs = d->n};
		struct err gone;
		/* a later entry may have replaced it */
		if (!ret)
			bring_attr(m->c, &b, &gone);
		for (size_t k = 0; k < d->n; k++) {
			free((char *)(uintptr_t)d->xattrs[k].name);
			free((void *)(uintptr_t)d->xattrs[k].value);
		}
		free(d->xattrs);
		free(d->path);
	}
	free(m->dirs);
	return ret;
}

static int import_all(struct import *m, int fd)
{
	struct tarin *t = tarin_new(fd);
	struct tarin_entry x;
	struct err ignored;
	int ret;

	while ((ret = tarin_next(t, &x, m->e)) == 1)
		if ((ret = one(m, t, &x)) != 0)
			break;
	ret = finish(m, ret);
	bring_done(m->c, &ignored);
	tarin_free(t);
	return ret;
}

static int steer(struct cli *c, const struct place *p, const char *from, struct import *m)
{
	bool std = !strcmp(from, "-"), spawned;
	cleanup_fd int fd = std ? dup(0) : open(from, O_RDONLY | O_CLOEXEC);
	struct place_view view;
	char message[96];

	if (fd < 0)
		return err_sys(m->e, "%s", from);
	int ret = place_open(&view, c, p, m->e);
	if (ret)
		return ret;
	m->now = view.side;
	m->jail = &view.jail;
	ret = cli_steer(&m->c, &view.jail, &spawned, m->e);
	if (!ret) {
		snprintf(message, sizeof(message), "before import of %.60s", from);
		ret =
		    client_call(m->c, "checkpoint",
				json_pack("{s:o, s:s}", "message",
					  out_json_text(message, strlen(message)), "kind", "auto"),
				-1, NULL, NULL, NULL, m->e);
		if (!ret)
			ret = import_all(m, fd);
		cli_done(m->c, spawned);
	}
	place_view_close(&view);
	return ret;
}

static int import_verb(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct err e;
	struct import m = {.e = &e};
	struct cli_args a;
	struct place p;

	if (!cli_simple(&a, v, argc, argv, 2, 2))
		return a.status;
	if (!place_parse_jail(a.v[0], &p) || p.id) {
		place_free(&p);
		return cli_usage(v, "%s: not a jail's name", a.v[0]);
	}
	int ret = steer(c, &p, a.v[1], &m);
	if (!ret)
		printf("%s: %llu entries imported\n", p.name, m.entries);
	place_free(&p);
	return ret ? cli_fail(&e) : CLI_OK;
}

static const char *const export_examples[] = {
    "gaol export demo@5 layer.tar", "The layer of checkpoint 5; `tar tf layer.tar` lists it.",
    "gaol export demo - | zstd > demo.tar.zst", "As the jail is now, compressed.", NULL};

const struct verb verb_export = {
    .name = "export",
    .args = "NAME[@ID] FILE",
    .help = "Writes what a jail changed as a tar, the layer of a container image",
    .more =
	"The tar has owners, modes, times, attributes, hard links and devices; what was deleted is "
	"a whiteout (.wh.NAME), as the image specification has it. Without an ID the jail is "
	"taken as it is now. FILE - is standard output. What a tar cannot say, sockets and "
	"names that begin with .wh., is left out and told, and the exit status is 1.",
    .examples = export_examples,
    .words = WORDS_JAIL,
    .fn = export_verb,
};

const struct verb verb_import = {
    .name = "import",
    .args = "NAME FILE",
    .help = "Unpacks such a tar, or any other, into a jail",
    .more = "The jail may run. What it is now is saved first, so a rollback undoes it. Paths that "
	    "lead out are refused, and no link is followed. FILE - is standard input.",
    .words = WORDS_JAIL,
    .fn = import_verb,
};
