/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/conf.h"
#include "core/buf.h"
#include "core/conf_schema.h"
#include "core/fd.h"
#include "core/ini.h"
#include "core/journal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(CONF_VALUE_MAX == INI_VALUE_MAX, "a value that is read fits");

bool conf_list_add(struct conf_list *l, const char *value)
{
	if (l->n == CONF_LIST_MAX)
		return false;
	l->v = xrealloc(l->v, (l->n + 2) * sizeof(l->v[0]));
	l->v[l->n++] = xstrdup(value);
	l->v[l->n] = NULL;
	return true;
}

void conf_list_free(struct conf_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct conf_list){0};
}

void conf_init(struct conf *c)
{
	*c = (struct conf){0};
	for (size_t i = 0; i < conf_schema_n; i++) {
		const struct schema *s = &conf_schema[i];
		struct conf_why why;

		if (*s->k.deflt && !schema_in_path(s))
			s->type->set(s, (char *)c + s->off, s->k.deflt, &why);
	}
}

void conf_free(struct conf *c)
{
	char *const texts[] = {c->user, c->home, c->shell, c->hostname,
			       c->cwd,	c->init, c->note,  c->console_record};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	for (size_t i = 0; i < c->npaths; i++)
		free(c->paths[i].path);
	free(c->paths);
	free(c->groups.v);
	conf_list_free(&c->command);
	conf_list_free(&c->env);
	conf_list_free(&c->net_publish);
	conf_list_free(&c->net_allow);
	conf_list_free(&c->net_deny);
	conf_list_free(&c->walls_missing);
	conf_list_free(&c->walls_need);
	*c = (struct conf){0};
}

/* The section of a path, made when it is not there yet; NULL with *why filled. */
static struct conf_path *path_get(struct conf *c, const char *path, bool *made,
				  struct conf_why *why)
{
	char normal[CONF_VALUE_MAX];

	*made = false;
	if (!conf_path_normal(path, normal, why))
		return NULL;
	for (size_t i = 0; i < c->npaths; i++)
		if (!strcmp(c->paths[i].path, normal))
			return &c->paths[i];
	if (c->npaths == CONF_LIST_MAX) {
		snprintf(why->text, sizeof(why->text), "too many paths: %d are the end",
			 CONF_LIST_MAX);
		return NULL;
	}
	c->paths = xrealloc(c->paths, (c->npaths + 1) * sizeof(c->paths[0]));
	c->paths[c->npaths] = (struct conf_path){.path = xstrdup(normal), .word = CONF_NO_WORD};
	*made = true;
	return &c->paths[c->npaths++];
}

/* Reading */

struct reading {
	struct conf *c;
	const char *name;
	size_t path; /* index of the [path] section that keys go to */
};

static int unknown(const struct reading *r, const struct ini_item *it, struct err *e)
{
	const struct schema *near = schema_guess(it->section, it->key);
	const struct schema *other = schema_find_key(it->key);

	if (other)
		return err_set(e, -EINVAL, "%s:%u: unknown key %s.%s: it belongs into [%s%s]",
			       r->name, it->line, it->section, it->key, other->k.section,
			       schema_in_path(other) ? " \"/DIR\"" : "");
	if (near)
		return err_set(e, -EINVAL, "%s:%u: unknown key %s.%s: did you mean %s?", r->name,
			       it->line, it->section, it->key, near->k.key);
	return err_set(e, -EINVAL,
		       "%s:%u: unknown key %s.%s: remove it, or see jail.conf(5) for all keys",
		       r->name, it->line, it->section, it->key);
}

static int read_section(struct reading *r, const struct ini_item *it, struct err *e)
{
	bool path = !strcmp(it->section, "path"), known = false, made;
	struct conf_path *p;
	struct conf_why why;

	for (size_t i = 0; i < conf_schema_n; i++)
		known |= !strcmp(conf_schema[i].k.section, it->section);
	if (!known)
		return err_set(e, -EINVAL,
			       "%s:%u: unknown section [%s]: see jail.conf(5) for all sections",
			       r->name, it->line, it->section);
	if (path != (it->sub != NULL))
		return err_set(e, -EINVAL, "%s:%u: [%s]: %s", r->name, it->line, it->section,
			       path ? "no path: write [path \"/DIR\"]"
				    : "this section has no name: leave the quoted part out");
	if (!path)
		return 0;
	p = path_get(r->c, it->sub, &made, &why);
	if (!p)
		return err_set(e, -EINVAL, "%s:%u: [path \"%.100s\"]: %s", r->name, it->line,
			       it->sub, why.text);
	if (made)
		p->line = it->line;
	r->path = (size_t)(p - r->c->paths);
	return 0;
}

