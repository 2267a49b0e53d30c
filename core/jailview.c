/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/jailview.h"
#include "core/buf.h"
#include "core/repo/log.h"
#include "core/repo/repo.h"
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct jailview {
	const struct jail *jail;
	struct conf conf;
	struct jail_union parts;
	struct layer *base;
	struct repo *repo;
};

/* The layer meets real paths only: what leads through a link would never match. */
static void add_empty(struct jail_union *u, const char *path)
{
	char *real = path ? realpath(path, NULL) : NULL;

	if (!real)
		return;
	for (size_t i = 0; i + 1 < sizeof(u->empty) / sizeof(u->empty[0]); i++) {
		if (!u->empty[i]) {
			u->empty[i] = real;
			return;
		}
		if (!strcmp(u->empty[i], real))
			break;
	}
	free(real);
}

static void add_empties(struct jail_union *u, const struct jail_places *p)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char *own = NULL;

	add_empty(u, p->home);
	add_empty(u, p->run);
	if (cache && *cache == '/')
		own = xasprintf("%s/gaol", cache);
	else if (home && *home == '/')
		own = xasprintf("%s/.cache/gaol", home);
	add_empty(u, own);
	add_empty(u, "/var/cache/gaol");
	free(own);
}

int jail_union_init(struct jail_union *u, const struct jail_places *p, const struct jail *j,
		    const struct conf *c, struct err *e)
{
	size_t n = 0;

	*u = (struct jail_union){0};
	int ret = conf_authority(c, &u->authority, e);
	if (ret)
		return ret;
	u->made = xasprintf("%s/made", j->dir);
	u->upper = xasprintf("%s/upper", j->dir);
	u->work = xasprintf("%s/work", j->dir);
	add_empties(u, p);
	if (!access(u->made, F_OK))
		u->config.lower[n++] = (struct layer_lower){.path = u->made, .virtual = true};
	u->config.lower[n++] = (struct layer_lower){.path = "/", .guarded = true};
	u->config.nlower = n;
	u->config.upper = u->upper;
	u->config.work = u->work;
	u->config.authority = u->authority;
	u->config.events_read = c->events_reads;
	u->config.empty = (const char *const *)u->empty;
	return 0;
}

void jail_union_free(struct jail_union *u)
{
	authority_free(u->authority);
	free(u->made);
	free(u->upper);
	free(u->work);
	for (size_t i = 0; i < sizeof(u->empty) / sizeof(u->empty[0]); i++)
		free(u->empty[i]);
	*u = (struct jail_union){0};
}

int jail_union_privileges(struct err *e)
{
	if (geteuid() == 0 && getgroups(0, NULL) > 0 && setgroups(0, NULL))
		return err_sys(e, "supplementary groups: cannot be dropped");
	return 0;
}

static int open_parts(struct jailview *v, const struct jail_places *p, struct err *e)
{
	int ret = jail_union_privileges(e);

	if (!ret)
		ret = conf_load(v->jail->dirfd, CONF_FILE, &v->conf, e);
	if (!ret)
		ret = jail_union_init(&v->parts, p, v->jail, &v->conf, e);
	if (ret)
		return ret;
	/* A view of the lowers alone; sides put an upper layer over it. */
	struct layer_config c = v->parts.config;
	c.upper = c.work = NULL;
	c.readonly = true;
	c.events_read = false;
	ret = layer_open(&v->base, &c, e);
	return ret ? ret : repo_open(&v->repo, v->jail->dirfd, e);
}

int jailview_open(struct jailview **out, const struct jail_places *p, const struct jail *j,
		  struct err *e)
{
	struct jailview *v = xcalloc(1, sizeof(*v));

	v->jail = j;
	int ret = open_parts(v, p, e);
	if (ret) {
		jailview_close(v);
		v = NULL;
	}
	*out = v;
	return ret;
}

void jailview_close(struct jailview *v)
{
	if (!v)
		return;
	if (v->repo)
		repo_close(v->repo);
	if (v->base)
		layer_close(v->base);
	jail_union_free(&v->parts);
	conf_free(&v->conf);
	free(v);
}

struct repo *jailview_repo(struct jailview *v)
{
	return v->repo;
}

