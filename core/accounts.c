/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/accounts.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_USER 1000 /* of people, by Debian's policy, section 9.2.2 */
#define NOBODY 65534
#define FIELDS 7
#define LINE_MAX_BYTES 8192

/* A line of passwd or group, cut into its fields. */
struct line {
	char text[LINE_MAX_BYTES];
	char *f[FIELDS];
	unsigned id; /* field 2 */
};

/*
 * Takes the next line with nfields fields, a name, and a system's ID as field 2. False at the end.
 */
static bool next_line(const char **text, int nfields, struct line *l)
{
	while (**text) {
		const char *start = *text;
		size_t n = strcspn(start, "\n");
		int k = 0;
		char *end;

		*text = start + n + (start[n] == '\n');
		if (n >= sizeof(l->text) || *start == '#' || *start == '+' || *start == '-')
			continue;
		memcpy(l->text, start, n);
		l->text[n] = '\0';
		for (char *p = l->text; p && k <= FIELDS; k++) {
			if (k < FIELDS)
				l->f[k] = p;
			p = strchr(p, ':');
			if (p)
				*p++ = '\0';
		}
		if (k != nfields || !*l->f[0] || !*l->f[2])
			continue;
		l->id = (unsigned)strtoul(l->f[2], &end, 10);
		if (!*end && *l->f[2] >= '0' && *l->f[2] <= '9' &&
		    (l->id < FIRST_USER || l->id == NOBODY))
			return true;
	}
	return false;
}

static bool has_user(const struct made_config *c)
{
	return c->name && c->uid != 0;
}

/* True when name begins a line of text. */
static bool has_name(const struct buf *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = buf_cstr(text); *p;) {
		if (!strncmp(p, name, n) && p[n] == ':')
			return true;
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return false;
}

static void add_passwd(struct accounts *a, const char *name, unsigned uid, unsigned gid,
		       const char *gecos, const char *home, const char *shell)
{
	if (has_name(&a->passwd, name))
		return;
	buf_fmt(&a->passwd, "%s:x:%u:%u:%s:%s:%s\n", name, uid, gid, gecos, home, shell);
	/* no dates: a locked password does not age */
	buf_fmt(&a->shadow, "%s:*:::::::\n", name);
}

static void add_group(struct accounts *a, const char *name, unsigned gid, const char *members)
{
	if (has_name(&a->group, name))
		return;
	buf_fmt(&a->group, "%s:x:%u:%s\n", name, gid, members);
	buf_fmt(&a->gshadow, "%s:*::%s\n", name, members);
}

static void make_passwd(struct accounts *a, const char *host, const struct made_config *c)
{
	const char *root_shell = c->name && !c->uid && c->shell ? c->shell : NULL;
	struct line l;

	while (next_line(&host, 7, &l)) {
		bool root = !strcmp(l.f[0], "root");
		unsigned gid = (unsigned)strtoul(l.f[3], NULL, 10);

		if (root && l.id)
			continue;
		/* the jail's user comes at the end, with his own fields */
		if (has_user(c) && (l.id == c->uid || !strcmp(l.f[0], c->name)))
			continue;
		add_passwd(a, l.f[0], l.id, gid, l.f[4], root ? "/root" : l.f[5],
			   root && root_shell ? root_shell : l.f[6]);
	}
	add_passwd(a, "root", 0, 0, "root", "/root", root_shell ? root_shell : "/bin/sh");
	if (has_user(c))
		add_passwd(a, c->name, c->uid, c->gid, c->gecos ? c->gecos : "", c->home, c->shell);
}

/* Those of a comma list who are accounts of the jail. */
static void filter_members(const struct accounts *a, char *list, struct buf *out)
{
	char *save = NULL;

	for (char *m = strtok_r(list, ",", &save); m; m = strtok_r(NULL, ",", &save)) {
		if (!has_name(&a->passwd, m))
			continue;
		if (out->len)
			buf_ch(out, ',');
		buf_str(out, m);
	}
}

static void make_group(struct accounts *a, const char *host, const struct made_config *c)
{
	bool have_gid = false;
	struct line l;
	char own[16];

	while (next_line(&host, 4, &l)) {
		struct buf members = {0};

		filter_members(a, l.f[3], &members);
		add_group(a, l.f[0], l.id, buf_cstr(&members));
		buf_free(&members);
		have_gid |= has_user(c) && l.id == c->gid;
		if (!strcmp(l.f[0], "shadow"))
			a->shadow_gid = l.id;
	}
	add_group(a, "root", 0, "");
	if (!has_user(c) || have_gid || c->gid == 0)
		return;
	snprintf(own, sizeof(own), "g%u", c->gid);
	add_group(a, c->group && !has_name(&a->group, c->group) ? c->group : own, c->gid, "");
}

void accounts_make(struct accounts *a, const char *passwd, const char *group,
		   const struct made_config *c)
{
	*a = (struct accounts){0};
	make_passwd(a, passwd, c);
	make_group(a, group, c);
}

void accounts_free(struct accounts *a)
{
	buf_free(&a->passwd);
	buf_free(&a->group);
	buf_free(&a->shadow);
	buf_free(&a->gshadow);
}
