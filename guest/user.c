/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/user.h"
#include "guest/str.h"
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 1024 * 1024 };

/* Cuts line at its colons, in place, into n fields; false when there are fewer. */
static bool split(char *line, char **field, int n)
{
	for (int i = 0; i < n; i++) {
		field[i] = line;
		line += strcspn(line, ":");
		if (*line)
			*line++ = '\0';
		else if (i < n - 1)
			return false;
	}
	return true;
}

/* The next line of *text as a string, in place; NULL at the end. */
static char *next_line(char **text)
{
	char *line = *text;
	size_t n = strcspn(line, "\n");

	if (!*line)
		return NULL;
	*text = line + n + (line[n] == '\n');
	line[n] = '\0';
	return line;
}

static bool number(const char *s, uint32_t *v)
{
	uint64_t wide;

	if (!str_parse(&s, UINT32_MAX - 1, &wide) || *s)
		return false;
	*v = (uint32_t)wide;
	return true;
}

bool user_find(struct user *u, const char *name)
{
	char *text = file_load("/etc/passwd", FILE_MAX_BYTES), *at = text, *line;
	/* name, password, uid, gid, gecos, home, shell */
	char *f[7];
	uint32_t uid, gid;

	u->known = false;
	strcpy(u->home, "/");
	strcpy(u->shell, "/bin/sh");
	while (text && !u->known && (line = next_line(&at)) != NULL) {
		if (!split(line, f, 7) || !number(f[2], &uid) || !number(f[3], &gid))
			continue;
		if (*name ? strcmp(f[0], name) != 0 : uid != u->uid)
			continue;
		if (strlen(f[0]) >= sizeof(u->name) || strlen(f[5]) >= sizeof(u->home) ||
		    strlen(f[6]) >= sizeof(u->shell))
			continue;
		u->known = true;
		u->uid = uid;
		if (*name || u->gid == CHAN_LOOKUP)
			u->gid = gid;
		strcpy(u->name, f[0]);
		if (*f[5])
			strcpy(u->home, f[5]);
		if (*f[6])
			strcpy(u->shell, f[6]);
	}
	free(text);
	if (u->gid == CHAN_LOOKUP)
		u->gid = u->uid;
	return u->known;
}

/* True when the comma-separated list names the user. */
static bool lists(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (; *list; list += strspn(list, ",")) {
		size_t k = strcspn(list, ",");

		if (k == n && memcmp(list, name, n) == 0)
			return true;
		list += k;
	}
	return false;
}

void user_find_groups(struct user *u)
{
	char *text = u->known ? file_load("/etc/group", FILE_MAX_BYTES) : NULL, *at = text, *line;
	char *f[4]; /* name, password, gid, members */
	uint32_t gid;

	u->groups[0] = u->gid;
	u->ngroups = 1;
	while (text && u->ngroups < CHAN_MAX_GROUPS && (line = next_line(&at)) != NULL)
		if (split(line, f, 4) && number(f[2], &gid) && gid != u->gid &&
		    lists(f[3], u->name))
			u->groups[u->ngroups++] = gid;
	free(text);
}