struct layer *jailview_base(struct jailview *v)
{
	return v->base;
}

const struct conf *jailview_conf(const struct jailview *v)
{
	return &v->conf;
}

int jailview_resolve(struct jailview *v, const char *word, struct side_id *out,
		     struct checkpoint *c, struct err *e)
{
	struct checkpoint found = {0};

	*out = (struct side_id){.kind = SIDE_NOW};
	if (c)
		*c = found;
	if (word && !strcmp(word, "now"))
		return 0;
	if (word && !strcmp(word, "base")) {
		out->kind = SIDE_BASE;
		return 0;
	}
	int ret = log_resolve(v->repo, word, v->jail->name, &found, e);
	if (ret)
		return ret;
	out->kind = SIDE_CHECKPOINT;
	memcpy(out->hash, found.hash, sizeof(out->hash));
	if (c)
		*c = found;
	else
		checkpoint_free(&found);
	return 0;
}

int jailview_side(struct jailview *v, const char *word, struct side **out, struct err *e)
{
	struct side_id id;

	*out = NULL;
	int ret = jailview_resolve(v, word, &id, NULL, e);
	return ret ? ret : side_open(out, v->repo, id, v->base, e);
}

#define LINKS_MAX 40 /* as Linux has it, path_resolution(7) */

static void drop_last(struct buf *b, size_t start)
{
	while (b->len > start && b->p[b->len - 1] != '/')
		b->len--;
	if (b->len > start)
		b->len--;
	if (b->p)
		b->p[b->len] = '\0';
}

/* Puts a link's target in front of what is still to be followed. */
static int splice_link(struct side *s, struct buf *done, size_t start, struct buf *rest)
{
	struct buf target = {0};
	int ret = side_readlink(s, done->p + start, &target);

	if (!ret) {
		buf_ch(&target, '/');
		buf_add(&target, buf_cstr(rest), rest->len);
		if (target.p[0] == '/') {
			done->len = start;
			done->p[start] = '\0';
		} else {
			drop_last(done, start);
		}
		buf_reset(rest);
		buf_add(rest, target.p, target.len);
	}
	buf_free(&target);
	return ret;
}

/* Takes one component from rest to done. 0, -ENOENT (only the last is missing), or -errno. */
static int follow_step(struct side *s, bool last, struct buf *done, size_t start, struct buf *rest,
		       int *links)
{
	size_t skip = strspn(buf_cstr(rest), "/");
	size_t n = strcspn(buf_cstr(rest) + skip, "/");
	const char *name = buf_cstr(rest) + skip;
	bool end = !name[n + strspn(name + n, "/")];
	bool dots = (n == 1 && name[0] == '.') || (n == 2 && !strncmp(name, "..", 2));
	struct stat st;

	if (n == 2 && dots)
		drop_last(done, start);
	if (n && !dots) {
		buf_ch(done, '/');
		buf_add(done, name, n);
	}
	/* A slash behind the last component asks for what a link there leads to. */
	bool follow = !end || last || name[n] == '/';
	buf_eat(rest, skip + n);
	if (!n || dots)
		return 0;
	int ret = side_stat(s, done->p + start, &st);
	if (ret)
		return ret == -ENOENT && !end ? -ENOTDIR : ret;
	if (!S_ISLNK(st.st_mode) || !follow)
		return 0;
	return ++*links > LINKS_MAX ? -ELOOP : splice_link(s, done, start, rest);
}

int jailview_follow(struct side *s, const char *path, bool last, struct buf *out, struct err *e)
{
	struct buf rest = {0};
	size_t start = out->len;
	int links = 0, ret = 0;

	if (path[0] != '/')
		return err_set(e, -EINVAL, "%s: a path of the jail begins with /", path);
	buf_str(&rest, path);
	while (!ret && rest.len)
		ret = follow_step(s, last, out, start, &rest, &links);
	buf_free(&rest);
	if (out->len == start)
		buf_ch(out, '/');
	if (ret == -ENOENT)
		return err_set(e, ret, "%s: no such file in the jail", path);
	if (ret)
		return err_set(e, ret, "%s: %s", path,
			       ret == -EPROTO ? side_error(s) : strerror(-ret));
	return 0;
}
