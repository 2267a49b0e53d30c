/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/learn.h"
#include "core/buf.h"
#include "core/net/rule.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct place {
	char *path;
	size_t len;
	struct auth_at at;
	bool read, changed;
};

struct list {
	struct learn_told v[LEARN_TOLD_MAX];
	size_t n;
};

struct learn {
	const struct conf *conf;
	struct authority *authority;
	struct place *places; /* in no order */
	size_t nplaces;
	struct list denied, blocked, flows;
	struct learn_facts facts;
};

static void add_place(struct learn *l, char *path)
{
	struct auth_at at = authority_find(l->authority, path);

	for (size_t i = 0; i < l->nplaces; i++)
		if (!strcmp(l->places[i].path, path))
			at.word = AUTH_HIDE; /* known already */
	if (at.word != AUTH_READ && at.word != AUTH_WRITE) {
		free(path);
		return;
	}
	l->places = xrealloc(l->places, (l->nplaces + 1) * sizeof(*l->places));
	l->places[l->nplaces++] = (struct place){.path = path, .len = strlen(path), .at = at};
}

/* File systems that the guest's kernel makes itself. */
static bool is_guests_own(const char *name)
{
	return !strcmp(name, "proc") || !strcmp(name, "sys") || !strcmp(name, "dev");
}

struct learn *learn_new(const struct conf *c, const char *const *base, size_t n, struct err *e)
{
	struct learn *l = xcalloc(1, sizeof(*l));

	l->conf = c;
	if (conf_authority(c, &l->authority, e)) {
		free(l);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (!is_guests_own(base[i]))
			add_place(l, xasprintf("/%s", base[i]));
	for (size_t i = 0; i < c->npaths; i++)
		if (c->paths[i].path[1])
			add_place(l, xstrdup(c->paths[i].path));
	return l;
}

static void list_free(struct list *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].what);
}

void learn_free(struct learn *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nplaces; i++)
		free(l->places[i].path);
	free(l->places);
	list_free(&l->denied);
	list_free(&l->blocked);
	list_free(&l->flows);
	authority_free(l->authority);
	free(l);
}

static void count(struct learn *l, struct list *t, const char *s, size_t n)
{
	size_t i = 0;

	while (i < t->n && (strncmp(t->v[i].what, s, n) || t->v[i].what[n]))
		i++;
	if (i == LEARN_TOLD_MAX) {
		l->facts.more++;
		return;
	}
	if (i == t->n)
		t->v[t->n++] = (struct learn_told){.what = xasprintf("%.*s", (int)n, s)};
	t->v[i].times++;
}

/* The place that a path lies in, the deepest; NULL: in none. */
static struct place *place_of(const struct learn *l, const char *path, size_t n)
{
	struct place *best = NULL;

	for (size_t i = 0; i < l->nplaces; i++) {
		struct place *p = &l->places[i];

		if (n >= p->len && !memcmp(path, p->path, p->len) &&
		    (n == p->len || path[p->len] == '/') && (!best || p->len > best->len))
			best = p;
	}
	return best;
}

static void touch(struct learn *l, const char *path, size_t n, bool changed)
{
	struct place *p = n ? place_of(l, path, n) : NULL;

	if (!p)
		return;
	p->read = true;
	p->changed |= changed;
}

/* "tcp/www.example.org:80 (192.0.2.1)": what stands before the blank is a rule. */
static size_t rule_length(const struct event *ev)
{
	const char *blank = memchr(ev->path, ' ', ev->path_len);

	return blank ? (size_t)(blank - ev->path) : ev->path_len;
}

void learn_event(struct learn *l, const struct event *ev)
{
	l->facts.events++;
	switch (ev->class) {
	case EVENT_READ:
		l->facts.reads++;
		touch(l, ev->path, ev->path_len, false);
		break;
	case EVENT_CHANGE:
		l->facts.changes++;
		touch(l, ev->path, ev->path_len, true);
		if (ev->op == EVENT_RENAME || ev->op == EVENT_EXCHANGE || ev->op == EVENT_LINK)
			touch(l, ev->path2, ev->path2_len, true);
		break;
	case EVENT_DENIED:
		count(l, &l->denied, ev->path, ev->path_len);
		break;
	case EVENT_NET:
		if (ev->op == EVENT_CONNECT) {
			l->facts.flows++;
			count(l, &l->flows, ev->path, rule_length(ev));
		} else if (ev->op == EVENT_BLOCK) {
			count(l, &l->blocked, ev->path, ev->path_len);
		}
		break;
	default:
		break;
	}
}

void learn_facts(const struct learn *l, struct learn_facts *f)
{
	*f = l->facts;
	f->denied = l->denied.v;
	f->ndenied = l->denied.n;
	f->blocked = l->blocked.v;
	f->nblocked = l->blocked.n;
}

static int propose_paths(const struct learn *l, struct conf *out, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < l->nplaces; i++) {
		const struct place *p = &l->places[i];
		bool shown = p->read || !l->facts.reads;

		if (!shown)
			ret = conf_add_path(out, p->path, AUTH_HIDE, false, false, e);
		else if (p->at.word == AUTH_WRITE && !p->changed)
			ret = conf_add_path(out, p->path, AUTH_READ, p->at.own, p->at.secret, e);
	}
	return ret;
}

static int propose_net(const struct learn *l, struct conf *out, struct err *e)
{
	char text[RULE_TEXT_MAX];
	int ret = 0;

	if (out->net == CONF_NET_NONE)
		return 0;
	while (out->net_allow.n)
		free(out->net_allow.v[--out->net_allow.n]);
	for (size_t i = 0; !ret && i < l->flows.n; i++) {
		struct rule r;

		/* What a guest said of itself is no rule unless it reads as one. */
		if (!rule_parse(l->flows.v[i].what, false, &r, NULL))
			ret = conf_set(out, "net.allow", rule_text(&r, text), e);
	}
	if (ret)
		return ret;
	return conf_set(out, "net.mode", out->net_allow.n ? "list" : "none", e);
}

int learn_propose(const struct learn *l, struct conf *out, struct err *e)
{
	int ret = propose_paths(l, out, e);

	return ret ? ret : propose_net(l, out, e);
}
