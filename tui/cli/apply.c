/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tui/cli/apply.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/text.h"
#include "tui/cli/cli.h"
#include "tui/cli/out.h"
#include "tui/cli/place.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct change {
	struct diff_entry d; /* without its strings and attributes */
	char *path;	     /* relative */
	bool left;	     /* it has changes of attributes that do not come out */
};

struct plan {
	struct change *v;
	size_t n;
};

static bool take(void *user, const struct diff_entry *d)
{
	struct plan *p = user;

	if (!d->path[1])
		return true; /* the root itself */
	p->v = xrealloc(p->v, (p->n + 1) * sizeof(*p->v));
	p->v[p->n] = (struct change){.d = *d, .path = xstrdup(d->path + 1)};
	struct change *c = &p->v[p->n++];
	c->d.path = c->d.from = NULL;
	c->d.nxattrs = 0;
	c->d.what &= ~(unsigned)DIFF_XATTR;
	for (size_t i = 0; i < d->nxattrs; i++)
		if (applyattr_comes(d->xattrs[i].name))
			c->d.what |= DIFF_XATTR;
		else
			c->left = true;
	c->left |= (c->d.what & (DIFF_MODE | DIFF_UID | DIFF_GID | DIFF_XATTR)) !=
		   applyattr_wanted(&c->d);
	return true;
}

static void tell(struct apply *a, const struct change *c, const char *why)
{
	char *t = text_escaped(c->path);

	if (a->mode == APPLY_SCRIPT)
		fprintf(a->f, "# left out: %s: %s\n", t, why);
	else
		fprintf(a->f, "%c %s%s%s\n", c->d.status, t, *why ? ": " : "", why);
	free(t);
}

static bool is_plain(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode);
}

/* The same for those changes of attributes that are in mask; *equal stays true only if they are. */
static const char *attrs_in_way(struct apply *a, const struct change *c, unsigned mask,
				const struct stat *host, bool *equal)
{
	bool same;
	const char *why = applyattr_conflict(a, c->path, &c->d, applyattr_wanted(&c->d) & mask,
					     host, &same);

	*equal = *equal && same;
	return why;
}

/* What is in the way on the host: NULL, or a sentence; *equal: the host has it so already. */
static const char *conflict(struct apply *a, const struct change *c, bool *equal)
{
	const struct diff_entry *d = &c->d;
	struct stat host;
	int ret = applyout_stat(a, c->path, &host), same;

	*equal = false;
	if (ret && ret != -ENOENT)
		return "conflict: the host's file cannot be looked at";
	if (ret) {
		*equal = d->status == DIFF_DELETED;
		return d->status == DIFF_ADDED || *equal ? NULL
							 : "conflict: the host has it no more";
	}
	if (d->status == DIFF_DELETED) {
		if (!S_ISDIR(host.st_mode) && (host.st_ctim.tv_sec > a->since ||
					       applyout_same(a, c->path, a->base, &host) != 1))
			return "conflict: the host has changed it since";
		return NULL;
	}
	if (d->status != DIFF_ATTR) {
		same = applyout_same(a, c->path, a->from, &host);
		if (same < 0)
			return "conflict: the host's file cannot be read";
		*equal =
		    same && (S_ISLNK(host.st_mode) || (host.st_mode & 0777) == (d->b.mode & 0777));
		if (same && d->status != DIFF_MODIFIED)
			return NULL;
		if (same)
			return attrs_in_way(a, c, DIFF_XATTR, &host, equal);
	}
	if (d->status == DIFF_ADDED)
		return S_ISDIR(d->b.mode) && S_ISDIR(host.st_mode)
			   ? NULL
			   : "conflict: the host has another file there";
	*equal = d->status == DIFF_ATTR;
	const char *why =
	    attrs_in_way(a, c, d->status == DIFF_ATTR ? ~0U : DIFF_XATTR, &host, equal);
	if (!*equal && (d->drift || applyout_same(a, c->path, a->base, &host) != 1))
		return "conflict: the host has changed it since";
	return why;
}

/* 'quoted' for a shell; false for what would not be safe to look at. */
static bool quote(struct buf *b, const char *s)
{
	buf_ch(b, '\'');
	for (; *s; s++) {
		if (iscntrl((unsigned char)*s) || (unsigned char)*s > 126)
			return false;
		if (*s == '\'')
			buf_str(b, "'\\''");
		else
			buf_ch(b, *s);
	}
	buf_ch(b, '\'');
	return true;
}