static int read_item(void *user, const struct ini_item *it, struct err *e)
{
	struct reading *r = user;
	const struct schema *s;
	struct conf_why why;
	char *base;

	if (!it->key)
		return read_section(r, it, e);
	s = schema_find(it->section, it->key);
	if (!s)
		return unknown(r, it, e);
	base = schema_in_path(s) ? (char *)&r->c->paths[r->path] : (char *)r->c;
	if (!s->type->set(s, base + s->off, it->value, &why))
		return err_set(e, -EINVAL, "%s:%u: %s%s%.60s: %s", r->name, it->line, it->key,
			       it->value ? " = " : "", it->value ? it->value : "", why.text);
	return 0;
}

static int check_path(const struct conf_path *p, const char *name, struct err *e)
{
	const char *why = NULL;
	char where[32] = "";

	if (p->word == CONF_NO_WORD)
		why = "no access: add access = read, write, fresh or hide";
	else if (p->secret && !p->own)
		why = "secret without own: add own = yes, or remove secret";
	else if (p->own && (p->word == AUTH_FRESH || p->word == AUTH_HIDE))
		why = "own has no effect on fresh and hide: remove it";
	if (!why)
		return 0;
	if (p->line)
		snprintf(where, sizeof(where), "%u: ", p->line);
	return err_set(e, -EINVAL, "%s:%s%s[path \"%.100s\"]: %s", name, where, *where ? "" : " ",
		       p->path, why);
}

int conf_check(const struct conf *c, const char *name, struct err *e)
{
	const char *why = NULL;

	if (c->command.n && !*c->command.v[0])
		why = "arg without command: add command = PROGRAM";
	else if (c->cpus > 1 && c->speed != CONF_TRUSTING)
		why = "more than 1 of cpus needs speed = trusting: add it, or write cpus = 1";
	else if (!strcmp(c->user, "root") != (c->uid == 0))
		why = "user and uid do not fit: root is 0 and nobody else is; set both";
	else if (c->console_record && c->console_record[0] != '/' &&
		 strcmp(c->console_record, "yes") != 0 && strcmp(c->console_record, "no") != 0)
		why = "record is yes, no or an absolute path";
	else if (c->events_keep && c->events_keep < JOURNAL_KEEP_MIN)
		why = "keep is 0 or at least 256K";
	if (why)
		return err_set(e, -EINVAL, "%s: %s", name, why);
	for (size_t i = 0; i < c->npaths; i++)
		if (check_path(&c->paths[i], name, e) < 0)
			return -EINVAL;
	return 0;
}

int conf_parse(const char *text, size_t n, const char *name, struct conf *c, struct err *e)
{
	struct reading r = {.c = c, .name = name};
	int ret;

	conf_init(c);
	if (n > CONF_FILE_MAX)
		ret = err_set(e, -EINVAL, "%s: larger than %d KiB: this is no jail.conf", name,
			      CONF_FILE_MAX / 1024);
	else
		ret = ini_parse(text, n, name, read_item, &r, e);
	if (!ret)
		ret = conf_check(c, name, e);
	if (ret)
		conf_free(c);
	return ret;
}

int conf_load(int dirfd, const char *path, struct conf *c, struct err *e)
{
	const char *name = strrchr(path, '/');
	struct buf text = {0};
	int ret;

	name = name ? name + 1 : path;
	*c = (struct conf){0};
	ret = file_read_at(dirfd, path, CONF_FILE_MAX, &text);
	if (ret == -ENOENT)
		err_set(e, ret, "%s: no such file: is this a jail's directory?", path);
	else if (ret < 0)
		err_set(e, ret, "%s: cannot be read: %s", path, strerror(-ret));
	else
		ret = conf_parse(buf_cstr(&text), text.len, name, c, e);
	buf_free(&text);
	return ret;
}

