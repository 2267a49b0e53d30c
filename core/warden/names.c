/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which program a process of the guest is, as the guest tells, for the events that it causes. A
 * table of fixed size: a number that another one has taken the place of is forgotten.
 */
#include "core/warden/internal.h"
#include <stdlib.h>
#include <string.h>

#define SLOTS 4096 /* a power of two */

struct names {
	struct {
		uint32_t pid;
		uint8_t len;
		char name[EVENT_COMM_MAX];
	} slot[SLOTS];
};

void names_told(void *user, uint32_t pid, uint32_t parent, const char *name, size_t n)
{
	struct warden *w = user;
	const char *of;
	size_t of_len;

	if (!w->names)
		w->names = xcalloc(1, sizeof(*w->names));
	if (parent) {
		of_len = names_find(w, parent, &of);
		if (!of_len)
			return;
		char copy[EVENT_COMM_MAX];
		memcpy(copy, of, of_len);
		names_told(user, pid, 0, copy, of_len);
		return;
	}
	if (n > EVENT_COMM_MAX)
		n = EVENT_COMM_MAX;
	w->names->slot[pid % SLOTS].pid = pid;
	w->names->slot[pid % SLOTS].len = (uint8_t)n;
	memcpy(w->names->slot[pid % SLOTS].name, name, n);
}

size_t names_find(const struct warden *w, uint32_t pid, const char **name)
{
	const struct names *t = w->names;

	*name = "";
	if (!t || !pid || t->slot[pid % SLOTS].pid != pid)
		return 0;
	*name = t->slot[pid % SLOTS].name;
	return t->slot[pid % SLOTS].len;
}

void names_forget(struct warden *w)
{
	free(w->names);
	w->names = NULL;
}