static void script_link(struct apply *a, const struct change *c, const char *to)
{
	char *guest = xasprintf("/%s", c->path);
	struct buf target = {0}, q = {0};

	if (side_readlink(a->from, guest, &target) || !quote(&q, buf_cstr(&target)))
		tell(a, c, "its target has bytes that a script should not have");
	else
		fprintf(a->f, "mkdir -p -- \"$(dirname -- %s)\"\nrm -f -- %s\nln -s -- %s %s\n", to,
			to, q.p, to);
	buf_free(&target);
	buf_free(&q);
	free(guest);
}

static void script(struct apply *a, const struct change *c)
{
	char *to = xasprintf("%s/%s", a->to[1] || a->to[0] != '/' ? a->to : "", c->path);
	char *from = xasprintf("%s:/%s", a->place, c->path);
	struct buf qt = {0}, qf = {0};
	unsigned mode = c->d.b.mode & 0777;

	if (!quote(&qt, to) || !quote(&qf, from)) {
		tell(a, c, "its name has bytes that a script should not have");
		a->skipped++;
	} else if (c->d.status == DIFF_DELETED) {
		fprintf(a->f, "%s -- %s\n", S_ISDIR(c->d.a.mode) ? "rmdir" : "rm -f", qt.p);
	} else if (c->d.status == DIFF_ATTR) {
		applyattr_script(a, c->path, &c->d, qt.p);
	} else if (S_ISDIR(c->d.b.mode)) {
		fprintf(a->f, "mkdir -p -m %o -- %s\n", mode, qt.p);
	} else if (S_ISLNK(c->d.b.mode)) {
		script_link(a, c, qt.p);
	} else {
		fprintf(a->f, "mkdir -p -- \"$(dirname -- %s)\"\ngaol cp %s %s\nchmod %o -- %s\n",
			qt.p, qf.p, qt.p, mode, qt.p);
	}
	buf_free(&qt);
	buf_free(&qf);
	free(to);
	free(from);
}

static int carry_out(struct apply *a, const struct change *c)
{
	bool gone = c->d.status == DIFF_DELETED;
	int ret;

	if (a->mode == APPLY_SCRIPT) {
		script(a, c);
		a->done++;
		return 0;
	}
	ret = a->mode == APPLY_SHOW ? 0
	      : gone		    ? applyout_remove(a, c->path, S_ISDIR(c->d.a.mode))
				    : applyout_make(a, c->path, &c->d);
	if (ret) {
		tell(a, c, strerror(-ret));
		a->conflicts++;
		return 0;
	}
	tell(a, c, c->left ? "but for an owner or attributes" : "");
	a->done++;
	return 0;
}

static int one(struct apply *a, const struct change *c)
{
	bool equal, gone = c->d.status == DIFF_DELETED;
	const char *why;

	if (!is_plain(gone ? c->d.a.mode : c->d.b.mode)) {
		tell(a, c, "a device, fifo or socket: left out");
		a->skipped++;
		return 0;
	}
	if (c->d.status == DIFF_ATTR && !applyattr_wanted(&c->d)) {
		tell(a, c, "only an owner or attributes that stay in the jail: left out");
		a->skipped++;
		return 0;
	}
	why = conflict(a, c, &equal);
	if (why) {
		tell(a, c, why);
		a->conflicts++;
		return 0;
	}
	if (equal) {
		a->equal++;
		return 0;
	}
	return carry_out(a, c);
}

int apply_changes(struct apply *a, const char *const *paths, struct err *e)
{
	struct diff_options o = {.paths = paths, .no_moves = true};
	struct plan p = {0};
	int ret = diff_each(a->base, a->from, &o, take, &p, e);

	/* What goes goes first, deepest first: it may be in the way. */
	for (size_t i = p.n; i-- && !ret;)
		if (p.v[i].d.status == DIFF_DELETED)
			ret = one(a, &p.v[i]);
	for (size_t i = 0; i < p.n && !ret; i++)
		if (p.v[i].d.status != DIFF_DELETED)
			ret = one(a, &p.v[i]);
	for (size_t i = 0; i < p.n; i++)
		free(p.v[i].path);
	free(p.v);
	return ret;
}