/* Setting */

const struct schema *conf_split_key(const char *key, char *path, size_t size, struct conf_why *why)
{
	const char *first = strchr(key, '.'), *last = strrchr(key, '.');
	const struct schema *s, *near;
	char section[INI_NAME_MAX];

	*path = '\0';
	if (!first) {
		s = schema_find_key(key);
		near = schema_guess(NULL, key);
	} else {
		snprintf(section, sizeof(section), "%.*s", (int)(first - key), key);
		s = schema_find(section, last + 1);
		near = schema_guess(section, last + 1);
		if (last > first)
			snprintf(path, size, "%.*s", (int)(last - first - 1), first + 1);
	}
	if (s && schema_in_path(s) == (*path != '\0'))
		return s;
	if (s)
		snprintf(why->text, sizeof(why->text), "%s",
			 *path ? "this section has no name: leave the middle part out"
			       : "no path: write path./DIR.access");
	else if (near)
		snprintf(why->text, sizeof(why->text), "unknown key: did you mean %s.%s?",
			 near->k.section, near->k.key);
	else
		snprintf(why->text, sizeof(why->text), "unknown key: see jail.conf(5) for all");
	return NULL;
}

int conf_set(struct conf *c, const char *key, const char *value, struct err *e)
{
	char path[CONF_VALUE_MAX];
	struct conf_why why;
	const struct schema *s = conf_split_key(key, path, sizeof(path), &why);
	char *base = (char *)c;
	bool made = false;

	if (s && *path)
		base = (char *)path_get(c, path, &made, &why);
	if (s && base && s->type->set(s, base + s->off, value, &why))
		return 0;
	if (made) /* a section without a right setting is none */
		free(c->paths[--c->npaths].path);
	return err_set(e, -EINVAL, "%.100s = %.60s: %s", key, value ? value : "", why.text);
}

int conf_set_command(struct conf *c, int argc, char *const *argv, struct err *e)
{
	struct conf_list l = {0};
	int i;

	if (argc > 0 && !*argv[0])
		return err_set(e, -EINVAL, "command: no program: write a path or a name");
	for (i = 0; i < argc; i++)
		if (strlen(argv[i]) >= CONF_VALUE_MAX || !conf_list_add(&l, argv[i]))
			break;
	if (i < argc) {
		conf_list_free(&l);
		return err_set(e, -EINVAL,
			       "command: too long: %d arguments of %d bytes are the end, "
			       "put it into a script",
			       CONF_LIST_MAX, CONF_VALUE_MAX - 1);
	}
	conf_list_free(&c->command);
	c->command = l;
	return 0;
}

int conf_add_path(struct conf *c, const char *path, enum auth_word word, bool own, bool secret,
		  struct err *e)
{
	struct conf_why why;
	bool made;
	struct conf_path *p = path_get(c, path, &made, &why);

	if (!p)
		return err_set(e, -EINVAL, "%.200s: %s", path, why.text);
	p->word = word;
	p->own = own;
	p->secret = secret;
	p->line = 0;
	return 0;
}

const char *conf_home(const struct conf *c, char *buf, size_t size)
{
	if (c->home)
		snprintf(buf, size, "%s", c->home);
	else if (!c->uid)
		snprintf(buf, size, "/root");
	else
		snprintf(buf, size, "/home/%s", c->user);
	return buf;
}

const char *conf_profile_name(enum conf_profile p)
{
	return p == CONF_BLANK ? "blank" : p == CONF_APP ? "app" : "box";
}

const char *conf_speed_name(enum conf_speed s)
{
	return s == CONF_TRUSTING ? "trusting" : "safe";
}

const char *conf_net_name(enum conf_net n)
{
	static const char *const names[] = {[CONF_NET_NONE] = "none",
					    [CONF_NET_OPEN] = "open",
					    [CONF_NET_ASK] = "ask",
					    [CONF_NET_LIST] = "list"};

	return names[n];
}