enum { OPT_TO = CLI_LONG, OPT_DO, OPT_SCRIPT };
static const struct cli_opt opts[] = {
    {.key = OPT_TO, .name = "to", .arg = "DIR", .help = "Below this directory (/ for the host)."},
    {.key = OPT_DO, .name = "do", .help = "Does it; without, it only tells what it would do."},
    {.key = OPT_SCRIPT, .name = "script", .help = "Prints a shell script that does it instead."},
    {0}};

static int run(struct cli *c, struct apply *a, const struct place *p, const char *const *paths,
	       struct err *e)
{
	struct jail_status st = {0};
	struct place_view view;
	int ret = place_open(&view, c, p, e);

	if (ret)
		return ret;
	jail_status_read(&view.jail, &st);
	a->since = st.created;
	a->from = view.side;
	ret = jailview_side(view.view, "base", &a->base, e);
	if (!ret) {
		if (a->mode == APPLY_SCRIPT)
			fprintf(a->f, "#!/bin/sh\nset -e\n");
		ret = apply_changes(a, paths, e);
		side_close(a->base);
	}
	place_view_close(&view);
	return ret;
}

static void sum_up(const struct apply *a)
{
	if (a->mode == APPLY_SCRIPT)
		return;
	fprintf(stderr, "%llu %s, %llu there already, %llu conflicts, %llu left out%s\n",
		(unsigned long long)a->done, a->mode == APPLY_DO ? "done" : "to do",
		(unsigned long long)a->equal, (unsigned long long)a->conflicts,
		(unsigned long long)a->skipped, a->mode == APPLY_SHOW ? ": --do does it" : "");
}

static int apply(struct cli *c, const struct verb *v, int argc, char **argv)
{
	struct apply a = {.root = -1, .f = stdout};
	struct cli_args args;
	struct place p;
	struct err e;
	int key;

	cli_args_init(&args, v, argc, argv);
	while ((key = cli_next(&args)) > 0) {
		a.to = key == OPT_TO ? args.arg : a.to;
		a.mode = key == OPT_DO ? APPLY_DO : key == OPT_SCRIPT ? APPLY_SCRIPT : a.mode;
	}
	if (key || !cli_operands(&args, 1, 4096))
		return args.status;
	if (!a.to)
		return cli_usage(v, "--to DIR is missing: where is it to go? (/ is the host)");
	for (int i = 1; i < args.n; i++)
		if (args.v[i][0] != '/')
			return cli_usage(v, "%s: a path of the jail begins with /", args.v[i]);
	if (!place_parse_jail(args.v[0], &p))
		return cli_usage(v, "%s: not NAME or NAME@ID", args.v[0]);
	a.place = args.v[0];
	cleanup_fd int root = open(a.to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	a.root = root;
	int ret = root < 0
		      ? err_sys(&e, "%s", a.to)
		      : run(c, &a, &p, args.n > 1 ? (const char *const *)args.v + 1 : NULL, &e);
	place_free(&p);
	if (ret)
		return cli_fail(&e);
	sum_up(&a);
	return a.conflicts ? CLI_FAILED : CLI_OK;
}

static const char *const examples[] = {"gaol apply demo --to / /etc/nginx",
				       "What would change on the host, below /etc/nginx.",
				       "gaol apply demo@5 --to / --do /srv/project",
				       "Brings the changes of a project out.",
				       "gaol apply demo --to / --script > changes.sh",
				       "A script to read, and then to run.",
				       NULL};

const struct verb verb_apply = {
    .name = "apply",
    .args = "NAME[@ID] --to DIR [PATH...]",
    .help = "Brings changes of a jail out to the host",
    .more = "Only tells what it would do, unless --do. /P in the jail is P below DIR. A file "
	    "that the host has changed since the jail began with it is a conflict: it is told and "
	    "left out, and the exit status is 1; so is a mode, owner or attribute that both have "
	    "changed. No link of the host is followed, no set-id bit, device, fifo or socket comes "
	    "out, of attributes those named user.*, and the files are yours (root brings the jail's "
	    "owners for new files and where the jail changed them). Without an ID the jail "
	    "is taken as it is now.",
    .examples = examples,
    .opts = opts,
    .words = WORDS_JAIL,
    .fn = apply,
};
